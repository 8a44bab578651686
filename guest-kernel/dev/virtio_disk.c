// Driver of the virtio block device in slot 0. See virtio.h for the structures.
//
// Transfers are asynchronous: virtio_disk_start puts one into the queue, virtio_disk_kick tells the
// device about all that have been put there, and the interrupt handler calls each one's done function.
// A request needs three descriptors: header, data, status byte. Descriptors 3i, 3i + 1 and 3i + 2 belong
// to slot i for ever and are chained once, so that only the data's address changes.

#include "types.h"
#include "param.h"
#include "memlayout.h"
#include "riscv.h"
#include "spinlock.h"
#include "sleeplock.h"
#include "proc.h"
#include "buf.h"
#include "defs.h"
#include "virtio.h"
#include "abi/errno.h"

#define NSLOTS (VRING_MAX / 3)

struct slot {
  struct virtio_blk_header header;   // read by the device
  uchar status;                      // written by the device
  struct diskio *io;                 // who waits for it
};

static struct {
  struct spinlock lock;
  struct vring_desc *desc;           // each a frame of its own
  volatile struct vring_avail *avail;
  volatile struct vring_used *used;
  uint size;                         // descriptors, entries of the rings
  uint16 put;                        // requests made available so far, kicked or not
  uint16 seen;                       // used entries that the handler has dealt with
  struct slot slot[NSLOTS];
  uint16 free[NSLOTS];               // numbers of the slots that are not in use
  uint nfree;
  int kick_needed;
  int has_flush;
  uint64 blocks;
} disk;

static volatile uint32 *
reg(uint offset)
{
  return (volatile uint32 *)(VIRTIO(0) + offset);
}

#define HOW_QEMU "-drive file=DISK,if=none,format=raw,id=x0 -device virtio-blk-device,drive=x0,bus=virtio-mmio-bus.0"

// Is a disk that we can drive in the slot?
static void
identify(void)
{
  if (*reg(VIRTIO_MMIO_MAGIC) != VIRTIO_MAGIC)
    panic("no disk: there is no virtio slot at 0x%lx (magic 0x%x); is this a QEMU-virt machine?",
          VIRTIO(0), *reg(VIRTIO_MMIO_MAGIC));
  uint32 id = *reg(VIRTIO_MMIO_DEVICE_ID);
  if (id == 0)
    panic("no disk: virtio slot 0 is empty; give the machine a disk (QEMU: " HOW_QEMU ")");
  uint32 version = *reg(VIRTIO_MMIO_VERSION);
  if (version != 2)
    panic("the disk in virtio slot 0 speaks version %d, this kernel version 2 (QEMU: -global virtio-mmio.force-legacy=false)",
          version);
  if (id != VIRTIO_ID_BLOCK)
    panic("no disk: virtio slot 0 holds device type %d, a disk is type %d", id, VIRTIO_ID_BLOCK);
}

// 32 feature bits from `select` * 32 on.
static uint32
features(uint32 select)
{
  *reg(VIRTIO_MMIO_DEVICE_FEATSEL) = select;
  return *reg(VIRTIO_MMIO_DEVICE_FEATURES);
}

// Agree on features: version 1 of the standard, and flushing where it exists.
static void
negotiate(void)
{
  uint32 low = features(0), high = features(1);
  if (low & (1 << VIRTIO_BLK_F_RO))
    panic("the disk is read-only; the file system needs to write");
  if ((high & (1 << (VIRTIO_F_VERSION_1 - 32))) == 0)
    panic("the disk does not offer version 1 of the virtio standard (features 0x%x 0x%x)", high, low);
  disk.has_flush = (low & (1 << VIRTIO_BLK_F_FLUSH)) != 0;
  *reg(VIRTIO_MMIO_DRIVER_FEATSEL) = 0;
  *reg(VIRTIO_MMIO_DRIVER_FEATURES) = low & (1 << VIRTIO_BLK_F_FLUSH);
  *reg(VIRTIO_MMIO_DRIVER_FEATSEL) = 1;
  *reg(VIRTIO_MMIO_DRIVER_FEATURES) = 1 << (VIRTIO_F_VERSION_1 - 32);
  *reg(VIRTIO_MMIO_STATUS) |= VIRTIO_FEATURES_OK;
  if ((*reg(VIRTIO_MMIO_STATUS) & VIRTIO_FEATURES_OK) == 0)
    panic("the disk refuses the features that this driver needs");
}

