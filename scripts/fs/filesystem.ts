// Files and directories of an image in memory: making a disk, reading it, changing it. No host in here: a browser may use it.
import { Disk, type DirectoryEntry, entriesIn, type Inode } from "./disk.ts";
import {
  BSIZE, dataEnd, dataStart, DIRENT_SIZE, DIRSIZ, encodeSuperblock, ImageError, LOGMAGIC, MAXFILESIZE, NDIRECT, NINDIRECT, planLayout, ROOTINO,
  T_DEVICE, T_DIR, T_FILE, viewOf,
} from "./layout.ts";

/** A file to put on a disk: absolute path (folders are made as needed) and contents. */
export interface SourceFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** The words of a path. Throws ImageError for a name that the disk cannot hold. */
function wordsOf(path: string): string[] {
  const words = path.split("/").filter((word) => word !== "" && word !== ".");
  for (const word of words) {
    if (word === "..") throw new ImageError(`${path}: .. is not allowed here`);
    if (new TextEncoder().encode(word).length > DIRSIZ) throw new ImageError(`${path}: the name ${word} has more than ${DIRSIZ} characters`);
  }
  return words;
}

export class FileSystem {
  private disk: Disk;
  /** Where the search for a free block starts. */
  private rotor: number;

  /** The file system on `image`, which is kept and changed in place. Throws ImageError when it is none. */
  constructor(image: Uint8Array) {
    this.disk = new Disk(image);
    this.rotor = dataStart(this.disk.sb);
  }

  /** A new, empty disk of `size` bytes, its last `swap` bytes kept for paging. */
  static format(size: number, swap = 0): FileSystem {
    const sb = planLayout(size, swap);
    const image = new Uint8Array(size);
    encodeSuperblock(sb, image.subarray(BSIZE, 2 * BSIZE));
    viewOf(image).setUint32(sb.logstart * BSIZE, LOGMAGIC, true);
    image.fill(0xff, sb.bmapstart * BSIZE, dataStart(sb) * BSIZE);
    const made = new FileSystem(image);
    for (let n = dataStart(sb); n < dataEnd(sb); n++) made.disk.setUsed(n, false);
    const root: Inode = { inum: ROOTINO, type: T_DIR, major: 0, minor: 0, nlink: 1, size: 0, addrs: new Array<number>(NDIRECT + 2).fill(0) };
    made.disk.putInode(root);
    made.addEntry(root, ".", ROOTINO);
    made.addEntry(root, "..", ROOTINO);
    return made;
  }

  /** The whole disk. */
  get image(): Uint8Array {
    return this.disk.image;
  }

  /** The inode at `path`. Throws ImageError when there is none. */
  stat(path: string): Inode {
    const found = this.find(wordsOf(path));
    if (found === null) throw new ImageError(`${path}: no such file or directory on the disk`);
    return found;
  }

  /** Whether something is at `path`. */
  exists(path: string): boolean {
    return this.find(wordsOf(path)) !== null;
  }

  /** The entries of the directory at `path`, in their order, `.` and `..` included. */
  list(path: string): DirectoryEntry[] {
    const inode = this.stat(path);
    if (inode.type !== T_DIR) throw new ImageError(`${path} is not a directory`);
    return this.entries(inode);
  }

  /** The contents of the file at `path`. */
  read(path: string): Uint8Array {
    const inode = this.stat(path);
    const whole = new Uint8Array(inode.size);
    for (let at = 0; at < inode.size; at += BSIZE) whole.set(this.readAt(inode, at, BSIZE), at);
    return whole;
  }

  /** At most `length` bytes of a file from `offset` on; fewer at its end. */
  readAt(inode: Inode, offset: number, length: number): Uint8Array {
    if (inode.type === T_DEVICE) throw new ImageError(`inode ${inode.inum} is a device and has no contents`);
    const piece = new Uint8Array(Math.max(0, Math.min(length, inode.size - offset)));
    for (let done = 0; done < piece.length; ) {
      const from = (offset + done) % BSIZE;
      const count = Math.min(BSIZE - from, piece.length - done);
      const block = this.disk.blockOf(inode, Math.floor((offset + done) / BSIZE));
      if (block !== 0) piece.set(this.disk.block(block).subarray(from, from + count), done);
      done += count;
    }
    return piece;
  }

  /** Makes or replaces the file at `path`; folders on the way are made. */
  write(path: string, bytes: Uint8Array): void {
    const words = wordsOf(path);
    const name = words.pop();
    if (name === undefined) throw new ImageError("/ is a directory");
    if (bytes.length > MAXFILESIZE) throw new ImageError(`${path}: ${bytes.length} bytes are more than a file can have`);
    this.beginWriting();
    const parent = this.makeFolders(words);
    const existing = this.lookup(parent, name);
    if (existing !== null && existing.type !== T_FILE) throw new ImageError(`${path} is not a file and stays as it is`);
    const inode = existing ?? this.newInode(T_FILE);
    this.empty(inode);
    this.append(inode, bytes);
    if (existing === null) this.addEntry(parent, name, inode.inum);
  }

  /** Makes the directory at `path` and those above it; one that is there already is left alone. */
  mkdir(path: string): void {
    this.beginWriting();
    this.makeFolders(wordsOf(path));
  }

  private beginWriting(): void {
    this.disk = this.disk.replay();
  }

  private find(words: readonly string[]): Inode | null {
    let inode: Inode | null = this.disk.inode(ROOTINO);
    for (const word of words) {
      if (inode?.type !== T_DIR) return null;
      inode = this.lookup(inode, word);
    }
    return inode;
  }

