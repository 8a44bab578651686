// A disk that can go back: in the present it passes everything on and notes which pages change; in the past it shows what
// the disk held then, and keeps writes to itself. The disk on the host is only ever what the present says.
import type { BlockBackend } from "../bus.ts";
import { NONE, PAGE_BYTES, PAGE_WORDS, type PageVersions } from "./pages.ts";

/** Keys of a disk's pages begin here, away from frames of RAM and from other disks. */
const KEY_STRIDE = 2 ** 36;

export class JournaledDisk implements BlockBackend {
  readonly bytes: number;
  readonly readOnly: boolean;
  /** Numbers of the pages written since the last checkpoint. */
  readonly dirty = new Set<number>();
  private readonly disk: BlockBackend;
  private readonly firstKey: number;
  private readonly versions: PageVersions;
  private readonly onFirstWrite: (key: number, words: Int32Array) => void;
  /** Order of the checkpoint that shows where nothing was written since; null in the present. */
  private past: number | null = null;
  private readonly written = new Map<number, Int32Array>();
  private readonly scratch = new Int32Array(PAGE_WORDS);

  /** `onFirstWrite` is given a page as it was before it is written for the first time in history. */
  constructor(disk: BlockBackend, slot: number, versions: PageVersions, onFirstWrite: (key: number, words: Int32Array) => void) {
    this.disk = disk;
    this.bytes = disk.bytes;
    this.readOnly = disk.readOnly;
    this.firstKey = (slot + 1) * KEY_STRIDE;
    this.versions = versions;
    this.onFirstWrite = onFirstWrite;
  }

  read(offset: number, into: Uint8Array): void {
    if (this.past === null) {
      this.disk.read(offset, into);
      return;
    }
    for (const { page, within, done, length } of pieces(offset, into.length)) {
      into.set(bytesOf(this.page(page)).subarray(within, within + length), done);
    }
  }

  write(offset: number, from: Uint8Array): void {
    for (const { page, within, done, length } of pieces(offset, from.length)) {
      const key = this.key(page);
      if (!this.versions.has(key)) this.onFirstWrite(key, this.page(page));
      this.dirty.add(page);
      if (this.past === null) continue;
      const words = this.written.get(page) ?? this.page(page).slice();
      bytesOf(words).set(from.subarray(done, done + length), within);
      this.written.set(page, words);
    }
    if (this.past === null) this.disk.write(offset, from);
  }

  flush(): void {
    if (this.past === null) this.disk.flush();
  }

  /** Key of a page by its number. */
  key(page: number): number {
    return this.firstKey + page;
  }

  /** A page as it is now, 0 beyond the end of the disk. Not to be written to; good until the next question. */
  page(page: number): Int32Array {
    if (this.past === null) return this.hostPage(page);
    return this.written.get(page) ?? this.pageAt(page, this.past);
  }

  /** A page as it was at a checkpoint. Not to be written to; good until the next question. */
  pageAt(page: number, order: number): Int32Array {
    const version = this.versions.at(this.key(page), order);
    return version === NONE ? this.hostPage(page) : this.versions.content(version);
  }

  /** Show what was there at a checkpoint. */
  goTo(order: number): void {
    this.past = order;
    this.written.clear();
    this.dirty.clear();
  }

  /** This is the present now; `changed`: another one than the disk on the host shows, which is put right. */
  present(changed: boolean): void {
    if (this.past === null) return;
    if (changed && !this.readOnly) this.writeThrough();
    this.past = null;
    this.written.clear();
  }

  private writeThrough(): void {
    for (const key of this.versions.keys()) {
      const page = key - this.firstKey;
      if (page < 0 || page >= KEY_STRIDE) continue;
      const wanted = this.page(page).slice();
      const there = this.hostPage(page);
      if (wanted.every((w, i) => w === there[i])) continue;
      const at = page * PAGE_BYTES;
      this.disk.write(at, bytesOf(wanted).slice(0, Math.min(PAGE_BYTES, this.bytes - at)));
    }
    this.disk.flush();
  }

  private hostPage(page: number): Int32Array {
    const at = page * PAGE_BYTES;
    if (this.bytes - at < PAGE_BYTES) this.scratch.fill(0);
    this.disk.read(at, bytesOf(this.scratch).subarray(0, Math.min(PAGE_BYTES, this.bytes - at)));
    return this.scratch;
  }
}

const bytesOf = (words: Int32Array): Uint8Array => new Uint8Array(words.buffer, words.byteOffset, words.byteLength);

/** The parts of a range of bytes, one a page. */
function* pieces(offset: number, total: number): Generator<{ page: number; within: number; done: number; length: number }> {
  for (let done = 0; done < total;) {
    const within = (offset + done) % PAGE_BYTES;
    const length = Math.min(PAGE_BYTES - within, total - done);
    yield { page: (offset + done - within) / PAGE_BYTES, within, done, length };
    done += length;
  }
}
