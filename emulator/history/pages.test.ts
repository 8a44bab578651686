import { describe, expect, test } from "vitest";
import type { BlockBackend } from "../bus.ts";
import { MemoryBlock } from "../devices/memory-block.ts";
import { JournaledDisk } from "./journal.ts";
import { NONE, PAGE_BYTES, PAGE_WORDS, PageVersions } from "./pages.ts";
import { Random } from "../../test/support/random.ts";

const filled = (value: number): Int32Array => new Int32Array(PAGE_WORDS).fill(value);

describe("versions of pages", () => {
  const at = (v: PageVersions, key: number, order: number): number | undefined => {
    const version = v.at(key, order);
    return version === NONE ? undefined : v.content(version)[7];
  };

  test("a page at a checkpoint is its last version up to there", () => {
    const v = new PageVersions();
    v.put(5, 10, filled(1), 0);
    v.put(5, 30, filled(3), 0);
    v.put(5, 20, filled(2), 0); // between
    expect([5, 10, 15, 20, 29, 30, 99].map((order) => at(v, 5, order))).toEqual([undefined, 1, 1, 2, 2, 3, 3]);
    expect(at(v, 6, 99)).toBeUndefined();
    expect([v.changedAt(5, 20), v.changedAt(5, 21), v.changedAt(6, 20)]).toEqual([true, false, false]);
  });

  test("a version put twice is the second one", () => {
    const v = new PageVersions();
    v.put(1, 10, filled(1), 0);
    v.put(1, 10, filled(2), 0);
    expect(at(v, 1, 10)).toBe(2);
    expect(v.bytes).toBe(PAGE_BYTES);
  });

  test("pages of zeros take no room, and room is used again", () => {
    const v = new PageVersions();
    v.put(1, 10, filled(0), 0);
    expect([at(v, 1, 10), v.bytes]).toEqual([0, 0]);
    for (let round = 0; round < 2000; round++) {
      v.put(2, round, filled(round + 1), 0);
      if (round > 0) v.pass(2, round - 1, round);
    }
    expect(v.bytes).toBe(PAGE_BYTES);
    expect(at(v, 2, 2000)).toBe(2000);
  });

  test("against a plain model: put, and checkpoints that go, in any order", () => {
    const r = new Random(11);
    for (let round = 0; round < 30; round++) {
      const v = new PageVersions();
      const orders: number[] = [];
      const model = new Map<number, Map<number, number>>(); // order → key → value, whole
      const keys = new Map<number, Set<number>>();
      let now = new Map<number, number>();
      for (let i = 0; i < 60; i++) {
        const order = i * 10;
        const changed = new Set(Array.from({ length: r.between(0, 4) }, () => r.between(0, 5)));
        for (const key of changed) {
          now = new Map(now).set(key, r.between(0, 1000));
          v.put(key, order, filled(now.get(key)!), 0);
        }
        orders.push(order);
        model.set(order, now);
        keys.set(order, changed);
        if (r.oneIn(2) && orders.length > 1) {
          const n = r.between(0, orders.length - 2);
          const [gone] = orders.splice(n, 1);
          for (const key of keys.get(gone!)!) if (v.pass(key, gone!, orders[n]!)) keys.get(orders[n]!)!.add(key);
          model.delete(gone!);
        }
        for (const [o, pages] of model) for (let key = 0; key < 6; key++) expect(at(v, key, o)).toBe(pages.get(key));
      }
    }
  });
});

describe("a disk that goes back", () => {
  const SIZE = 5 * PAGE_BYTES + 512;
  interface Made {
    readonly host: MemoryBlock;
    readonly disk: JournaledDisk;
    /** Keep a checkpoint of this order. */
    readonly keep: (order: number) => void;
  }
  const made = (): Made => {
    const versions = new PageVersions();
    const host = new MemoryBlock(Uint8Array.from({ length: SIZE }, (_, i) => i * 7));
    const disk = new JournaledDisk(host, 0, versions, (key, words) => versions.put(key, 0, words, 0));
    return {
      host, disk, keep: (order) => {
        for (const page of disk.dirty) versions.put(disk.key(page), order, disk.page(page), 0);
        disk.dirty.clear();
      },
    };
  };
  const all = (d: BlockBackend): string => {
    const bytes = new Uint8Array(SIZE);
    d.read(0, bytes);
    return bytes.join();
  };
  const write = (d: BlockBackend, r: Random): void => {
    const length = 512 * r.between(1, 20);
    d.write(512 * r.between(0, (SIZE - length) / 512), Uint8Array.from({ length }, () => r.between(0, 255)));
  };

  test("shows what was there, whatever is written meanwhile, and leaves the host's disk alone", () => {
    const r = new Random(3);
    const { host, disk, keep } = made();
    const seen = [all(disk)];
    for (let order = 1; order <= 20; order++) {
      for (let n = r.between(0, 3); n > 0; n--) write(disk, r);
      keep(order);
      seen.push(all(disk));
    }
    const present = all(host);
    expect(present).toBe(seen[20]);
    for (let i = 0; i < 60; i++) {
      const order = r.between(0, 20);
      disk.goTo(order);
      expect(all(disk)).toBe(seen[order]);
      write(disk, r);
      expect(all(host)).toBe(present);
    }
    disk.goTo(20);
    disk.present(false);
    expect(all(disk)).toBe(present);
  });

  test("another present is written to the host's disk, the odd end of it too", () => {
    const r = new Random(4);
    const { host, disk, keep } = made();
    disk.write(SIZE - 512, new Uint8Array(512).fill(9));
    keep(1);
    const then = all(disk);
    for (let n = 0; n < 5; n++) write(disk, r);
    keep(2);
    disk.goTo(1);
    disk.write(512, new Uint8Array(512).fill(77));
    const wanted = all(disk);
    expect(wanted).not.toBe(then);
    disk.present(true);
    expect(all(host)).toBe(wanted);
    disk.goTo(0);
    expect(all(disk)).toBe(Uint8Array.from({ length: SIZE }, (_, i) => i * 7).join());
  });

  test("flushes in the past are no matter of the host's", () => {
    let flushes = 0;
    const host = new MemoryBlock(new Uint8Array(PAGE_BYTES), { onFlush: () => { flushes++; } });
    const disk = new JournaledDisk(host, 0, new PageVersions(), () => undefined);
    disk.flush();
    disk.goTo(0);
    disk.flush();
    expect(flushes).toBe(1);
  });
});