  private lookup(directory: Inode, name: string): Inode | null {
    const entry = this.entries(directory).find((candidate) => candidate.name === name);
    if (entry === undefined) return null;
    const inode = this.disk.inode(entry.inum);
    if (inode.type !== T_DIR && inode.type !== T_FILE && inode.type !== T_DEVICE) {
      throw new ImageError(`damaged directory: ${name} names inode ${entry.inum}, which is free`);
    }
    return inode;
  }

  private entries(directory: Inode): DirectoryEntry[] {
    if (directory.size > this.image.length) throw new ImageError(`damaged directory: inode ${directory.inum} has ${directory.size} bytes`);
    const found: DirectoryEntry[] = [];
    for (let at = 0; at < directory.size; at += BSIZE) {
      const block = this.disk.blockOf(directory, at / BSIZE);
      if (block === 0) throw new ImageError(`damaged directory: inode ${directory.inum} has a hole`);
      found.push(...entriesIn(this.disk.block(block), Math.min(BSIZE, directory.size - at)));
    }
    return found;
  }

  private makeFolders(words: readonly string[]): Inode {
    let inode = this.disk.inode(ROOTINO);
    for (const word of words) {
      const next = this.lookup(inode, word);
      if (next !== null && next.type !== T_DIR) throw new ImageError(`${word} is not a directory`);
      inode = next ?? this.newFolder(inode, word);
    }
    return inode;
  }

  private newFolder(parent: Inode, name: string): Inode {
    const inode = this.newInode(T_DIR);
    this.addEntry(inode, ".", inode.inum);
    this.addEntry(inode, "..", parent.inum);
    this.addEntry(parent, name, inode.inum);
    parent.nlink++;
    this.disk.putInode(parent);
    return inode;
  }

  private newInode(type: number): Inode {
    for (let inum = ROOTINO + 1; inum < this.disk.sb.ninodes; inum++) {
      if (this.disk.inode(inum).type !== 0) continue;
      const inode: Inode = { inum, type, major: 0, minor: 0, nlink: 1, size: 0, addrs: new Array<number>(NDIRECT + 2).fill(0) };
      this.disk.putInode(inode);
      return inode;
    }
    throw new ImageError(`the disk is full: all ${this.disk.sb.ninodes} inodes are in use`);
  }

  private newBlock(): number {
    const from = dataStart(this.disk.sb);
    const count = this.disk.sb.nblocks;
    for (let i = 0; i < count; i++) {
      const n = from + ((this.rotor - from + i) % count);
      if (this.disk.isUsed(n)) continue;
      this.disk.setUsed(n, true);
      this.disk.block(n).fill(0);
      this.rotor = n + 1;
      return n;
    }
    throw new ImageError(`the disk is full: all ${count} data blocks are in use`);
  }

  /** The block that is to hold the file's `index`-th; made where there is none. The inode is not written back. */
  private ensureBlock(inode: Inode, index: number): number {
    const through = (block: number, i: number): number => {
      const view = viewOf(this.disk.block(block));
      const there = view.getUint32(i * 4, true);
      if (there !== 0) return there;
      const made = this.newBlock();
      view.setUint32(i * 4, made, true);
      return made;
    };
    const direct = (i: number): number => (inode.addrs[i] = inode.addrs[i] || this.newBlock());
    if (index < NDIRECT) return direct(index);
    const beyond = index - NDIRECT;
    if (beyond < NINDIRECT) return through(direct(NDIRECT), beyond);
    const twice = beyond - NINDIRECT;
    return through(through(direct(NDIRECT + 1), Math.floor(twice / NINDIRECT)), twice % NINDIRECT);
  }

  private append(inode: Inode, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const from = inode.size % BSIZE;
      const count = Math.min(BSIZE - from, bytes.length - done);
      const block = this.disk.block(this.ensureBlock(inode, Math.floor(inode.size / BSIZE)));
      block.set(bytes.subarray(done, done + count), from);
      inode.size += count;
      done += count;
    }
    this.disk.putInode(inode);
  }

  private empty(inode: Inode): void {
    this.disk.eachBlock(inode, (block) => {
      if (!this.disk.isData(block)) throw new ImageError(`damaged file: inode ${inode.inum} claims block ${block}, which is no data block`);
      this.disk.setUsed(block, false);
      return true;
    });
    inode.addrs.fill(0);
    inode.size = 0;
    this.disk.putInode(inode);
  }

  private addEntry(directory: Inode, name: string, inum: number): void {
    const entry = new Uint8Array(DIRENT_SIZE);
    viewOf(entry).setUint16(0, inum, true);
    entry.set(new TextEncoder().encode(name), 2);
    for (let at = 0; at < directory.size; at += DIRENT_SIZE) {
      const block = this.disk.block(this.disk.blockOf(directory, Math.floor(at / BSIZE)));
      if (viewOf(block).getUint16(at % BSIZE, true) !== 0) continue;
      block.set(entry, at % BSIZE);
      return;
    }
    this.append(directory, entry);
  }
}

/** Bytes of a disk when nobody says otherwise. */
export const DEFAULT_SIZE = 64 * 1024 * 1024;

/** A disk with `files` on it, of `size` bytes in all, the last `swap` of them for paging. Throws ImageError when they do not fit. */
export function buildImage(files: readonly SourceFile[], { size = DEFAULT_SIZE, swap = 0 }: { size?: number; swap?: number } = {}): Uint8Array {
  const made = FileSystem.format(size, swap);
  for (const { path, bytes } of files) made.write(path, bytes);
  return made.image;
}
