// A disk in memory: an image or another disk, which is never written, and over it the pages that were. Cheap to copy, so
// a crash test can keep the disk as it stood at each write.
import type { BlockBackend, State } from "../bus.ts";

const PAGE = 4096;

/** Options of a MemoryBlock. */
export interface MemoryBlockOptions {
  readOnly?: boolean;
  /** Called before each write; a false answer loses it, as a power cut would. */
  onWrite?: (offset: number, bytes: Uint8Array) => boolean | undefined;
  /** Called at each flush. */
  onFlush?: () => void;
}

/** See the top of this file. `base` is shared, not copied: nobody may change it as long as this disk is used. */
export class MemoryBlock implements BlockBackend {
  readonly bytes: number;
  readonly readOnly: boolean;
  onWrite: ((offset: number, bytes: Uint8Array) => boolean | undefined) | null;
  onFlush: (() => void) | null;
  readonly #base: Uint8Array | BlockBackend;
  /** Page number → the whole page as it is now. Pages are replaced, never changed: copies share them. */
  readonly #written = new Map<number, Uint8Array>();

  constructor(base: Uint8Array | BlockBackend, options: MemoryBlockOptions = {}) {
    this.#base = base;
    this.bytes = base instanceof Uint8Array ? base.length : base.bytes;
    this.readOnly = options.readOnly ?? false;
    this.onWrite = options.onWrite ?? null;
    this.onFlush = options.onFlush ?? null;
  }

  read(offset: number, into: Uint8Array): void {
    for (let done = 0; done < into.length; ) {
      const at = offset + done;
      const within = at % PAGE;
      const length = Math.min(PAGE - within, into.length - done);
      const page = this.#written.get((at - within) / PAGE);
      if (page !== undefined) into.set(page.subarray(within, within + length), done);
      else this.#readBase(at, into.subarray(done, done + length));
      done += length;
    }
  }

  write(offset: number, from: Uint8Array): void {
    if (this.onWrite !== null && this.onWrite(offset, from) === false) return;
    for (let done = 0; done < from.length; ) {
      const at = offset + done;
      const within = at % PAGE;
      const length = Math.min(PAGE - within, from.length - done);
      const number = (at - within) / PAGE;
      const page = this.#page(number);
      page.set(from.subarray(done, done + length), within);
      this.#written.set(number, page);
      done += length;
    }
  }

  flush(): void {
    this.onFlush?.();
  }

  /** How many 4096-byte pages differ from the base image (by having been written). */
  get writtenPages(): number {
    return this.#written.size;
  }

  /** A disk with the same content, independent from now on; no hooks. Costs one map entry a written page. */
  clone(): MemoryBlock {
    const copy = new MemoryBlock(this.#base, { readOnly: this.readOnly });
    for (const [number, page] of this.#written) copy.#written.set(number, page);
    return copy;
  }

  /** The whole content as one image. */
  image(): Uint8Array {
    const image = new Uint8Array(this.bytes);
    this.#readBase(0, image);
    for (const [number, page] of this.#written) image.set(page, number * PAGE);
    return image;
  }

  /** The pages that were written, in order of place: [[page number, bytes], …]. */
  save(): State {
    const numbers = [...this.#written.keys()].sort((a, b) => a - b);
    return numbers.map((number) => [number, this.#written.get(number)!.slice()]);
  }

  /** Put back the written pages of a saved state, over the same base image. */
  load(state: State): void {
    const pages = new Map<number, Uint8Array>();
    if (!Array.isArray(state)) throw new Error("snapshot: a disk's pages are not a list");
    for (const entry of state) {
      const [number, page] = Array.isArray(entry) ? entry : [];
      const valid = typeof number === "number" && Number.isInteger(number) && number >= 0 && page instanceof Uint8Array;
      if (!valid || page.length !== Math.min(PAGE, this.bytes - number * PAGE)) {
        throw new Error("snapshot: a disk's page does not fit the disk");
      }
      pages.set(number, page.slice());
    }
    this.#written.clear();
    for (const [number, page] of pages) this.#written.set(number, page);
  }

  #page(number: number): Uint8Array {
    const written = this.#written.get(number);
    if (written !== undefined) return written.slice();
    const page = new Uint8Array(Math.min(PAGE, this.bytes - number * PAGE));
    this.#readBase(number * PAGE, page);
    return page;
  }

  #readBase(offset: number, into: Uint8Array): void {
    if (this.#base instanceof Uint8Array) into.set(this.#base.subarray(offset, offset + into.length));
    else this.#base.read(offset, into);
  }
}
