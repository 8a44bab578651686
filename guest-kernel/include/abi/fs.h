// What is on the disk: shared by the kernel (fs/), user programs (struct dirent), and, as a
// description, by scripts/mkfs.ts and the checker.
//
//   block   0            boot block, not used
//           1            superblock
//           logstart     journal: one header block, then nlog - 1 block slots
//           inodestart   inode table, IPB inodes a block
//           bmapstart    free map, one bit for every block of the image (bit 1 = in use)
//           datastart    = bmapstart + number of bitmap blocks; nblocks data blocks
//           swapstart    nswap blocks for paging (0 when there is none), after the data
//
// In the free map every block outside [datastart, datastart + nblocks) is marked in use: boot block,
// superblock, journal, inodes, the map itself, swap area and the bits beyond the end of the image.
// All numbers are little endian and all block numbers count from the start of the image.

#ifndef PAGEWALK_ABI_FS_H
#define PAGEWALK_ABI_FS_H

#define BSIZE       4096            // a block is a page
#define ROOTINO     1               // inode number of /; inode 0 is never used
#define ROOTDEV     1               // what stat says for st.dev of the only disk

#define FSMAGIC     0x4b575057      // "WPWK"
#define FSVERSION   1

struct superblock {
  unsigned int magic;               // FSMAGIC
  unsigned int version;             // FSVERSION
  unsigned int size;                // blocks in the whole image
  unsigned int nblocks;             // data blocks
  unsigned int ninodes;             // inodes, number 0 included; at most 65536 (struct dirent)
  unsigned int nlog;                // journal blocks, the header included; see LOGMIN
  unsigned int logstart;            // first block of the journal (its header)
  unsigned int inodestart;          // first block of the inode table
  unsigned int bmapstart;           // first block of the free map
  unsigned int swapstart;           // first block of the swap area
  unsigned int nswap;               // blocks in the swap area
  unsigned int pad[5];              // zero
};

#define NDIRECT     11
#define NINDIRECT   (BSIZE / 4)     // block numbers in an indirect block
#define NDINDIRECT  (NINDIRECT * NINDIRECT)
#define MAXFILE     (NDIRECT + NINDIRECT + NDINDIRECT)   // in blocks
#define MAXFILESIZE 0xffffffffUL    // in bytes: dinode.size is 32 bits, the tighter limit

// An inode on the disk, 64 bytes. type is 0 (free), T_DIR, T_FILE or T_DEVICE (abi/stat.h).
// A block number 0 in addrs, or in an indirect block, is a hole and reads as zeros.
// nlink counts directory entries, with xv6's rule for directories: the entry in the parent counts,
// "." does not, and ".." of each subdirectory counts in the parent. The root has nlink 1 + its
// subdirectories. An inode with type != 0 and nlink 0 was open when it lost its last name: the
// kernel frees it on the last close, or at the next mount.
// No block is allocated beyond (size + BSIZE - 1) / BSIZE, indirect blocks needed for fewer excepted.
struct dinode {
  short type;
  short major;                      // T_DEVICE only
  short minor;
  short nlink;
  unsigned int size;                // bytes; for a directory a multiple of 16
  unsigned int addrs[NDIRECT + 2];  // direct, one indirect, one double indirect
};

#define IPB         (BSIZE / 64)    // inodes in a block
#define BPB         (BSIZE * 8)     // bits of the free map in a block

#define IBLOCK(i, sb)  ((i) / IPB + (sb).inodestart)     // block that holds inode i
#define BBLOCK(b, sb)  ((b) / BPB + (sb).bmapstart)      // block that holds the map bit of block b

// A directory is a file of these. inum 0 is an empty slot. A name of 14 characters has no NUL.
// Every directory holds "." and ".." as its first two entries.
#define DIRSIZ      14

struct dirent {
  unsigned short inum;
  char name[DIRSIZ];
};

// The journal header. n > 0 and a right checksum mean a committed transaction: log block i (at
// logstart + 1 + i) is the new content of block[i]. n is at most LOGBLOCKS and at most nlog - 1.
// Anything else (n = 0, wrong magic, wrong checksum) means that the journal is empty.
//
// checksum: h = 0x811c9dc5, then for each 32-bit word w of: magic, n, seq, block[0..n-1], and
// the n log blocks in order:  h = (h ^ w) * 0x9e3779b1;  h = h ^ (h >> 15)   (all modulo 2^32).
#define LOGMAGIC    0x474f4c50
#define LOGBLOCKS   1020
#define LOGMIN      65              // smallest nlog that the kernel mounts; 257 and more is faster

struct logheader {
  unsigned int magic;               // LOGMAGIC
  unsigned int n;
  unsigned int seq;                 // counts transactions
  unsigned int checksum;
  unsigned int block[LOGBLOCKS];
};

#endif
