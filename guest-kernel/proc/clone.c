/*
 * Clones: processes that share an address space (abi/clone.h).
 *
 * A vm_map belongs to one process; its clones are the bits of map->clones.
 * Clone number n has its trapframe mapped n pages below TRAPFRAME
 * (p->clone_slot). The owner waits for its clones before the map goes, so
 * that these need not count references.
 */
#include "types.h"
#include "defs.h"
#include "memlayout.h"
#include "riscv.h"
#include "proc.h"
#include "vm.h"
#include "abi/errno.h"
#include "abi/clone.h"

/* Guards clones and ending of all maps. */
static struct spinlock clone_lock;

/* Called once, at boot. */
void
clone_init(void)
{
  initlock(&clone_lock, "clones");
}

/* Where p's trapframe is mapped in its address space. */
uint64
trapframe_address(struct proc *p)
{
  return TRAPFRAME - (uint64)p->clone_slot * PGSIZE;
}

/* Let child, a process-to-be with a trapframe, share the map. 0, or -EAGAIN when there are too many clones or the owner ends. */
int
clone_join(struct vm_map *map, struct proc *child)
{
  int slot;

  acquire(&clone_lock);
  for (slot = 1; slot <= NCLONE && (map->clones & (1u << slot)); slot++)
    ;
  if (map->ending || slot > NCLONE) {
    release(&clone_lock);
    return -EAGAIN;
  }
  map->clones |= 1u << slot;
  child->clone_slot = slot;
  child->map = map;
  release(&clone_lock);
  pmap_set_trapframe(&map->pmap, trapframe_address(child), child->trapframe);
  return 0;
}

/* Make all clones that use the map end. */
static void
kill_clones(struct vm_map *map)
{
  for (struct proc *p = proc; p < &proc[NPROC]; p++) {
    int found;
    acquire(&p->lock);
    found = p->clone_slot && p->map == map;
    if (found)
      p->killed = 1;
    release(&p->lock);
    if (found)
      unsleep(p);
  }
}

/* Wait until the map, which its owner has left, has no clones. */
static void
end_clones(struct vm_map *map)
{
  acquire(&clone_lock);
  map->ending = 1;
  if (map->clones) {
    release(&clone_lock);
    kill_clones(map);
    acquire(&clone_lock);
    while (map->clones)
      sleep(&map->clones, &clone_lock);
  }
  release(&clone_lock);
}

/* The current process uses the map no longer (p->map is another, or null): give it back, if it is the owner. */
void
leave_map(struct proc *p, struct vm_map *map)
{
  wait_inspectors(p);
  if (p->clone_slot == 0) {
    end_clones(map);
    vm_map_destroy(map);
    return;
  }
  pmap_set_trapframe(&map->pmap, trapframe_address(p), 0);
  acquire(&clone_lock);
  map->clones &= ~(1u << p->clone_slot);
  p->clone_slot = 0;
  wakeup(&map->clones);
  release(&clone_lock);
}

/* clone(flags, stack). */
long
sys_clone(void)
{
  uint64 stack = argraw(1);

  if (argraw(0) != CLONE_VM || stack == 0)
    return -EINVAL;
  return fork_with(stack);
}
