// virtio over memory-mapped registers, version 2 ("modern"), and the block device:
// "Virtual I/O Device (VIRTIO) Version 1.1", sections 4.2, 2.6 and 5.2.

#ifndef PAGEWALK_VIRTIO_H
#define PAGEWALK_VIRTIO_H

#include "types.h"

// Registers, offsets from the start of a slot (section 4.2.2).
#define VIRTIO_MMIO_MAGIC            0x000   // reads "virt"
#define VIRTIO_MMIO_VERSION          0x004   // 2; 1 is the legacy layout
#define VIRTIO_MMIO_DEVICE_ID        0x008   // 0 empty slot, 2 block
#define VIRTIO_MMIO_DEVICE_FEATURES  0x010
#define VIRTIO_MMIO_DEVICE_FEATSEL   0x014
#define VIRTIO_MMIO_DRIVER_FEATURES  0x020
#define VIRTIO_MMIO_DRIVER_FEATSEL   0x024
#define VIRTIO_MMIO_QUEUE_SEL        0x030
#define VIRTIO_MMIO_QUEUE_NUM_MAX    0x034
#define VIRTIO_MMIO_QUEUE_NUM        0x038
#define VIRTIO_MMIO_QUEUE_READY      0x044
#define VIRTIO_MMIO_QUEUE_NOTIFY     0x050
#define VIRTIO_MMIO_INTERRUPT_STATUS 0x060
#define VIRTIO_MMIO_INTERRUPT_ACK    0x064
#define VIRTIO_MMIO_STATUS           0x070
#define VIRTIO_MMIO_QUEUE_DESC_LOW   0x080
#define VIRTIO_MMIO_QUEUE_DESC_HIGH  0x084
#define VIRTIO_MMIO_QUEUE_AVAIL_LOW  0x090
#define VIRTIO_MMIO_QUEUE_AVAIL_HIGH 0x094
#define VIRTIO_MMIO_QUEUE_USED_LOW   0x0a0
#define VIRTIO_MMIO_QUEUE_USED_HIGH  0x0a4
#define VIRTIO_MMIO_CONFIG           0x100

#define VIRTIO_MAGIC         0x74726976
#define VIRTIO_ID_BLOCK      2

// Device status bits (section 2.1).
#define VIRTIO_ACKNOWLEDGE   1
#define VIRTIO_DRIVER        2
#define VIRTIO_DRIVER_OK     4
#define VIRTIO_FEATURES_OK   8
#define VIRTIO_NEEDS_RESET   64
#define VIRTIO_FAILED        128

// Feature bits.
#define VIRTIO_BLK_F_RO      5
#define VIRTIO_BLK_F_FLUSH   9
#define VIRTIO_F_VERSION_1   32

// A split virtqueue (section 2.6): a table of descriptors and two rings.
#define VRING_MAX            256     // descriptors that this driver uses at most
#define VRING_DESC_NEXT      1
#define VRING_DESC_WRITE     2       // the device writes this part

struct vring_desc {
  uint64 addr;
  uint32 len;
  uint16 flags;
  uint16 next;
};

struct vring_avail {
  uint16 flags;
  uint16 idx;
  uint16 ring[VRING_MAX];
};

struct vring_used_elem {
  uint32 id;                         // head of the finished chain
  uint32 len;
};

struct vring_used {
  uint16 flags;
  uint16 idx;
  struct vring_used_elem ring[VRING_MAX];
};

// Block requests (section 5.2.6).
#define VIRTIO_BLK_T_IN      0
#define VIRTIO_BLK_T_OUT     1
#define VIRTIO_BLK_T_FLUSH   4
#define VIRTIO_BLK_S_OK      0
#define SECTOR_SIZE          512

struct virtio_blk_header {
  uint32 type;
  uint32 reserved;
  uint64 sector;
};

// One transfer of one 4096-byte block, or a flush. The owner fills in data, blockno and op, calls
// virtio_disk_start, and must leave all of it alone until done(io) has been called, from the
// interrupt handler and without any lock of the driver held; error then says whether it failed.
enum diskop { DISK_READ, DISK_WRITE, DISK_FLUSH };

struct diskio {
  void *data;
  uint64 blockno;
  enum diskop op;
  int error;
  void (*done)(struct diskio *io);
  struct diskio *next;               // the driver's
};

struct buf;

// dev/virtio_disk.c
void   virtio_disk_init(void);
uint64 virtio_disk_blocks(void);
void   virtio_disk_start(struct diskio *io);
void   virtio_disk_kick(void);
void   virtio_disk_rw(struct buf *b, int write);
int    virtio_disk_flush(void);
void   virtio_disk_intr(void);

#endif
