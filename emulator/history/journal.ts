// A disk that can go back: in the present it passes everything on and notes which pages change; in the past it shows what
// the disk held then, and keeps writes to itself. The disk on the host is only ever what the present says.
import type { BlockBackend, State } from "../bus.ts";
import type { TimedBackend } from "../devices/disk-door.ts";
import { NONE, PAGE_BYTES, PAGE_WORDS, type PageVersions } from "./pages.ts";

/** Keys of a disk's pages begin here, away from frames of RAM and from other disks. */
const KEY_STRIDE = 2 ** 36;

export class JournaledDisk implements TimedBackend {
  readonly bytes: number;
  readonly readOnly: boolean;
  readonly lasting: boolean;
  /** Numbers of the pages written since the last checkpoint. */
  readonly dirty = new Set<number>();
  private readonly disk: BlockBackend;
  private readonly firstKey: number;
  private readonly versions: PageVersions;
  private readonly onFirstWrite: (key: number, words: Int32Array) => void;
  /** Order of the checkpoint that shows where nothing was written since; null in the present. */
  private past: number | null = null;
  private readonly written = new Map<number, Int32Array>();
  /** Pages as they were before they were first written, where they are kept whatever history forgets. */
  private readonly originals: Map<number, Int32Array> | null;
  private readonly scratch = new Int32Array(PAGE_WORDS);

  /**
   * `onFirstWrite` is given a page as it was before it is written for the first time in history. `undo`: what the first
   * state of the disk needs is kept as long as the disk lasts, for a recording.
   */
  constructor(disk: BlockBackend, slot: number, versions: PageVersions, onFirstWrite: (key: number, words: Int32Array) => void, undo = false) {
    this.disk = disk;
    this.originals = undo ? new Map<number, Int32Array>() : null;
    this.bytes = disk.bytes;
    this.readOnly = disk.readOnly;
    this.lasting = disk.lasting === true;
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
      if (this.originals?.has(page) === false) this.originals.set(page, this.page(page).slice());
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

  /** The pages that were written in history, as they were before that: since `first`, the order of the first checkpoint, unless `undo` was asked for. */
  overwritten(first: number): ReadonlyMap<number, Int32Array> {
    return this.originals ?? new Map(this.ownPages().map((page) => [page, this.pageAt(page, first).slice()]));
  }

  saveOver(present: State): State {
    if (this.past === null) return present;
    const known = Array.isArray(present) ? present.map((entry) => (entry as [number, State])[0]) : [];
    const numbers = [...new Set([...known, ...this.ownPages()])].sort((a, b) => a - b);
    return numbers.map((n) => [n, bytesOf(this.page(n)).slice(0, Math.min(PAGE_BYTES, this.bytes - n * PAGE_BYTES))]);
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
    for (const page of this.ownPages()) {
      const wanted = this.page(page).slice();
      const there = this.hostPage(page);
      if (wanted.every((w, i) => w === there[i])) continue;
      const at = page * PAGE_BYTES;
      this.disk.write(at, bytesOf(wanted).slice(0, Math.min(PAGE_BYTES, this.bytes - at)));
    }
    this.disk.flush();
  }

  /** Numbers of the pages that were written in history. */
  private ownPages(): number[] {
    const pages = Array.from(this.versions.keys(), (key) => key - this.firstKey);
    return pages.filter((page) => page >= 0 && page < KEY_STRIDE);
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