static void
set_address(uint low_register, const volatile void *p)
{
  *reg(low_register) = (uint32)(uint64)p;
  *reg(low_register + 4) = (uint32)((uint64)p >> 32);
}

// Make queue 0 and chain its descriptors.
static void
make_queue(void)
{
  *reg(VIRTIO_MMIO_QUEUE_SEL) = 0;
  if (*reg(VIRTIO_MMIO_QUEUE_READY) != 0)
    panic("the disk's queue is in use before it has been set up");
  uint max = *reg(VIRTIO_MMIO_QUEUE_NUM_MAX);
  disk.size = VRING_MAX;
  while (disk.size > max)
    disk.size /= 2;
  if (disk.size < 4)
    panic("the disk's queue holds only %d entries, at least 4 are needed", max);
  disk.desc = kpage_alloc();
  disk.avail = kpage_alloc();
  disk.used = kpage_alloc();
  if (!disk.desc || !disk.avail || !disk.used)
    panic("no memory for the disk's queue");
  *reg(VIRTIO_MMIO_QUEUE_NUM) = disk.size;
  set_address(VIRTIO_MMIO_QUEUE_DESC_LOW, disk.desc);
  set_address(VIRTIO_MMIO_QUEUE_AVAIL_LOW, disk.avail);
  set_address(VIRTIO_MMIO_QUEUE_USED_LOW, disk.used);
  *reg(VIRTIO_MMIO_QUEUE_READY) = 1;

  for (uint i = 0; i < disk.size / 3; i++) {
    struct vring_desc *d = &disk.desc[3 * i];
    struct slot *s = &disk.slot[i];
    d[0] = (struct vring_desc){ (uint64)&s->header, sizeof(s->header), VRING_DESC_NEXT, 3 * i + 1 };
    d[1] = (struct vring_desc){ 0, BSIZE, VRING_DESC_NEXT, 3 * i + 2 };
    d[2] = (struct vring_desc){ (uint64)&s->status, 1, VRING_DESC_WRITE, 0 };
    disk.free[disk.nfree++] = i;
  }
}

// Find the disk and make it ready.
void
virtio_disk_init(void)
{
  initlock(&disk.lock, "disk");
  identify();
  *reg(VIRTIO_MMIO_STATUS) = 0;
  *reg(VIRTIO_MMIO_STATUS) = VIRTIO_ACKNOWLEDGE;
  *reg(VIRTIO_MMIO_STATUS) |= VIRTIO_DRIVER;
  negotiate();
  make_queue();
  uint64 sectors = (uint64)*reg(VIRTIO_MMIO_CONFIG + 4) << 32 | *reg(VIRTIO_MMIO_CONFIG);
  disk.blocks = sectors / (BSIZE / SECTOR_SIZE);
  if (disk.blocks < 2)
    panic("the disk is too small: %d sectors of 512 bytes", (int)sectors);
  *reg(VIRTIO_MMIO_STATUS) |= VIRTIO_DRIVER_OK;
}

// Size of the disk in whole blocks.
uint64
virtio_disk_blocks(void)
{
  return disk.blocks;
}

// Tell the device about the requests in the queue. disk.lock held.
static void
kick(void)
{
  if (!disk.kick_needed)
    return;
  disk.kick_needed = 0;
  __sync_synchronize();
  disk.avail->idx = disk.put;
  __sync_synchronize();
  *reg(VIRTIO_MMIO_QUEUE_NOTIFY) = 0;
}

