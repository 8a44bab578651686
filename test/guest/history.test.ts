// The way back, on the real kernel: any moment of a run is reached again to the bit, from any other; another input makes
// another future; disks on the host hold the present.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FileBlock } from "../../emulator/cli/file-block.ts";
import { History, type HistoryOptions } from "../../emulator/history/history.ts";
import { Machine, MemoryBlock, type Stop } from "../../emulator/index.ts";
import { RAM } from "../../emulator/memory-map.ts";
import { Random } from "../support/random.ts";
import { diskImage, machine } from "./support.ts";

/** Everything of a moment: the machine, its disk, its console. */
function look(m: Machine): string {
  const disk = new Uint8Array(m.disks[0]!.bytes);
  m.disks[0]!.read(0, disk);
  const words = new Int32Array(disk.buffer);
  let hash = 0;
  for (let i = 0; i < words.length; i++) hash = (Math.imul(hash, 31) + words[i]!) | 0;
  return `steps ${m.steps} time ${m.now} state ${m.stateHash()} disk ${hash} console ${m.console.text.length} inputs ${m.inputLog.length}`;
}

/** Run forward, letting idle time pass at once. The stop that ended it sooner, if any. */
function forward(h: History, steps: number): Stop | undefined {
  const end = h.position.steps + steps;
  while (h.position.steps < end) {
    const stop = h.run(end - h.position.steps);
    if (stop.reason === "idle" && stop.wakeAt !== Infinity) h.skipTo(stop.wakeAt);
    else if (stop.reason !== "budget") return stop;
  }
  return undefined;
}

/** Run until the console shows a text after `from` characters. */
function until(h: History, text: string, from = 0): void {
  let stop: Stop = { reason: "budget" };
  for (let i = 0; i < 5000; i++) {
    if (h.machine.console.text.indexOf(text, from) >= 0) return;
    if (stop.reason === "idle" && stop.wakeAt !== Infinity) h.skipTo(stop.wakeAt);
    else if (stop.reason !== "budget") break;
    stop = h.run(100_000);
  }
  throw new Error(`no ${JSON.stringify(text)}; the console shows:\n${h.machine.console.text.slice(-1000)}`);
}

const PROMPT = "\n$ ";
async function prompted(options: Parameters<typeof machine>[0] = {}, history: HistoryOptions = {}): Promise<History> {
  const h = new History(await machine(options), history);
  until(h, PROMPT);
  return h;
}

/** Type a line, run to the next prompt; what was printed. */
function shell(h: History, line: string): string {
  const from = h.machine.console.text.length - 1;
  h.type(`${line}\n`);
  until(h, PROMPT, from + 2);
  return h.machine.console.text.slice(from);
}

/** A busy machine: four harts, little memory, swapping, files. */
const SWAP = 16 * 2 ** 20;
const busyDisk = diskImage(64 * 2 ** 20, SWAP);
const busy = (options: Parameters<typeof machine>[0] = {}): Promise<Machine> =>
  machine({ harts: 4, memory: 12 * 2 ** 20, disk: new MemoryBlock(busyDisk), append: 'run="swapdemo 14 & grind -n 10000 -c 1000 -s 8 -p 3"', ...options });

test("a thousand random moments of a busy run: there and back, forward and backward", { timeout: 900_000 }, async () => {
  let paged = 0;
  const disk = new MemoryBlock(busyDisk, { onWrite: (offset) => {
    if (offset >= busyDisk.length - SWAP) paged++;
    return true;
  } });
  const h = new History(await busy({ disk }), { interval: 300_000, limit: 32 * 2 ** 20 });
  const m = h.machine;
  const r = new Random(2026);
  const seen: { steps: number; is: string }[] = [];
  const is = (n: number): string => (n % 20 === 0 ? look(m) : m.stateHash());
  while (seen.length < 1000) {
    expect(forward(h, r.between(1, 80_000))).toBeUndefined();
    seen.push({ steps: m.steps, is: is(seen.length) });
  }
  expect(paged).toBeGreaterThan(50);
  const end = look(m);
  for (let i = 0; i < 1000; i++) {
    const n = r.between(0, 999);
    const { steps } = seen[n]!;
    const via = r.oneIn(2) ? Math.max(0, steps - r.between(0, 1_000_000)) : r.between(0, h.end.steps);
    h.goTo(via);
    if (via <= steps && r.oneIn(2)) forward(h, steps - via);
    else h.goTo(steps);
    expect(is(n), `moment ${steps} by way of ${via}`).toBe(seen[n]!.is);
    if (!r.oneIn(20)) continue;
    h.goTo(h.end);
    expect(h.live).toBe(true);
    expect(look(m)).toBe(end);
  }
  expect(h.cost.bytes).toBeLessThan(32 * 2 ** 20);
});

