/* What vmcheck_stop.c offers to vmcheck.c. */
#ifndef VMCHECK_PARTS_H
#define VMCHECK_PARTS_H

#include "types.h"

void vm_check_stop(void);
void vm_check_restart(void);
void vm_check_set_gate(int closed);

#endif
