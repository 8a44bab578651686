// The disk as blocks, inodes and directory entries. A journal that was committed but not yet carried out is seen through:
// its blocks lie over the image's own, which stay as they are until somebody writes.
import {
  BSIZE, dataEnd, dataStart, decodeSuperblock, DINODE_SIZE, DIRENT_SIZE, DIRSIZ, ImageError, IPB, LOGBLOCKS, LOGMAGIC, NDIRECT, NINDIRECT,
  type Superblock, viewOf,
} from "./layout.ts";

/** An inode as it is on the disk, with its number. */
export interface Inode {
  readonly inum: number;
  type: number;
  major: number;
  minor: number;
  nlink: number;
  /** Bytes. */
  size: number;
  /** NDIRECT direct block numbers, one indirect, one double indirect; 0 is a hole. */
  readonly addrs: number[];
}

/** A directory's slot in use. */
export interface DirectoryEntry {
  readonly name: string;
  readonly inum: number;
}

/** The journal's checksum over its header's words and its blocks; abi/fs.h has the formula. */
export function journalChecksum(header: Uint8Array, n: number, blocks: readonly Uint8Array[]): number {
  let h = 0x811c9dc5;
  const mix = (w: number): void => {
    h = Math.imul(h ^ w, 0x9e3779b1);
    h ^= h >>> 15;
  };
  const words = (bytes: Uint8Array, from: number, to: number): void => {
    const view = viewOf(bytes);
    for (let at = from; at < to; at += 4) mix(view.getInt32(at, true));
  };
  words(header, 0, 12);
  words(header, 16, 16 + n * 4);
  for (const block of blocks) words(block, 0, BSIZE);
  return h >>> 0;
}

/** Blocks of an image in memory. */
export class Disk {
  readonly image: Uint8Array;
  readonly sb: Superblock;
  /** Blocks of a committed journal, by the number of the block that they replace. */
  readonly journal: ReadonlyMap<number, Uint8Array>;

  /** Throws ImageError when the superblock or the journal makes no sense. */
  constructor(image: Uint8Array) {
    this.image = image;
    this.sb = decodeSuperblock(image);
    this.journal = this.readJournal();
  }

  /** Block `n` as it stands after the journal; a view, not a copy. */
  block(n: number): Uint8Array {
    return this.journal.get(n) ?? this.raw(n);
  }

  /** Block `n` of the image itself, whatever the journal says. */
  raw(n: number): Uint8Array {
    if (n >= this.sb.size) throw new ImageError(`block ${n} is beyond the disk's ${this.sb.size} blocks`);
    return this.image.subarray(n * BSIZE, (n + 1) * BSIZE);
  }

  /** Whether `n` is the number of a data block. */
  isData(n: number): boolean {
    return n >= dataStart(this.sb) && n < dataEnd(this.sb);
  }

  /** Carries the journal out in the image and empties it, as the kernel does when it mounts. */
  replay(): Disk {
    if (this.journal.size === 0) return this;
    for (const [n, bytes] of this.journal) this.raw(n).set(bytes);
    viewOf(this.raw(this.sb.logstart)).setUint32(4, 0, true);
    return new Disk(this.image);
  }

  private readJournal(): Map<number, Uint8Array> {
    const { logstart, nlog } = this.sb;
    const header = this.raw(logstart);
    const view = viewOf(header);
    const n = view.getUint32(4, true);
    const blocks = new Map<number, Uint8Array>();
    if (view.getUint32(0, true) !== LOGMAGIC || n === 0 || n > LOGBLOCKS || n > nlog - 1) return blocks;
    const contents = Array.from({ length: n }, (_, i) => this.raw(logstart + 1 + i));
    if (journalChecksum(header, n, contents) !== view.getUint32(12, true)) return blocks;
    contents.forEach((bytes, i) => {
      const target = view.getUint32(16 + i * 4, true);
      if (target >= this.sb.size || target < 1 || (target >= logstart && target < logstart + nlog)) {
        throw new ImageError(`damaged journal: it would replace block ${target}`);
      }
      blocks.set(target, bytes);
    });
    return blocks;
  }

  private inodeAt(inum: number): DataView {
    if (inum < 0 || inum >= this.sb.ninodes) throw new ImageError(`inode ${inum} is beyond the disk's ${this.sb.ninodes} inodes`);
    const at = (inum % IPB) * DINODE_SIZE;
    return viewOf(this.block(this.sb.inodestart + Math.floor(inum / IPB)).subarray(at, at + DINODE_SIZE));
  }

