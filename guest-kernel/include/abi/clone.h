/*
 * clone(flags, stack): a child that runs in the caller's address space. flags
 * is CLONE_VM; the child returns 0 with sp = stack, the caller gets its
 * number, for wait, kill and futex's wake. It has registers, signals and
 * copies of the descriptors of its own. When the process that the address
 * space belongs to ends or calls exec, its clones end. A clone that calls exec
 * becomes a process like any other. The vDSO's getpid tells the owner's
 * number, the system call the clone's own.
 */
#ifndef ABI_CLONE_H
#define ABI_CLONE_H

#define CLONE_VM 0x100

#endif
