// The disks of a recording. A disk that lasts (a file on the host) is changed by the run that is recorded, so the
// recording carries what that run wrote over: with it the disk as the run left it is the disk as the run found it.

import type { BlockBackend, State } from "../bus.ts";
import { Fields } from "../devices/state.ts";
import { hashPieces } from "../machine-state.ts";
import { PAGE_BYTES, PAGE_WORDS } from "./pages.ts";

/** Pages by number. */
export type Pages = ReadonlyMap<number, Int32Array>;

/** What a recording carries of a disk: pages as they were before the run, empty for a disk that does not last. */
export type DiskPages = ReadonlyMap<number, Pages>;

const NO_PAGES: Pages = new Map();

/** Hash of a disk whose pages `page` gives (4 KiB each, 0 beyond the disk's end). */
export function hashDisk(bytes: number, page: (n: number) => Int32Array): string {
  return hashPieces(wholeDisk(bytes, page));
}

function* wholeDisk(bytes: number, page: (n: number) => Int32Array): Generator<Int32Array> {
  yield Int32Array.of(bytes, bytes / 2 ** 32);
  for (let n = 0; n * PAGE_BYTES < bytes; n++) yield page(n);
}

/** Hash of a disk as it is, with some pages in the place of its own. */
function hashWith(disk: BlockBackend, instead: Pages): string {
  const words = new Int32Array(PAGE_WORDS);
  const bytes = new Uint8Array(words.buffer);
  return hashDisk(disk.bytes, (n) => {
    const other = instead.get(n);
    if (other !== undefined) return other;
    words.fill(0);
    disk.read(n * PAGE_BYTES, bytes.subarray(0, Math.min(PAGE_BYTES, disk.bytes - n * PAGE_BYTES)));
    return words;
  });
}

/** Make a disk that is as a recorded run left it what that run began with, which has the hash `wanted`. The hash that it has then. */
export function putBack(disk: BlockBackend, wanted: string, pages: Pages = NO_PAGES): string {
  const is = hashWith(disk, NO_PAGES);
  const there = [...pages.keys()].every((n) => n * PAGE_BYTES < disk.bytes);
  if (is === wanted || pages.size === 0 || !there || hashWith(disk, pages) !== wanted) return is;
  for (const [n, words] of pages) {
    const at = n * PAGE_BYTES;
    disk.write(at, new Uint8Array(words.buffer, words.byteOffset, Math.min(PAGE_BYTES, disk.bytes - at)));
  }
  return wanted;
}

/** As it stands in the file: numbers of pages, and their bytes back to back; by slot. */
export function pagesState(disks: DiskPages): State {
  return [...disks].map(([slot, pages]) => {
    const numbers = [...pages.keys()].sort((a, b) => a - b);
    const data = new Int32Array(numbers.length * PAGE_WORDS);
    numbers.forEach((n, i) => data.set(pages.get(n)!, i * PAGE_WORDS));
    return { slot, pages: numbers, data: new Uint8Array(data.buffer) };
  });
}

/** The same, read. Throws an Error when it is something else. */
export function readPages(list: readonly State[]): DiskPages {
  return new Map(list.map((state): [number, Pages] => {
    const f = new Fields(state, "recording.disks");
    const numbers = f.list("pages", Infinity).map((n) => {
      if (typeof n !== "number" || !Number.isSafeInteger(n) || n < 0) throw new Error("a page has no number");
      return n;
    });
    const size = numbers.length * PAGE_BYTES;
    const { buffer } = f.bytes("data", size, size);
    return [f.number("slot"), new Map(numbers.map((n, i) => [n, new Int32Array(buffer, i * PAGE_BYTES, PAGE_WORDS)]))];
  }));
}
