/* What vm_slots.c offers to vm_swap.c alone. The lock of the object's family is held, where there is an object. */
#ifndef SWAP_PARTS_H
#define SWAP_PARTS_H

#include "types.h"

struct vm_object;

void slot_enter(uint32 n, struct vm_object *, uint64 offset);
void slot_give_back(uint32 n);
int slot_take_run(int n, uint32 *first);
int slot_set_charged(uint32 n, int charged);
uint64 slot_block(uint32 n);
int slot_holds(uint32 n, struct vm_object *, uint64 offset);

#endif
