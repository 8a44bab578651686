// Is the disk in order? Checks everything that abi/fs.h promises and says in sentences what does not hold.
import { Disk, entriesIn, type Inode } from "./disk.ts";
import { BPB, BSIZE, dataEnd, dataStart, DIRENT_SIZE, ImageError, MAXFILE, ROOTINO, T_DEVICE, T_DIR, T_FILE } from "./layout.ts";

/** What a check found. */
export interface Verdict {
  /** What is wrong; empty on a good disk. */
  readonly problems: string[];
  /** What is worth knowing but legal: a journal to carry out, files that were open when the machine stopped. */
  readonly notes: string[];
}

class Checker {
  readonly problems: string[] = [];
  readonly notes: string[] = [];
  private readonly disk: Disk;
  /** Inode that holds each block, by block number; 0 for none. */
  private readonly owner: Uint32Array;
  /** Names that point to each inode, `.` and `..` not counted. */
  private readonly names: Uint32Array;
  /** Subdirectories of each inode. */
  private readonly children: Uint32Array;

  constructor(disk: Disk) {
    this.disk = disk;
    this.owner = new Uint32Array(disk.sb.size);
    this.names = new Uint32Array(disk.sb.ninodes);
    this.children = new Uint32Array(disk.sb.ninodes);
  }

  run(): void {
    if (this.disk.journal.size > 0) this.notes.push(`the journal holds a committed transaction of ${this.disk.journal.size} blocks`);
    const root = this.disk.inode(ROOTINO);
    if (root.type !== T_DIR) {
      this.problems.push(`the root, inode ${ROOTINO}, has type ${root.type}: not a directory`);
      return;
    }
    for (let inum = 1; inum < this.disk.sb.ninodes; inum++) this.checkInode(this.disk.inode(inum));
    this.walk();
    for (let inum = 1; inum < this.disk.sb.ninodes; inum++) this.checkLinks(this.disk.inode(inum));
    this.checkMap();
  }

  /** Type and size, and that its blocks are data blocks of nobody else. Claims them. */
  private checkInode(inode: Inode): void {
    const { inum, type, size } = inode;
    if (type === 0) return;
    if (type !== T_DIR && type !== T_FILE && type !== T_DEVICE) {
      this.problems.push(`inode ${inum} has type ${type}, which there is not`);
      return;
    }
    if (size > MAXFILE * BSIZE) this.problems.push(`inode ${inum} has ${size} bytes: more than a file can have`);
    if (type === T_DIR && size % DIRENT_SIZE !== 0) this.problems.push(`directory ${inum} has ${size} bytes: not a multiple of ${DIRENT_SIZE}`);
    const limit = Math.ceil(size / BSIZE);
    this.disk.eachBlock(inode, (block, index) => {
      if (!this.disk.isData(block)) {
        this.problems.push(`inode ${inum} claims block ${block}, which is no data block`);
        return false;
      }
      if (this.owner[block] !== 0) {
        this.problems.push(`inode ${inum} claims block ${block}, which inode ${this.owner[block]!} has already`);
        return false;
      }
      this.owner[block] = inum;
      if (type === T_DEVICE) this.problems.push(`inode ${inum} is a device but has block ${block}`);
      else if (index >= limit) this.problems.push(`inode ${inum} has ${size} bytes but a block for byte ${index * BSIZE}`);
      return true;
    });
  }

