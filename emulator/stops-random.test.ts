// Stops on random guests: the same ones at the same moments in both engines, and no trace of them in the guest.

import { describe, expect, test } from "vitest";
import { randomGuest } from "../test/support/guest.ts";
import { machineFor } from "../test/support/quiet-machine.ts";
import { Random } from "../test/support/random.ts";
import { DATA, ENGINES, TABLES } from "../test/support/rig.ts";
import { wide } from "./events.ts";
import type { Machine } from "./index.ts";
import { RAM } from "./memory-map.ts";

const STEPS = 3000;

/** What was met, in order: "moment hart what". */
type Diary = string[];

interface Plan {
  readonly breakpoints: readonly bigint[];
  readonly watches: readonly { space: "physical" | "virtual"; start: bigint; length: number; read: boolean; write: boolean }[];
  /** Steps before it begins: by then code is decoded and translations are cached. */
  readonly after: number;
  /** Stop at every so many-th thing met. */
  readonly pauseEvery: number;
}

/** Run a guest with a plan, pausing as it says; the diary. */
function runPlan(machine: Machine, plan: Plan, chunk: () => number): Diary {
  const diary: Diary = [];
  for (let stuck = 0; machine.steps < plan.after && stuck < 10; stuck++) {
    const stop = machine.run(plan.after - machine.steps);
    if (stop.reason === "idle" && stop.wakeAt !== Infinity) machine.skipTo(stop.wakeAt);
  }
  let met = 0;
  let skip = "";
  const note = (text: string): boolean => {
    diary.push(text);
    return ++met % plan.pauseEvery === 0;
  };
  const off = [
    ...plan.breakpoints.map((va) => machine.stops.breakAt(va, (hart) => {
      const text = `${machine.moment} hart ${hart} at ${va.toString(16)}`;
      if (text === skip) return false; // it stands there: go on
      const stop = note(text);
      if (stop) skip = text;
      return stop;
    })),
    ...plan.watches.map((w, i) => machine.stops.watch(w, (a) => {
      const pc = a.hart < 0 ? "" : wide(machine.harts[a.hart]!.pcLo, machine.harts[a.hart]!.pcHi).toString(16);
      if (note(`${machine.moment} hart ${a.hart} pc ${pc} watch ${i} ${a.by} ${a.access} ${wide(a.lo, a.hi).toString(16)} ${a.pa.toString(16)} ${a.size}`)) machine.pause();
    })),
  ];
  for (let stuck = 0; machine.steps < STEPS && stuck < 1000; stuck++) {
    const before = machine.steps;
    const stop = machine.run(Math.min(chunk(), STEPS - machine.steps));
    if (machine.steps !== before) stuck = 0;
    if (stop.reason === "paused") diary.push(`paused at ${machine.steps}`);
    else if (stop.reason === "idle" && stop.wakeAt !== Infinity) machine.skipTo(stop.wakeAt);
    else if (stop.reason !== "budget") break;
  }
  for (const remove of off) remove();
  return diary;
}

/** Addresses that the guest executes and that it accesses, by running it once. */
async function visited(image: Uint8Array, options: { harts: number; adUpdate: "hardware" | "fault" }): Promise<{ pcs: bigint[]; hash: string }> {
  const machine = await machineFor("reference", image, options);
  const pcs = new Set<bigint>();
  const off = machine.events.on("instruction", (e) => pcs.add(wide(e.pcLo, e.pcHi)));
  runPlan(machine, { breakpoints: [], watches: [], after: 0, pauseEvery: 1 }, () => 1000);
  off();
  return { pcs: [...pcs], hash: machine.stateHash() };
}

function randomPlan(r: Random, pcs: readonly bigint[]): Plan {
  const breakpoints = Array.from({ length: r.below(6) }, () => r.pick(pcs) + (r.oneIn(6) ? 2n : 0n));
  const homes = [0n, 0x60000000n - BigInt(RAM), 0x40000000n - BigInt(RAM)];
  const watches = Array.from({ length: r.below(4) }, () => {
    const space = r.pick(["physical", "virtual"] as const);
    const read = r.oneIn(2);
    const at = BigInt(r.pick([DATA, RAM, TABLES, RAM + 0x10000, r.pick([0x2000000, 0x10000000])]) + (r.oneIn(2) ? 0 : r.below(0x5000)));
    return { space, start: space === "virtual" ? at + r.pick(homes) : at, length: r.pick([1, 4, 8, 64, 4096, 0x40000]), read, write: !read || r.oneIn(2) };
  });
  return { breakpoints, watches, after: r.pick([0, 300, 1500]), pauseEvery: r.pick([1, 1, 3, 50]) };
}

