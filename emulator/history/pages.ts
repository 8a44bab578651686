// Contents of pages (4 KiB, of RAM and of disks) at checkpoints: one that did not change between two of them is kept once.

/** Words of a page. */
export const PAGE_WORDS = 1024;
export const PAGE_BYTES = 4 * PAGE_WORDS;

const SLAB_PAGES = 256;
/** The number of the page that is all 0: it takes no room. */
const ZERO_PAGE = -1;
/** No version. */
export const NONE = -2;
const ZEROS = new Int32Array(PAGE_WORDS);

/** Room for pages, by number. What is released is used again. */
class PageStore {
  private readonly slabs: Int32Array[] = [];
  private readonly free: number[] = [];

  get bytes(): number {
    return (this.slabs.length * SLAB_PAGES - this.free.length) * PAGE_BYTES;
  }

  /** Keep a copy of the page that begins at word `at`. Its number. */
  put(words: Int32Array, at: number): number {
    let i = at;
    while (i < at + PAGE_WORDS && words[i] === 0) i++;
    if (i === at + PAGE_WORDS) return ZERO_PAGE;
    if (this.free.length === 0) this.grow();
    const page = this.free.pop()!;
    this.slabs[Math.floor(page / SLAB_PAGES)]!.set(words.subarray(at, at + PAGE_WORDS), (page % SLAB_PAGES) * PAGE_WORDS);
    return page;
  }

  get(page: number): Int32Array {
    if (page === ZERO_PAGE) return ZEROS;
    const at = (page % SLAB_PAGES) * PAGE_WORDS;
    return this.slabs[Math.floor(page / SLAB_PAGES)]!.subarray(at, at + PAGE_WORDS);
  }

  release(page: number): void {
    if (page >= 0) this.free.push(page);
  }

  private grow(): void {
    const first = this.slabs.length * SLAB_PAGES;
    this.slabs.push(new Int32Array(SLAB_PAGES * PAGE_WORDS));
    for (let i = SLAB_PAGES - 1; i >= 0; i--) this.free.push(first + i);
  }
}

/**
 * The versions of pages. A key tells a page, an order a checkpoint; a page's content at a checkpoint is its last version
 * of that order or before.
 */
export class PageVersions {
  private readonly store = new PageStore();
  /** By key: (order, page number) pairs, in order. */
  private readonly lists = new Map<number, number[]>();

  /** Bytes of all versions. */
  get bytes(): number {
    return this.store.bytes;
  }

  /** Keep what lies at word `at` as the version of this order (in place of one that is there). */
  put(key: number, order: number, words: Int32Array, at: number): void {
    const page = this.store.put(words, at);
    const list = this.lists.get(key);
    if (list === undefined) {
      this.lists.set(key, [order, page]);
      return;
    }
    let i = list.length;
    while (i > 0 && list[i - 2]! > order) i -= 2;
    if (i > 0 && list[i - 2] === order) {
      this.store.release(list[i - 1]!);
      list[i - 1] = page;
    } else {
      list.splice(i, 0, order, page);
    }
  }

  /** The number of the page's version at a checkpoint, for `content`; NONE when it had none yet. */
  at(key: number, order: number): number {
    const list = this.lists.get(key);
    if (list === undefined) return NONE;
    let i = list.length - 2;
    while (i >= 0 && list[i]! > order) i -= 2;
    return i < 0 ? NONE : list[i + 1]!;
  }

  /** What a version holds; not to be written to. */
  content(version: number): Int32Array {
    return this.store.get(version);
  }

  /** Has the page a version of exactly this order: was it written since the checkpoint before? */
  changedAt(key: number, order: number): boolean {
    return this.find(key, order) >= 0;
  }

  has(key: number): boolean {
    return this.lists.has(key);
  }

  keys(): Iterable<number> {
    return this.lists.keys();
  }

  /** A checkpoint goes: its version serves the next one (true), unless that has one of its own (false). */
  pass(key: number, order: number, to: number): boolean {
    const i = this.find(key, order);
    if (i < 0) return false;
    const list = this.lists.get(key)!;
    if (list[i + 2] !== to) {
      list[i] = to;
      return true;
    }
    this.store.release(list[i + 1]!);
    list.splice(i, 2);
    return false;
  }

  /** A checkpoint goes that no later one builds on. */
  drop(key: number, order: number): void {
    const i = this.find(key, order);
    if (i < 0) return;
    const list = this.lists.get(key)!;
    this.store.release(list[i + 1]!);
    list.splice(i, 2);
    if (list.length === 0) this.lists.delete(key);
  }

  private find(key: number, order: number): number {
    const list = this.lists.get(key);
    if (list === undefined) return -1;
    for (let i = list.length - 2; i >= 0 && list[i]! >= order; i -= 2) if (list[i] === order) return i;
    return -1;
  }
}
