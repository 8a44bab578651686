// Power cuts: the machine is stopped at each disk write of a workload and booted again. The file system must come
// back whole every time, and what had been synced must be there.
import { expect, test } from "vitest";
import { MemoryBlock } from "../../emulator/index.ts";
import { fsck } from "../../scripts/fs/fsck.ts";
import { FileSystem } from "../../scripts/fs/filesystem.ts";
import { diskImage, machine, runCommand } from "./support.ts";

const WORKLOAD = [
  "mkdir a", "echo first > a/f", "sync", "cp README a/copy", "sync", "mv a/f a/g", "sync", "mkdir a/b", "mv a/copy a/b/moved", "sync", "ln a/g link",
  "sync", "rm a/g", "cat usertests > big", "sync", "rm big", "sync", "mkdir a/b/c", "sync", "rm -r a/b", "sync", "echo last > a/h",
].join("; ");

interface Write {
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** How many flushes came before it. */
  readonly epoch: number;
}

/** Run a workload to its end in so many MiB and keep every disk write. */
async function record(image: Uint8Array, workload = WORKLOAD, memory = 32): Promise<Write[]> {
  const writes: Write[] = [];
  let epoch = 0;
  const disk = new MemoryBlock(image, {
    onWrite: (offset, bytes) => void writes.push({ offset, bytes: bytes.slice(), epoch }),
    onFlush: () => void epoch++,
  });
  const { stop, text } = await runCommand(workload, { disk, memory: memory * 2 ** 20 });
  expect(stop, text).toEqual({ reason: "poweroff", code: 0 });
  return writes;
}

/** Boot from what a power cut left, let the kernel recover, and look at the disk again. */
async function bootAfter(image: Uint8Array, when: string): Promise<void> {
  expect(fsck(image).problems, when).toEqual([]);
  const disk = new MemoryBlock(image.slice());
  const m = await machine({ disk, memory: 16 * 2 ** 20, append: 'run="ls; ls -l a; sync"' });
  const stop = m.runToEnd({ maxSteps: 500e6 });
  expect(stop.reason, `boot ${when}:\n${m.console.text}`).toBe("poweroff");
  expect(m.console.text, `boot ${when}`).not.toMatch(/panic/i);
  const after = new Uint8Array(disk.bytes);
  disk.read(0, after);
  expect(fsck(after).problems, `recovered ${when}`).toEqual([]);
}

test("after a stop at any disk write the file system is consistent, and boots", async () => {
  const image = diskImage(8 * 2 ** 20);
  const writes = await record(image);
  expect(writes.length).toBeGreaterThan(60);
  const now = image.slice();
  for (const [n, w] of writes.entries()) {
    now.set(w.bytes, w.offset);
    await bootAfter(now, `after disk write ${n + 1} of ${writes.length}`);
  }
});

test("a disk with a write cache may lose any of the writes since its last flush", async () => {
  const image = diskImage(8 * 2 ** 20);
  const writes = await record(image);
  let seed = 12345;
  const coin = (): boolean => ((seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 16) % 2 === 0;
  const safe = image.slice(); // what was flushed
  let from = 0;
  for (let to = 0; to <= writes.length; to++) {
    if (to < writes.length && writes[to]!.epoch === writes[from]!.epoch) continue;
    const pending = writes.slice(from, to);
    for (let round = 0; round < 3; round++) {
      const now = safe.slice();
      for (const w of pending) if (coin()) now.set(w.bytes, w.offset);
      await bootAfter(now, `round ${round}: some of the writes ${from + 1} to ${to} of ${writes.length} kept`);
    }
    for (const w of pending) safe.set(w.bytes, w.offset);
    from = to;
  }
});

test("after a stop at any write to files while memory goes to swap the file system is consistent, and boots", async () => {
  const [size, swap] = [40 * 2 ** 20, 24 * 2 ** 20];
  const image = diskImage(size, swap);
  const workload = "swapdemo 20 & mkdir a; echo first > a/f; sync; cp README a/copy; song; sync; mv a/f a/g; cp song.txt big; rm a/copy; sync; mkdir a/b; mv big a/b; sync";
  const writes = await record(image, workload, 16);
  const toSwap = (w: Write): boolean => w.offset >= size - swap;
  const files = writes.flatMap((w, n) => (toSwap(w) ? [] : [n]));
  const between = writes.slice(files[0], files.at(-1)).filter(toSwap).length;
  expect(files.length).toBeGreaterThan(40);
  expect(between, "writes to swap between the first and the last to files").toBeGreaterThan(100);
  const now = image.slice();
  for (const [n, w] of writes.entries()) {
    now.set(w.bytes, w.offset);
    if (!toSwap(w)) await bootAfter(now, `after disk write ${n + 1} of ${writes.length}`);
  }
});

test("what was synced is on the disk, without another boot", async () => {
  const disk = new MemoryBlock(diskImage(8 * 2 ** 20));
  await runCommand("echo kept > file; sync", { disk });
  const bytes = new Uint8Array(disk.bytes);
  disk.read(0, bytes);
  expect(new TextDecoder().decode(new FileSystem(bytes).read("/file"))).toBe("kept\n");
});
