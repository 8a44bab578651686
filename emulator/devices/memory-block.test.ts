import { expect, test } from "vitest";
import { MemoryBlock } from "./memory-block.ts";
import { Random } from "./testing.ts";

const SIZE = 5 * 4096 + 512;

function base(): Uint8Array {
  return Uint8Array.from({ length: SIZE }, (_, i) => (i * 7) & 0xff);
}

test("it behaves as a flat array, and leaves its base alone", () => {
  const image = base();
  const disk = new MemoryBlock(image);
  const model = base();
  const random = new Random(3);
  for (let round = 0; round < 2000; round++) {
    const offset = random.below(SIZE);
    const bytes = new Uint8Array(random.below(Math.min(9000, SIZE - offset))).fill(random.below(256));
    if (random.below(2) === 0) {
      disk.write(offset, bytes);
      model.set(bytes, offset);
    } else {
      disk.read(offset, bytes);
      expect(Buffer.compare(bytes, model.subarray(offset, offset + bytes.length))).toBe(0);
    }
  }
  expect(disk.image()).toEqual(model);
  expect(image).toEqual(base());
});

test("a clone goes its own way", () => {
  const disk = new MemoryBlock(base());
  disk.write(100, Uint8Array.of(1, 2, 3));
  const copy = disk.clone();
  disk.write(101, Uint8Array.of(9));
  copy.write(102, Uint8Array.of(8));
  expect([...disk.image().subarray(100, 103)]).toEqual([1, 9, 3]);
  expect([...copy.image().subarray(100, 103)]).toEqual([1, 2, 8]);
  expect(copy.writtenPages).toBe(1);
});

test("the hook sees each write before it happens and may lose it", () => {
  const seen: number[] = [];
  let power = true;
  const disk = new MemoryBlock(base(), {
    onWrite: (offset) => {
      seen.push(offset);
      return power;
    },
  });
  disk.write(0, Uint8Array.of(42));
  power = false;
  disk.write(1, Uint8Array.of(43));
  expect(seen).toEqual([0, 1]);
  expect([...disk.image().subarray(0, 2)]).toEqual([42, 7]);
});

test("save and load; nonsense is refused and changes nothing", () => {
  const disk = new MemoryBlock(base());
  disk.write(SIZE - 5, Uint8Array.of(1, 2, 3, 4, 5));
  disk.write(4095, Uint8Array.of(1, 2));
  const copy = new MemoryBlock(base());
  copy.load(disk.save());
  expect(copy.image()).toEqual(disk.image());
  for (const bad of [null, [3], [[0, new Uint8Array(5)]], [[-1, new Uint8Array(4096)]], [[9, new Uint8Array(4096)]], [["0", new Uint8Array(4096)]]]) {
    expect(() => copy.load(bad)).toThrow("snapshot: a disk's page");
  }
  expect(copy.image()).toEqual(disk.image());
});
