// Recordings that are no recordings any more: whatever a file holds, reading and replaying it ends in one clear line.

import { beforeAll, expect, test } from "vitest";
import { randomGuest } from "../../test/support/guest.ts";
import { Random } from "../../test/support/random.ts";
import { RIG_MEMORY } from "../../test/support/rig.ts";
import { Machine } from "../index.ts";
import { hashBytes } from "../machine-state.ts";
import { RAM } from "../memory-map.ts";
import { packState, unpackState } from "../snapshot.ts";
import { History } from "./history.ts";
import { NotAsItWas } from "./reach.ts";
import { readRecording } from "./recording.ts";

const image = randomGuest(new Random(4), { harts: 2 });
const guest = (): Promise<Machine> => Machine.create({ memory: RIG_MEMORY, harts: 2, kernel: image });
const DAMAGED = "this is not a recording, or it is damaged";

function forward(h: History, steps: number): void {
  const end = h.position.steps + steps;
  for (let turns = 0; h.position.steps < end && turns < 10_000; turns++) {
    const stop = h.run(end - h.position.steps);
    if (stop.reason === "idle" && stop.wakeAt !== Infinity) h.skipTo(stop.wakeAt);
    else if (stop.reason !== "budget") return;
  }
}

let file: Uint8Array;
let final: string;
beforeAll(async () => {
  const h = new History(await guest(), { record: true });
  for (let i = 0; i < 4; i++) {
    forward(h, 3000);
    h.type(`line ${i}`);
    h.poke({ kind: "memory", pa: RAM + RIG_MEMORY - 64, bytes: Uint8Array.of(i) });
    h.poke({ kind: "csr", hart: i % 2, csr: 0x340, value: BigInt(i) });
    if (i === 2) h.machine.reset();
  }
  forward(h, 3000);
  h.type("not taken in");
  file = h.save();
  final = h.machine.stateHash();
});

/** The same file with another body under a sum that is right. */
const withBody = (body: Uint8Array, version = 2): Uint8Array => packState({ format: "pagewalk recording", version, sum: hashBytes(body), body });
const bodyOf = (bytes: Uint8Array): Uint8Array => (unpackState(bytes) as { body: Uint8Array }).body;

/** What becomes of a file: replayed to its end, or what the error says. Anything but an error of one line is thrown on. */
async function fate(bytes: Uint8Array): Promise<string> {
  let h: History;
  try {
    h = History.open(readRecording(bytes), await guest());
  } catch (e) {
    if (!(e instanceof Error) || e instanceof TypeError || e instanceof RangeError || !/^[^\n]{1,200}$/.test(e.message)) throw e;
    return e.message;
  }
  try {
    for (let n = 0; n < 20 && !h.live; n++) forward(h, 3000);
    return h.live ? "replayed" : "longer than it was";
  } catch (e) {
    if (!(e instanceof NotAsItWas)) throw e;
    return "another run";
  }
}

test("a whole one is replayed to the same end", async () => {
  const h = History.open(file, await guest());
  h.goTo(h.end);
  expect([h.live, h.machine.stateHash()]).toEqual([true, final]);
  expect(await fate(file)).toBe("replayed");
});

test("any byte changed, and any end cut off, is found out", async () => {
  const r = new Random(1);
  for (let i = 0; i < 600; i++) {
    const bytes = file.slice();
    const at = r.below(bytes.length);
    bytes[at]! ^= 1 << r.below(8);
    expect(await fate(bytes), `byte ${at}`).toMatch(/^(this is not a recording, or it is damaged|the recording is of version \S+, this is a reader of version 2)$/);
  }
  for (let i = 0; i < 200; i++) {
    const length = r.below(file.length);
    expect(await fate(file.subarray(0, length)), `${length} bytes`).toBe(DAMAGED);
  }
});

