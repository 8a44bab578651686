// A busy machine whose person does anything at any time: types, goes back, changes memory and registers in the past, sets
// breakpoints and takes them out, resets it or makes the guest do so. Every moment that was seen stays the same to the bit,
// when it is gone to and when the run is replayed from its recording, on either engine.

import { expect, test } from "vitest";
import { Debugger } from "../../emulator/history/debugger.ts";
import { notAfter, type FullPosition } from "../../emulator/history/checkpoints.ts";
import { History } from "../../emulator/history/history.ts";
import { MemoryBlock, type EngineName, type Machine } from "../../emulator/index.ts";
import { RAM } from "../../emulator/memory-map.ts";
import { hashBytes } from "../../emulator/machine-state.ts";
import { Asm } from "../support/asm.ts";
import { Random } from "../support/random.ts";
import { diskImage, machine } from "./support.ts";

/** To look for trouble by hand: HISTORY_SEEDS=10-99. */
const [FIRST, LAST] = process.env["HISTORY_SEEDS"]?.split("-").map(Number) ?? [];
const SEEDS = FIRST === undefined ? [5, 7, 11] : Array.from({ length: (LAST ?? FIRST) - FIRST + 1 }, (_, i) => FIRST + i);
const OPERATIONS = 70;
/** The reference takes its time: it is asked about moments up to this one. */
const REFERENCE_STEPS = 3_000_000;
const MEMORY = 12 * 2 ** 20;
const SUPERVISOR = 1;

const image = diskImage(48 * 2 ** 20, 16 * 2 ** 20);
const guest = (harts: number, engine: EngineName = "interpreter"): Promise<Machine> => machine({ harts, engine, memory: MEMORY, disk: new MemoryBlock(image) });
const COMMANDS = [
  "swapdemo 14 &\n", "grind -n 3000 -c 500 -s 3 -p 3 &\n", "echo words > f; cat f | wc\n", "cowdemo\n", "ls\n", "sumheap numbers &\n", "rm f; sync\n", "ech", "\x03", "o some\n", "\x04", "\n",
];
/** Instructions that reset the machine through the finisher. */
const RESET = new Asm().li("t0", 0x10_0000).li("t1", 0x7777).s("sw", "t1", "t0").image();

/** Everything of a moment but what was typed and not taken in: of that history does not know when it was typed. */
function look(m: Machine): string {
  const waiting = m.waitingInput.splice(0);
  const disk = new Uint8Array(m.disks[0]!.bytes);
  m.disks[0]!.read(0, disk);
  const state = m.stateHash();
  m.waitingInput.push(...waiting);
  return `steps ${m.steps} time ${m.now} state ${state} disk ${hashBytes(disk)} printed ${m.console.count} inputs ${m.inputLog.length}`;
}

interface Seen {
  readonly at: FullPosition;
  readonly is: string;
}

class Person {
  readonly h: History;
  readonly done: string[] = [];
  seen: Seen[] = [];
  private readonly m: Machine;
  private readonly r: Random;
  private readonly d: Debugger;
  private readonly harts: number;

  constructor(m: Machine, r: Random, harts: number) {
    this.h = new History(m, { interval: r.pick([50_000, 300_000, 2_000_000]), limit: r.pick([24, 128]) * 2 ** 20, record: true });
    this.d = new Debugger(m, this.h);
    this.m = m;
    this.r = r;
    this.harts = harts;
  }

  /** Run, time passing as it will. */
  run(steps: number): void {
    const { h, m, r } = this;
    const end = m.steps + steps;
    for (let turns = 0; m.steps < end && turns < 2000; turns++) {
      const stop = h.run(Math.min(end - m.steps, r.oneIn(3) ? r.between(1, 20_000) : steps));
      if (stop.reason === "idle") {
        if (stop.wakeAt === Infinity) break;
        h.skipTo(r.oneIn(4) ? m.now + r.between(1, 1_000_000) : stop.wakeAt);
      } else if (stop.reason === "reset") m.reset();
      else if (stop.reason === "poweroff") break;
    }
  }

  /** Remember this moment. */
  see(): void {
    this.seen.push({ at: this.h.position, is: look(this.m) });
  }

  /** Something from outside is about to come: what was seen after this moment will not happen. */
  private cut(): void {
    const at = this.h.position;
    this.seen = this.seen.filter((s) => notAfter(s.at, at));
  }

  /** Go to something seen, which must be what it was; or to a moment near it. */
  back(): void {
    const { h, r } = this;
    const left = this.seen.filter((s) => notAfter(h.start, s.at) && notAfter(s.at, h.end));
    if (left.length === 0) return;
    const { at, is } = r.pick(left);
    if (r.oneIn(3)) h.goTo(r.between(h.start.steps, h.end.steps));
    h.goTo(at);
    expect(look(this.m), `after ${this.done.join(", ")}`).toBe(is);
    if (r.oneIn(3)) h.goTo(Math.max(h.start.steps, at.steps - r.between(0, 100_000)));
  }