test("a limit that is tight lets go of the beginning, and what is left is exact", async () => {
  const h = new History(await machine({ memory: 16 * 2 ** 20, append: 'run="sumheap numbers; swapdemo 4; sumbss"' }), { interval: 100_000, limit: 5 * 2 ** 20 });
  const seen: { steps: number; is: string }[] = [];
  while (forward(h, 30_000) === undefined) seen.push({ steps: h.machine.steps, is: h.machine.stateHash() });
  expect(h.start.steps).toBeGreaterThan(0);
  expect(() => h.goTo(0)).toThrow(/^t=0 is not in history, which reaches from t=\d+ to t=\d+$/);
  const left = seen.filter((s) => s.steps >= h.start.steps);
  expect(left.length).toBeGreaterThan(3);
  for (const { steps, is } of left.reverse()) {
    h.goTo(steps);
    expect(h.machine.stateHash()).toBe(is);
  }
});

test("what is typed in the past makes another future, and nothing is shown twice", async () => {
  const h = await prompted();
  const m = h.machine;
  let shown = m.console.text;
  m.console.onOutput = (bytes) => { shown += new TextDecoder().decode(bytes); };
  const before = h.position;
  const there = look(m);
  expect(shell(h, "echo one; echo 1 > file")).toContain("one");
  const shownThen = shown;
  const later = h.position;
  const end = look(m);
  h.goTo(before);
  expect(look(m)).toBe(there);
  expect(h.live).toBe(false);
  expect(h.end).toEqual(later);
  h.run(later.steps - m.steps - 1000); // the past runs by itself, input and all
  expect(m.console.text).toContain("one\n");
  h.goTo(later);
  expect(look(m)).toBe(end);
  expect(shown).toBe(shownThen);
  h.goTo(before);
  const answer = shell(h, "echo two; cat file");
  expect(h.live).toBe(true);
  expect(answer).toContain("two");
  expect(answer).toContain("cat: ");
  expect(answer).not.toContain("one");
  expect(shown.endsWith(answer.slice(1))).toBe(true);
  expect(shell(h, "echo three")).toContain("three");
  const last = look(m);
  h.goTo(before);
  expect(look(m)).toBe(there);
  h.goTo(h.end);
  expect(look(m)).toBe(last);
});

