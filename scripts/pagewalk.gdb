# Commands for gdb at a Pagewalk machine (npm start -- --gdb --wait). In the root of the repository:
#
#     gdb-multiarch guest-kernel/prebuilt/kernel.elf -x scripts/pagewalk.gdb -ex 'target remote :1234'

# A function that gdb calls and that ends in a fault is given up, and the registers are as they were.
set unwindonsignal on

define user
  add-symbol-file guest-user/debug/$arg0.debug
end
document user
user PROGRAM: know the symbols and lines of a program of ours, such as `user cowdemo`.
Breakpoints in it also match other programs that have code at the same address, and the
kernel's idle moments: `break cowdemo.c:30 if $priv == 0` keeps to user mode.
end

define into
  tbreak *$stvec
  stepi
end
document into
into: step into the kernel. At an ecall, or at an instruction that faults, `stepi` would come
back behind it, because gdb steps by a breakpoint on the instruction that it expects next.
end

define out
  tbreak *$sepc+4
  continue
end
document out
out: in the kernel before anything else was trapped, back to the program behind its ecall.
end

define pte
  set $va = (unsigned long)($arg0)
  maintenance packet Qqemu.PhyMemMode:1
  set $two = (($satp & 0xfffffffffff) << 12) + (($va >> 30) & 511) * 8
  set $one = ((*(unsigned long *)$two >> 10) << 12) + (($va >> 21) & 511) * 8
  set $pte = ((*(unsigned long *)$one >> 10) << 12) + (($va >> 12) & 511) * 8
  printf "level 2 at 0x%lx: 0x%016lx\n", $two, *(unsigned long *)$two
  printf "level 1 at 0x%lx: 0x%016lx\n", $one, *(unsigned long *)$one
  printf "level 0 at 0x%lx: 0x%016lx\n", $pte, *(unsigned long *)$pte
  maintenance packet Qqemu.PhyMemMode:0
end
document pte
pte ADDRESS: the entries that the hart's page table has for a virtual address in 4 KiB pages. The
address of the last one is left in $pte: `watch *(unsigned long *)$pte` stops when the kernel
writes it, and `reverse-continue` goes back to who wrote it last. (`monitor walk ADDRESS` says
in words what the entries mean.)
end