describe("random guests, random stops", () => {
  for (let part = 0; part < 4; part++) {
    test(`seeds ${part * 40} to ${part * 40 + 39}: both engines meet the same things at the same moments, and the guest notices nothing`, async () => {
      let met = 0;
      for (let seed = part * 40; seed < part * 40 + 40; seed++) {
        const r = new Random(seed + 7000);
        const options = { harts: r.pick([1, 1, 2, 3]), adUpdate: r.oneIn(3) ? ("fault" as const) : ("hardware" as const) };
        const image = randomGuest(r, options);
        const { pcs, hash } = await visited(image, options);
        const plan = randomPlan(r, pcs);
        const diaries: Diary[] = [];
        for (const engine of ENGINES) {
          const sizes = new Random(seed);
          const machine = await machineFor(engine, image, options);
          diaries.push(runPlan(machine, plan, () => sizes.pick([1, 7, 100, 5000])));
          expect(machine.stateHash(), `seed ${seed}, ${engine}: state with and without stops`).toBe(hash);
        }
        expect(diaries[1], `seed ${seed}`).toEqual(diaries[0]);
        met += diaries[0]!.length;
      }
      expect(met).toBeGreaterThan(100);
    });
  }
});

test("what random guests change in memory is on the list", async () => {
  for (let seed = 0; seed < 30; seed++) {
    for (const engine of ENGINES) {
      const r = new Random(seed + 9000);
      const options = { harts: r.pick([1, 2]) };
      const m = await machineFor(engine, randomGuest(r, options), options);
      for (let round = 0; round < 5; round++) {
        m.run(r.between(1, 800));
        m.memory.track();
        const before = m.memory.bytes.slice(m.memory.plan.ramBase, m.memory.plan.ramBase + m.memory.plan.ramBytes);
        m.run(r.between(1, 800));
        const noted = new Set(m.memory.dirty.subarray(0, m.memory.dirtyCount));
        expect(noted.size).toBe(m.memory.dirtyCount);
        const now = m.memory.bytes.subarray(m.memory.plan.ramBase, m.memory.plan.ramBase + before.length);
        const unnoticed = Array.from({ length: before.length / 4096 }, (_, f) => f)
          .filter((f) => !noted.has(f) && Buffer.compare(now.subarray(f * 4096, (f + 1) * 4096), before.subarray(f * 4096, (f + 1) * 4096)) !== 0);
        expect(unnoticed, `seed ${seed}, ${engine}: frames that changed unnoticed`).toEqual([]);
      }
    }
  }
});

test("moment is the number of steps completed, in every event, in both engines", async () => {
  for (let seed = 0; seed < 25; seed++) {
    const diaries: string[][] = [];
    for (const engine of ENGINES) {
      const r = new Random(seed + 11_000);
      const options = { harts: r.pick([1, 3]) };
      const m = await machineFor(engine, randomGuest(r, options), options);
      const diary: string[] = [];
      const off = (["trap", "interrupt", "trapReturn", "pageFault", "csr", "fence", "device"] as const).map((name) => m.events.on(name, () => { diary.push(`${name} ${m.moment}`); }));
      const sizes = new Random(seed);
      for (let left = 2000; left > 0; ) {
        const before = m.steps;
        const stop = m.run(sizes.between(1, 300));
        left -= m.steps - before;
        expect(m.moment).toBe(m.steps);
        if (stop.reason === "idle" && stop.wakeAt !== Infinity) m.skipTo(stop.wakeAt);
        else if (stop.reason !== "budget") break;
      }
      for (const remove of off) remove();
      diaries.push(diary);
    }
    expect(diaries[1], `seed ${seed}`).toEqual(diaries[0]);
    expect(diaries[0]!.map((d) => Number(d.split(" ")[1])).every((t, i, all) => i === 0 || t >= all[i - 1]!)).toBe(true);
  }
});
