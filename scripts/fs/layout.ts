// What is on a Pagewalk disk, in numbers. The description in words is guest-kernel/include/abi/fs.h, and a test
// (test/unit/fs-layout.test.ts) holds this file to it. All numbers on the disk are little endian.

/** An image, a path or a request that cannot be used; the message is one line for a person. */
export class ImageError extends Error {}

/** Bytes in a block. */
export const BSIZE = 4096;
export const ROOTINO = 1;
export const FSMAGIC = 0x4b575057;
export const FSVERSION = 1;
export const NDIRECT = 11;
/** Block numbers in an indirect block. */
export const NINDIRECT = BSIZE / 4;
export const NDINDIRECT = NINDIRECT * NINDIRECT;
/** Blocks in the largest file. */
export const MAXFILE = NDIRECT + NINDIRECT + NDINDIRECT;
/** Bytes in the largest file. */
export const MAXFILESIZE = 0xffffffff;
/** Inodes in a block. */
export const IPB = BSIZE / 64;
/** Bits of the free map in a block. */
export const BPB = BSIZE * 8;
/** Characters of a name. */
export const DIRSIZ = 14;
export const LOGMAGIC = 0x474f4c50;
export const LOGBLOCKS = 1020;
export const LOGMIN = 65;

export const DINODE_SIZE = 64;
export const DIRENT_SIZE = 16;

/** Types of an inode (abi/stat.h); 0 is a free one. */
export const T_DIR = 1;
export const T_FILE = 2;
export const T_DEVICE = 3;

const MAX_INODES = 65536;
const USUAL_LOG = 257;

/** The superblock's 32-bit fields in their order on the disk. */
export const SUPERBLOCK_FIELDS = [
  ...(["magic", "version", "size", "nblocks", "ninodes", "nlog"] as const),
  ...(["logstart", "inodestart", "bmapstart", "swapstart", "nswap"] as const),
];

/** Where everything is; all in blocks from the start of the image, but for `ninodes`. */
export type Superblock = Readonly<Record<(typeof SUPERBLOCK_FIELDS)[number], number>>;

/** First data block: right after the free map. */
export const dataStart = (sb: Superblock): number => sb.bmapstart + Math.ceil(sb.size / BPB);

/** First block after the data. */
export const dataEnd = (sb: Superblock): number => dataStart(sb) + sb.nblocks;

/** A view for reading and writing numbers in `bytes`. */
export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Lays out a new disk of `size` bytes, the last `swap` bytes of it for paging. Throws ImageError when that cannot be. */
export function planLayout(size: number, swap: number): Superblock {
  if (size % BSIZE !== 0 || swap % BSIZE !== 0) throw new ImageError(`a disk and its swap area are whole blocks of ${BSIZE} bytes`);
  const blocks = size / BSIZE;
  if (blocks > 0xffffffff) throw new ImageError(`a disk of ${size} bytes is more than 2^32 blocks`);
  const nswap = swap / BSIZE;
  const nlog = blocks >= 4096 ? USUAL_LOG : LOGMIN;
  const ninodes = Math.min(MAX_INODES, Math.max(IPB, Math.ceil(blocks / 4 / IPB) * IPB));
  const inodestart = 2 + nlog;
  const bmapstart = inodestart + ninodes / IPB;
  const nblocks = blocks - nswap - bmapstart - Math.ceil(blocks / BPB);
  if (nblocks < 8) throw new ImageError(`a disk of ${size} bytes with ${swap} bytes of swap leaves no room for files`);
  const place = { logstart: 2, inodestart, bmapstart, swapstart: blocks - nswap, nswap };
  return { magic: FSMAGIC, version: FSVERSION, size: blocks, nblocks, ninodes, nlog, ...place };
}

/** Writes `sb` into a block of zeros. */
export function encodeSuperblock(sb: Superblock, block: Uint8Array): void {
  const view = viewOf(block);
  SUPERBLOCK_FIELDS.forEach((field, i) => {
    view.setUint32(i * 4, sb[field], true);
  });
}

/** Reads and checks the superblock of an image of `bytes` bytes. Throws ImageError saying what is wrong. */
export function decodeSuperblock(image: Uint8Array): Superblock {
  if (image.length < 2 * BSIZE) throw new ImageError(`not a Pagewalk disk: ${image.length} bytes are too few`);
  const view = viewOf(image.subarray(BSIZE, 2 * BSIZE));
  const sb = Object.fromEntries(SUPERBLOCK_FIELDS.map((field, i) => [field, view.getUint32(i * 4, true)])) as Superblock;
  if (sb.magic !== FSMAGIC) {
    throw new ImageError(`not a Pagewalk disk: the superblock's magic is 0x${sb.magic.toString(16)}, not 0x${FSMAGIC.toString(16)}`);
  }
  if (sb.version !== FSVERSION) throw new ImageError(`this disk has format version ${sb.version}; version ${FSVERSION} is known`);
  if (sb.size * BSIZE > image.length) {
    throw new ImageError(`truncated disk: the superblock says ${sb.size} blocks, the image has ${Math.floor(image.length / BSIZE)}`);
  }
  const inodeBlocks = Math.ceil(sb.ninodes / IPB);
  const wrong = (what: string): ImageError => new ImageError(`damaged superblock: ${what}`);
  if (sb.ninodes <= ROOTINO || sb.ninodes > MAX_INODES) throw wrong(`${sb.ninodes} inodes`);
  if (sb.nlog < LOGMIN || sb.logstart < 2) throw wrong(`journal of ${sb.nlog} blocks at block ${sb.logstart}`);
  if (sb.logstart + sb.nlog > sb.inodestart) throw wrong(`the journal runs into the inodes at block ${sb.inodestart}`);
  if (sb.inodestart + inodeBlocks > sb.bmapstart) throw wrong(`the inodes run into the free map at block ${sb.bmapstart}`);
  if (dataEnd(sb) > sb.size) throw wrong(`${sb.nblocks} data blocks from block ${dataStart(sb)} do not fit into ${sb.size} blocks`);
  if (sb.nswap > 0 && (sb.swapstart < dataEnd(sb) || sb.swapstart + sb.nswap > sb.size)) {
    throw wrong(`swap area of ${sb.nswap} blocks at block ${sb.swapstart}`);
  }
  return sb;
}