test("the disk's file holds the present, whatever is being looked at; another future puts it back", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pagewalk-history-"));
  try {
    const file = join(folder, "disk.img");
    writeFileSync(file, diskImage());
    const disk = new FileBlock(file);
    const h = await prompted({ disk });
    const m = h.machine;
    const before = h.position;
    const imageBefore = readFileSync(file);
    shell(h, "echo hello > greeting; sync");
    const imageAfter = readFileSync(file);
    expect(imageAfter.equals(imageBefore)).toBe(false);
    const end = look(m);
    h.goTo(before);
    const past = new Uint8Array(disk.bytes);
    m.disks[0]!.read(0, past);
    expect(imageBefore.equals(past)).toBe(true);
    expect(readFileSync(file).equals(imageAfter)).toBe(true);
    forward(h, 200_000);
    expect(readFileSync(file).equals(imageAfter)).toBe(true);
    h.goTo(h.end);
    expect(look(m)).toBe(end);
    expect(readFileSync(file).equals(imageAfter)).toBe(true);
    h.goTo(before);
    expect(shell(h, "cat greeting")).toContain("cat: ");
    shell(h, "echo other > another; sync");
    disk.close();
    const again = await prompted({ disk: new MemoryBlock(new Uint8Array(readFileSync(file))) });
    expect(shell(again, "cat another greeting")).toMatch(/other[^]*cat: /);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a snapshot of the past has the disk of that moment", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pagewalk-history-"));
  try {
    for (const kind of ["memory", "file"] as const) {
      const file = join(folder, "disk.img");
      writeFileSync(file, diskImage());
      const h = await prompted({ disk: kind === "memory" ? new MemoryBlock(diskImage()) : new FileBlock(file) });
      shell(h, "echo early > greeting; sync");
      const then = h.position;
      shell(h, "echo late > greeting; echo more > another; sync");
      h.goTo(then.steps - 1000);
      forward(h, 1000);
      h.goTo(then);
      const is = look(h.machine);
      const snapshot = h.machine.snapshot();
      h.goTo(h.end);
      const present = h.machine.snapshot();
      // What a snapshot says of a disk is over what was under it: of a file, as that is now.
      const restored = await Machine.restore(snapshot, [new MemoryBlock(kind === "memory" ? diskImage() : new Uint8Array(readFileSync(file)))]);
      expect(look(restored).replace(/console \d+/, "")).toBe(is.replace(/console \d+/, ""));
      const again = new History(restored);
      again.type("cat greeting another\n");
      until(again, PROMPT);
      expect(restored.console.text).toMatch(/early\s[^]*cat: /);
      if (kind === "memory") expect(look(await Machine.restore(present, [new MemoryBlock(diskImage())])).replace(/console \d+/, "")).toBe(look(h.machine).replace(/console \d+/, ""));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("resets, also by somebody outside and in the middle of a run, are part of the past", async () => {
  const h = await prompted({ harts: 2 });
  const m = h.machine;
  const seen = [{ at: h.position, is: look(m) }];
  const see = (): void => void seen.push({ at: h.position, is: look(m) });
  shell(h, "echo 1 > file; sync");
  see();
  m.reset();
  see();
  forward(h, 300_000);
  see();
  m.reset();
  until(h, PROMPT, m.console.text.length);
  see();
  expect(shell(h, "cat file")).toContain("1");
  see();
  for (const n of [1, 5, 2, 0, 3, 4, 2, 5]) {
    h.goTo(seen[n]!.at);
    expect(look(m), `state ${n}`).toBe(seen[n]!.is);
  }
  h.goTo(seen[0]!.at);
  forward(h, seen[4]!.at.steps - m.steps);
  expect(m.steps).toBe(seen[4]!.at.steps);
  h.goTo(seen[5]!.at);
  expect(h.live).toBe(true);
});

test("changes by hand happen again where they were made, and in the past make another future", async () => {
  const h = new History(await busy(), { interval: 200_000 });
  const m = h.machine;
  const r = new Random(5);
  forward(h, 2_000_000);
  const seen: { at: typeof h.position; is: string }[] = [];
  for (let i = 0; i < 12; i++) {
    forward(h, r.between(1, 200_000));
    if (i % 3 === 0) h.run(1); // perhaps idle
    seen.push({ at: h.position, is: look(m) });
    const hart = r.between(0, 3);
    h.poke({ kind: "register", hart, n: 4, value: BigInt(i) });
    h.poke({ kind: "memory", pa: RAM + 7 * 2 ** 20 + i * 4096, bytes: Uint8Array.of(1, 2, 3, i) });
    h.poke({ kind: "csr", hart, csr: 0x340, value: 0x1234n + BigInt(i) });
    seen.push({ at: h.position, is: look(m) });
  }
  expect(() => h.poke({ kind: "memory", pa: 0x1000_0000, bytes: Uint8Array.of(1) })).toThrow("there is no memory to write there");
  expect(h.lastWrite(RAM + 7 * 2 ** 20 + 11 * 4096, 4)).toMatchObject({ by: "host", hart: null, value: 0x0b030201n });
  forward(h, 100_000);
  const end = look(m);
  for (let i = 0; i < 60; i++) {
    const { at, is } = r.pick(seen);
    h.goTo(at);
    expect(look(m)).toBe(is);
  }
  h.goTo(h.end);
  expect(look(m)).toBe(end);
  h.goTo(seen[4]!.at);
  h.poke({ kind: "pc", hart: 0, value: 0x8000_0000n });
  expect(h.live).toBe(true);
  expect(h.end).toEqual(h.position);
});

test("the last write of any bytes is the one that a watch over the whole run saw last", async () => {
  const h = new History(await busy({ harts: 2 }), { interval: 150_000 });
  const m = h.machine;
  forward(h, 3_000_000);
  const from = m.steps;
  const r = new Random(77);
  const last = new Map<number, { moment: number; pa: number; hart: number; by: string }>();
  const off = m.stops.watch({ space: "physical", start: BigInt(RAM), length: m.memory.plan.ramBytes, read: false, write: true }, ({ pa, size, hart, by }) => {
    if (size <= 8) for (let a = pa; a < pa + size; a++) last.set(a, { moment: m.moment, pa, hart, by });
  });
  forward(h, 60_000);
  off();
  forward(h, 1);
  const before = look(m);
  const bytes = [...last.keys()];
  for (let i = 0; i < 40; i++) {
    const pa = r.pick(bytes);
    const truth = last.get(pa)!;
    const found = h.lastWrite(pa, 1, from + 60_000);
    expect(found, `of 0x${pa.toString(16)}`).toMatchObject({ moment: truth.moment, by: truth.by, hart: truth.hart < 0 ? null : truth.hart });
  }
  expect(look(m)).toBe(before);
  expect(h.live).toBe(true);
  expect(h.lastWrite(RAM + 2 ** 40, 8)).toBeUndefined();
});

test("an idle machine goes back to exactly where it was waiting", async () => {
  const h = await prompted({ harts: 2 });
  const m = h.machine;
  const stop = h.run(10_000_000);
  expect(stop.reason).toBe("idle");
  h.skipTo(m.now + 1_234);
  const seen = [{ at: h.position, is: look(m) }];
  h.run(1);
  seen.push({ at: h.position, is: look(m) });
  h.skipTo(m.now + 777);
  h.type("e"); // given, and not taken in
  const end = h.position;
  const is = look(m);
  for (let i = 0; i < 6; i++) {
    h.goTo(Math.floor((end.steps * i) / 6));
    const { at, is: was } = seen[i % 2]!;
    h.goTo(at);
    expect(look(m)).toBe(was);
    h.goTo(end);
    expect(look(m)).toBe(is);
  }
  expect(h.live).toBe(true);
  const from = m.console.text.length;
  h.type("cho hi\n");
  until(h, "hi\n", from + 8);
});

test("a moment at which every one of four harts waits is reached from before it, whoever ran last", async () => {
  const h = await prompted({ harts: 4 });
  const seen: { at: typeof h.position; is: string }[] = [];
  for (let i = 0; i < 12; i++) {
    expect(h.run(10_000_000).reason).toBe("idle");
    seen.push({ at: h.position, is: look(h.machine) });
    h.skipTo(h.machine.now + 1_234);
    seen.push({ at: h.position, is: look(h.machine) });
    shell(h, i % 3 === 0 ? "ls | wc" : "echo again");
  }
  for (const { at, is } of seen.reverse()) {
    h.goTo(Math.max(0, at.steps - 50_000));
    h.goTo(at);
    expect(look(h.machine)).toBe(is);
  }
});

test("a recording makes the same run again on another machine", async () => {
  const base = diskImage();
  const h = await prompted({ harts: 2, disk: new MemoryBlock(base) }, { record: true, limit: 4 * 2 ** 20, interval: 200_000 });
  shell(h, "echo recorded > file; sync; cat file");
  h.machine.reset();
  until(h, PROMPT, h.machine.console.text.length);
  h.poke({ kind: "memory", pa: RAM + 100 * 2 ** 20, bytes: Uint8Array.of(9) });
  h.goTo(h.end.steps - 1000);
  const file = h.save();
  expect(h.live).toBe(false);
  h.goTo(h.end);
  const other = new MemoryBlock(base);
  const replay = History.open(file, await machine({ harts: 2, disk: other }));
  expect(replay.live).toBe(false);
  expect(replay.end).toEqual(h.end);
  forward(replay, h.end.steps - 500);
  expect(replay.live).toBe(false);
  replay.run(1000);
  expect(replay.live).toBe(true);
  replay.goTo(h.end);
  expect(look(replay.machine)).toBe(look(h.machine));
  expect(replay.machine.console.text).toBe(h.machine.console.text);
  expect(shell(replay, "cat file")).toContain("recorded"); // and it goes on from there
  replay.goTo(1_000_000);
  replay.goTo(replay.end);
  const again = History.open(file, await machine({ harts: 2, disk: new MemoryBlock(base) }));
  again.goTo(again.end);
  expect(look(again.machine)).toBe(look(h.machine));

  const refused = async (bytes: Uint8Array, options: Parameters<typeof machine>[0]): Promise<string> => {
    const m = await machine({ harts: 2, disk: new MemoryBlock(base), ...options });
    try {
      return String(History.open(bytes, m).live);
    } catch (e) {
      return (e as Error).message;
    }
  };
  expect(await refused(file, { harts: 3 })).toBe("the recording was made with another number of harts: 2, not 3");
  expect(await refused(file, { append: "quiet" })).toBe("the recording was made with another kernel command line: none, not quiet");
  const changed = base.slice();
  changed[5_000_000]! ^= 1;
  expect(await refused(file, { disk: new MemoryBlock(changed) })).toBe("the recording was made with another disk 0");
  expect(await refused(file.subarray(0, file.length - 3), {})).toBe("this is not a recording, or it is damaged");
  expect(await refused(h.machine.snapshot(), {})).toBe("this is not a recording, or it is damaged");
});