  /** Goes through all directories from the root down, counting names. */
  private walk(): void {
    const seen = new Uint8Array(this.disk.sb.ninodes);
    const waiting: { inum: number; parent: number; path: string }[] = [{ inum: ROOTINO, parent: ROOTINO, path: "/" }];
    seen[ROOTINO] = 1;
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { inum, parent, path } = next;
      const used = new Set<string>();
      const slots = this.slots(this.disk.inode(inum), path);
      if (slots[0]?.name !== "." || slots[0].inum !== inum) this.problems.push(`${path}: the first entry is not . naming inode ${inum}`);
      if (slots[1]?.name !== ".." || slots[1].inum !== parent) this.problems.push(`${path}: the second entry is not .. naming inode ${parent}`);
      for (const entry of slots.slice(2)) {
        const full = `${path === "/" ? "" : path}/${entry.name}`;
        if (entry.name === "" || entry.name.includes("/") || entry.name === "." || entry.name === "..") {
          this.problems.push(`${path}: an entry has the name "${entry.name}"`);
        }
        if (used.has(entry.name)) this.problems.push(`${full}: the name is there twice`);
        used.add(entry.name);
        const target = entry.inum < this.disk.sb.ninodes ? this.disk.inode(entry.inum) : null;
        if (target === null || target.type === 0) {
          this.problems.push(`${full} names inode ${entry.inum}, which ${target === null ? "there is not" : "is free"}`);
          continue;
        }
        this.names[entry.inum]!++;
        if (target.type !== T_DIR) continue;
        this.children[inum]!++;
        if (seen[entry.inum] === 1) this.problems.push(`${full}: directory ${entry.inum} has a second name`);
        else waiting.push({ inum: entry.inum, parent: inum, path: full });
        seen[entry.inum] = 1;
      }
    }
  }

  /** A directory's entries in use; a block that is missing or not its own is a problem and passed over. */
  private slots(directory: Inode, path: string): { name: string; inum: number }[] {
    const found: { name: string; inum: number }[] = [];
    let blocks = 0;
    const looked = new Set<number>();
    this.disk.eachBlock(directory, (block, index) => {
      if (!this.disk.isData(block) || this.owner[block] !== directory.inum || looked.has(block)) return false;
      looked.add(block);
      if (index < 0) return true;
      const length = Math.min(BSIZE, directory.size - index * BSIZE);
      if (length > 0) {
        blocks++;
        found.push(...entriesIn(this.disk.block(block), length));
      }
      return true;
    });
    const needed = Math.ceil(directory.size / BSIZE);
    if (blocks !== needed) this.problems.push(`${path}: the directory has ${directory.size} bytes but ${blocks} of ${needed} blocks`);
    return found;
  }

  /** nlink is what the directories say. */
  private checkLinks(inode: Inode): void {
    const { inum, type, nlink } = inode;
    if (type === 0) return;
    const names = this.names[inum]!;
    if (inum !== ROOTINO && names === 0) {
      if (nlink === 0) this.notes.push(`inode ${inum} has no name and is freed at the next start (${inode.size} bytes)`);
      else this.problems.push(`inode ${inum} has ${nlink} links but no name in any directory`);
      return;
    }
    const wanted = names + this.children[inum]! + (inum === ROOTINO ? 1 : 0);
    if (nlink !== wanted) this.problems.push(`inode ${inum} has ${nlink} links, the directories say ${wanted}`);
  }

  /** The free map says used for exactly the blocks that files have, and for everything outside the data. */
  private checkMap(): void {
    const { sb } = this.disk;
    const mapped = Math.ceil(sb.size / BPB) * BPB;
    for (let n = 0; n < mapped; n++) {
      const used = this.disk.isUsed(n);
      const inData = n >= dataStart(sb) && n < dataEnd(sb);
      const wanted = !inData || this.owner[n] !== 0;
      if (used === wanted) continue;
      if (!inData) this.problems.push(`the free map calls block ${n} free, which is outside the data`);
      else if (used) this.problems.push(`the free map calls block ${n} used, which no file has`);
      else this.problems.push(`the free map calls block ${n} free, which inode ${this.owner[n]!} has`);
    }
  }
}

/**
 * Checks a whole disk without changing it; a committed journal is looked through first.
 * An image that is no disk at all is one problem, not an exception.
 */
export function fsck(image: Uint8Array): Verdict {
  try {
    const checker = new Checker(new Disk(image));
    checker.run();
    return checker;
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    return { problems: [error.message], notes: [] };
  }
}