  /** Inode `inum`, read afresh. */
  inode(inum: number): Inode {
    const view = this.inodeAt(inum);
    return {
      inum,
      type: view.getInt16(0, true),
      major: view.getInt16(2, true),
      minor: view.getInt16(4, true),
      nlink: view.getInt16(6, true),
      size: view.getUint32(8, true),
      addrs: Array.from({ length: NDIRECT + 2 }, (_, i) => view.getUint32(12 + i * 4, true)),
    };
  }

  /** Writes an inode to where it belongs. Only on a disk whose journal was replayed. */
  putInode(inode: Inode): void {
    const view = this.inodeAt(inode.inum);
    [inode.type, inode.major, inode.minor, inode.nlink].forEach((value, i) => {
      view.setInt16(i * 2, value, true);
    });
    view.setUint32(8, inode.size, true);
    inode.addrs.forEach((address, i) => {
      view.setUint32(12 + i * 4, address, true);
    });
  }

  /** Whether the free map calls block `n` used. */
  isUsed(n: number): boolean {
    const map = this.block(this.sb.bmapstart + Math.floor(n / (BSIZE * 8)));
    return ((map[(n >> 3) % BSIZE]! >> (n & 7)) & 1) === 1;
  }

  /** Notes in the free map whether block `n` is used. */
  setUsed(n: number, used: boolean): void {
    const map = this.block(this.sb.bmapstart + Math.floor(n / (BSIZE * 8)));
    const at = (n >> 3) % BSIZE;
    map[at] = used ? map[at]! | (1 << (n & 7)) : map[at]! & ~(1 << (n & 7));
  }

  /**
   * Every block of a file: `visit(block, index)` with the block's place in the file, or -1 for a block that holds block numbers.
   * Holes are passed over. Such an indirect block is looked into only when `visit` returned true for it.
   */
  eachBlock(inode: Inode, visit: (block: number, index: number) => boolean): void {
    const level = (block: number, depth: number, first: number): void => {
      if (block === 0) return;
      const follow = visit(block, depth === 0 ? first : -1);
      if (depth === 0 || !follow) return;
      const view = viewOf(this.block(block));
      const step = depth === 1 ? 1 : NINDIRECT;
      for (let i = 0; i < NINDIRECT; i++) level(view.getUint32(i * 4, true), depth - 1, first + i * step);
    };
    for (let i = 0; i < NDIRECT; i++) level(inode.addrs[i]!, 0, i);
    level(inode.addrs[NDIRECT]!, 1, NDIRECT);
    level(inode.addrs[NDIRECT + 1]!, 2, NDIRECT + NINDIRECT);
  }

  /** The number of the block that is the file's `index`-th, 0 for a hole. Throws ImageError for a number that is no data block's. */
  blockOf(inode: Inode, index: number): number {
    const checked = (n: number): number => {
      if (n !== 0 && !this.isData(n)) throw new ImageError(`damaged file: inode ${inode.inum} claims block ${n}, which is no data block`);
      return n;
    };
    const through = (block: number, i: number): number => (block === 0 ? 0 : checked(viewOf(this.block(block)).getUint32(i * 4, true)));
    if (index < NDIRECT) return checked(inode.addrs[index]!);
    const beyond = index - NDIRECT;
    if (beyond < NINDIRECT) return through(checked(inode.addrs[NDIRECT]!), beyond);
    const twice = beyond - NINDIRECT;
    return through(through(checked(inode.addrs[NDIRECT + 1]!), Math.floor(twice / NINDIRECT)), twice % NINDIRECT);
  }
}

/** The entries in use of one directory block's first `length` bytes. */
export function entriesIn(block: Uint8Array, length: number): DirectoryEntry[] {
  const found: DirectoryEntry[] = [];
  const view = viewOf(block);
  for (let at = 0; at + DIRENT_SIZE <= length; at += DIRENT_SIZE) {
    const inum = view.getUint16(at, true);
    if (inum === 0) continue;
    const name = block.subarray(at + 2, at + 2 + DIRSIZ);
    const end = name.indexOf(0);
    found.push({ name: new TextDecoder().decode(end < 0 ? name : name.subarray(0, end)), inum });
  }
  return found;
}