// Fill in slot s for a transfer; returns the first descriptor of its chain.
static uint
fill(uint s, struct diskio *io)
{
  struct slot *slot = &disk.slot[s];
  struct vring_desc *d = &disk.desc[3 * s];

  slot->io = io;
  slot->status = 0xff;
  slot->header.reserved = 0;
  if (io->op == DISK_FLUSH) {
    slot->header.type = VIRTIO_BLK_T_FLUSH;
    slot->header.sector = 0;
    d[0].next = 3 * s + 2;   // no data
    return 3 * s;
  }
  slot->header.type = io->op == DISK_WRITE ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
  slot->header.sector = io->blockno * (BSIZE / SECTOR_SIZE);
  d[0].next = 3 * s + 1;
  d[1].addr = (uint64)io->data;
  d[1].flags = VRING_DESC_NEXT | (io->op == DISK_READ ? VRING_DESC_WRITE : 0);
  return 3 * s;
}

// Queue a transfer; waits while the queue is full. The device learns of it at the next
// virtio_disk_kick, or earlier.
void
virtio_disk_start(struct diskio *io)
{
  acquire(&disk.lock);
  while (disk.nfree == 0) {
    kick();
    sleep(&disk.nfree, &disk.lock);
  }
  uint head = fill(disk.free[--disk.nfree], io);
  disk.avail->ring[disk.put % disk.size] = head;
  disk.put++;
  disk.kick_needed = 1;
  release(&disk.lock);
}

// See to it that the device works on all that has been queued.
void
virtio_disk_kick(void)
{
  acquire(&disk.lock);
  kick();
  release(&disk.lock);
}

// Interrupt: transfers have finished.
void
virtio_disk_intr(void)
{
  struct diskio *first = 0, **tail = &first;

  acquire(&disk.lock);
  *reg(VIRTIO_MMIO_INTERRUPT_ACK) = *reg(VIRTIO_MMIO_INTERRUPT_STATUS);
  __sync_synchronize();
  while (disk.seen != disk.used->idx) {
    __sync_synchronize();
    uint32 id = disk.used->ring[disk.seen % disk.size].id;
    uint s = id / 3;
    struct diskio *io = id % 3 == 0 && s < disk.size / 3 ? disk.slot[s].io : 0;
    if (io == 0)
      panic("the disk says that it has finished request %d, which it was not given", id);
    io->error = disk.slot[s].status != VIRTIO_BLK_S_OK;
    io->next = 0;
    *tail = io;
    tail = &io->next;
    disk.slot[s].io = 0;
    disk.free[disk.nfree++] = s;
    disk.seen++;
  }
  // Who found the queue full goes on when half of it is free: the device works best on batches.
  if (disk.nfree >= disk.size / 3 / 2)
    wakeup(&disk.nfree);
  release(&disk.lock);

  while (first) {
    struct diskio *io = first;
    first = io->next;        // done may reuse io at once
    io->done(io);
  }
}

// A transfer that a process waits for.
struct waited {
  struct diskio io;
  int finished;
};

static void
finish(struct diskio *io)
{
  struct waited *w = (struct waited *)io;
  acquire(&disk.lock);
  w->finished = 1;
  wakeup(w);
  release(&disk.lock);
}

// Do one transfer and wait. 0 or -EIO.
static int
transfer(enum diskop op, void *data, uint64 blockno)
{
  struct waited w = { .io = { .data = data, .blockno = blockno, .op = op, .done = finish } };
  virtio_disk_start(&w.io);
  acquire(&disk.lock);
  kick();
  while (!w.finished)
    sleep(&w, &disk.lock);
  release(&disk.lock);
  return w.io.error ? -EIO : 0;
}

// Read or write a locked buffer and wait.
void
virtio_disk_rw(struct buf *b, int write)
{
  b->failed = transfer(write ? DISK_WRITE : DISK_READ, b->data, b->blockno) != 0;
}

// Wait until everything that has been written is safe from a loss of power. 0 or -EIO.
int
virtio_disk_flush(void)
{
  return disk.has_flush ? transfer(DISK_FLUSH, 0, 0) : 0;
}