  change(): void {
    const { h, r } = this;
    const hart = r.below(this.harts);
    if (r.oneIn(2)) h.poke({ kind: "memory", pa: RAM + 8 * r.between(0, MEMORY / 8 - 1), bytes: Uint8Array.of(r.bits() & 255, r.bits() & 255) });
    else if (r.oneIn(2)) h.poke({ kind: "register", hart, n: r.between(1, 31), value: BigInt(r.bits()) });
    else h.poke({ kind: "csr", hart, csr: r.pick([0x140, 0x340, 0x104, 0x100]), value: BigInt(r.bits()) });
  }

  /** The guest resets the machine: the code at a hart's pc becomes what does so. */
  guestReset(): void {
    const hart = this.m.harts.find((x) => x.privilege >= SUPERVISOR && !x.waiting);
    if (hart === undefined) return;
    const pc = hart.pcLo >>> 0;
    if (pc >= RAM && pc < RAM + MEMORY - 64) this.h.poke({ kind: "memory", pa: pc, bytes: RESET.slice() });
  }

  /** With breakpoints and watches in place, on or back. */
  debug(): void {
    const { d, r, m } = this;
    const hart = r.below(this.harts);
    if (r.oneIn(2)) d.break(BigInt(m.harts[hart]!.pcLo >>> 0), r.oneIn(2) ? { hart } : {});
    if (r.oneIn(3)) d.watch({ space: "physical", start: BigInt(RAM + 4096 * r.between(0, MEMORY / 4096 - 1)), length: 4096, read: false, write: true });
    const motion = r.pick(["continue", "step", "next", "rstep", "rcontinue", "rnext"] as const);
    d[motion]();
    for (let turns = 0; turns < 60; turns++) {
      const stop = d.run(20_000);
      if (stop.reason === "idle" && stop.wakeAt !== Infinity) this.h.skipTo(stop.wakeAt);
      else if (stop.reason === "reset") m.reset();
      else if (stop.reason !== "budget") break;
    }
    if (d.busy) d.pause();
    for (const p of d.points.list) if (r.oneIn(2)) d.points.remove(p.id);
  }

  act(): void {
    const { r, h, m } = this;
    const n = r.below(100);
    const what = n < 35 ? "run" : n < 60 ? "type" : n < 78 ? "back" : n < 85 ? "change" : n < 95 ? "debug" : n < 97 ? "reset" : "guest reset";
    this.done.push(what);
    if (!["run", "back", "debug"].includes(what)) this.cut();
    if (what === "run") this.run(r.between(1, r.oneIn(3) ? 1_500_000 : 100_000));
    else if (what === "type") h.type(r.pick(COMMANDS));
    else if (what === "back") this.back();
    else if (what === "change") this.change();
    else if (what === "debug") this.debug();
    else if (what === "reset") m.reset();
    else this.guestReset();
    if (r.oneIn(2)) this.run(r.between(1, 3000));
    this.see();
  }
}

for (const seed of SEEDS) {
  test(`whatever was done, every moment stays what it was (seed ${seed})`, { timeout: 900_000 }, async () => {
    const r = new Random(seed);
    const harts = r.oneIn(4) ? 1 : 4;
    const p = new Person(await guest(harts), r, harts);
    const { h } = p;
    p.run(r.oneIn(3) ? 500_000 : 6_000_000);
    for (let i = 0; i < OPERATIONS; i++) p.act();
    h.goTo(h.end);
    p.run(1);
    p.see();
    const end = look(h.machine);
    const how = `after ${p.done.join(", ")}`;
    for (const { at, is } of p.seen.filter((s) => notAfter(h.start, s.at)).reverse()) {
      h.goTo(at);
      expect(look(h.machine), `at ${at.steps} ${how}`).toBe(is);
    }
    const file = h.save();
    const replay = History.open(file, await guest(harts));
    for (const { at, is } of [...p.seen].sort((a, b) => (notAfter(a.at, b.at) ? -1 : 1))) {
      replay.goTo(at);
      expect(look(replay.machine), `replayed: at ${at.steps} ${how}`).toBe(is);
    }
    replay.goTo(replay.end);
    expect([replay.live, look(replay.machine)]).toEqual([true, end]);
    const slow = History.open(file, await guest(harts, "reference"));
    for (const { at, is } of p.seen.filter((s) => s.at.steps < REFERENCE_STEPS).slice(-3)) {
      slow.goTo(at);
      expect(look(slow.machine), `on the reference: at ${at.steps} ${how}`).toBe(is);
    }
  });
}
