/* The page cache: between vnode_pages.c, vnode_io.c, vnode_file.c and vnode_map.c. */
#ifndef VNODE_PARTS_H
#define VNODE_PARTS_H

#include "types.h"

struct inode;
struct vm_object;
struct vm_page;

/* vnode_pages.c */
struct inode *vnode_inode(struct vm_object *o);
void vnode_set_bytes(struct vm_object *o, uint64 bytes);
void vnode_mark_clean(struct vm_page *pg);
void vnode_drop_page(struct vm_page *pg);
struct vm_page *vnode_frame(void);
int vnode_has_page(struct vm_object *o, uint64 offset);
void vnode_insert_page(struct vm_object *o, uint64 offset, struct vm_page *pg, uint block, int flags);

/* vnode_io.c */
int vnode_fetch(struct vm_object *, uint64 offset);
int vnode_allocate(struct vm_object *, uint64 offset);
int vnode_fresh_page(struct inode *ip, uint64 offset, uint block);
struct vm_page *vnode_ready_page(struct inode *ip, uint64 offset, uint64 ahead, int *error);

#endif