test("made-up contents under a right sum: refused, or another run, and nothing else", async () => {
  const r = new Random(2);
  const body = bodyOf(file);
  const jsonEnd = 12 + new DataView(body.buffer, body.byteOffset).getUint32(8, true);
  const fates = new Map<string, number>();
  for (let i = 0; i < 400; i++) {
    let bytes = body.slice();
    for (let n = r.between(1, 3); n > 0; n--) {
      const at = r.oneIn(10) ? r.below(bytes.length) : r.between(12, jsonEnd - 1);
      if (r.oneIn(6)) bytes = Uint8Array.of(...bytes.subarray(0, at), r.pick([0x30, 0x39, 0x2d, 0x2c, 0x7d, 0x22]), ...bytes.subarray(at));
      else bytes[at] = r.oneIn(2) ? 0x30 + r.below(10) : r.below(256);
    }
    new DataView(bytes.buffer).setUint32(8, jsonEnd - 12 + bytes.length - body.length, true);
    const is = await fate(withBody(bytes));
    fates.set(is, (fates.get(is) ?? 0) + 1);
  }
  expect([...fates.keys()]).toContain(DAMAGED);
  expect([...fates.keys()]).toContain("another run");
});

test("fields that cannot be, one by one", async () => {
  type Loose = Record<string, never>;
  const refused = async (spoil: (body: { acts: Loose[]; inputs: Loose[]; end: Loose; waiting: Loose[]; disks: unknown; began: Loose }) => void): Promise<string> => {
    const body = unpackState(bodyOf(file)) as unknown as Parameters<typeof spoil>[0];
    spoil(body);
    return fate(withBody(packState(body as never)));
  };
  const set = (record: Loose, name: string, value: unknown): void => { Object.assign(record, { [name]: value }); };
  expect(await refused((b) => set(b.end, "steps", -1))).toBe(DAMAGED);
  expect(await refused((b) => set(b.end, "steps", 1e300))).toBe(DAMAGED);
  expect(await refused((b) => set(b.end, "acts", 2))).toBe(DAMAGED);
  expect(await refused((b) => b.acts.reverse())).toBe(DAMAGED);
  expect(await refused((b) => set(b.acts[0]!, "change", { kind: "memory", pa: 0, bytes: new Uint8Array(9) }))).toBe(DAMAGED);
  expect(await refused((b) => set(b.acts[0]!, "change", { kind: "csr", hart: 0, csr: 0xfff, value: "0" }))).toBe(DAMAGED);
  expect(await refused((b) => set(b.acts[0]!, "change", { kind: "privilege", hart: 0, value: "2" }))).toBe(DAMAGED);
  expect(await refused((b) => set(b.acts[0]!, "change", { kind: "register", hart: 7, n: 1, value: "0" }))).toBe(DAMAGED);
  expect(await refused((b) => set(b.acts[0]!, "change", { kind: "register", hart: 0, n: 32, value: "0" }))).toBe(DAMAGED);
  expect(await refused((b) => { b.waiting.push("x" as never); })).toBe(DAMAGED);
  expect(await refused((b) => { b.disks = [{ slot: 0, pages: [-1], data: new Uint8Array(4096) }]; })).toBe(DAMAGED);
  expect(await refused((b) => { b.disks = [{ slot: 0, pages: [1, 2], data: new Uint8Array(4096) }]; })).toBe(DAMAGED);
  expect(await refused((b) => set(b.began, "kernel", "0123456789abcdef"))).toBe("the recording was made with another kernel");
  expect(await refused((b) => set(b.began, "disk 0", "0123456789abcdef"))).toBe("the recording was made with another disk 0");
});

test("other versions say so, and sizes that are only claimed take no memory", async () => {
  expect(await fate(withBody(bodyOf(file), 3))).toBe("the recording is of version 3, this is a reader of version 2");
  const long = file.slice();
  new DataView(long.buffer).setUint32(8, 0xffff_ffff, true);
  expect(await fate(long)).toBe(DAMAGED);
  const text = new TextDecoder("latin1").decode(file).replace(/"\$length":\d+/, (claim) => `"$length":${"9".repeat(claim.length - 10)}`);
  expect(await fate(Uint8Array.from(text, (c) => c.charCodeAt(0)))).toBe(DAMAGED);
  const nested = new TextEncoder().encode("[".repeat(2e6));
  const deep = new Uint8Array(12 + nested.length);
  deep.set(file.subarray(0, 8));
  new DataView(deep.buffer).setUint32(8, nested.length, true);
  deep.set(nested, 12);
  expect(() => readRecording(deep)).toThrow(DAMAGED);
});
