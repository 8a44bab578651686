// The debugger on random guests, in both engines: each step forward and back is held against a trail of the whole run.

import { describe, expect, test } from "vitest";
import { randomGuest } from "../../test/support/guest.ts";
import { Random } from "../../test/support/random.ts";
import { Restarting } from "../../test/support/restarting.ts";
import { machineWith, RIG_MEMORY } from "../../test/support/rig.ts";
import { Machine, type EngineName } from "../index.ts";
import { Debugger, type StopReport, type Timeline } from "./debugger.ts";
import { History } from "./history.ts";

/** What each step was: who took it, where its hart's pc was just before (an interrupt taken), and how many of its steps came before. */
interface Trail {
  readonly hart: number;
  readonly pc: bigint;
}

/** A random guest that has run, and what is worth a look in its past: where turns begin and interrupts come. */
interface Past {
  readonly m: Machine;
  readonly line: Timeline;
  readonly d: Debugger;
  readonly trail: readonly Trail[];
  readonly steps: number;
  readonly corners: readonly number[];
}

async function pastOf(engine: EngineName, kind: "restarting" | "history", r: Random): Promise<Past> {
  const options = { harts: r.pick([1, 2, 3]) };
  const length = options.harts === 1 ? 2000 : 5000 * options.harts + 2000;
  const kernel = randomGuest(r, options);
  const m = kind === "restarting" ? await machineWith(engine, kernel, options) : await Machine.create({ memory: RIG_MEMORY, ...options, engine, kernel });
  const line = kind === "restarting" ? new Restarting(m, length / 5) : new History(m, { interval: r.pick([100, 1000, length]) });
  const trail: Trail[] = [];
  const corners: number[] = [];
  const off = [
    m.events.on("instruction", (e) => {
      if (trail.length > 0 && trail.at(-1)!.hart !== e.hart) corners.push(m.moment);
      trail[m.moment] = { hart: e.hart, pc: m.inspect.registers(e.hart).pc };
    }),
    m.events.on("interrupt", () => { corners.push(m.moment); }),
  ];
  for (let stop = line.run(length); m.steps < length; stop = line.run(length - m.steps)) {
    if (stop.reason === "idle" && stop.wakeAt !== Infinity) line.skipTo(stop.wakeAt);
    else if (stop.reason !== "budget") break;
  }
  for (const remove of off) remove();
  return { m, line, d: new Debugger(m, line), trail, steps: Math.min(m.steps, length), corners: corners.filter((c) => c > 0) };
}

describe("random guests", () => {
  // Starting again for every look is plainly right, and slow; so is the reference.
  for (const [engine, kind, seeds] of [["interpreter", "restarting", 12], ["reference", "restarting", 4], ["interpreter", "history", 20], ["reference", "history", 4]] as const) {
    test(`steps forward and back follow the trail, breakpoints are found again (${engine}, ${kind})`, async () => {
      let crossed = 0;
      let entered = 0;
      for (let seed = 0; seed < seeds; seed++) {
        const r = new Random(seed + 20_000);
        const past = await pastOf(engine, kind, r);
        for (let tries = 0; tries < 5; tries++) {
          const seen = followTrail(past, r, seed);
          crossed += seen.crossed;
          entered += seen.entered;
        }
        for (let tries = 0; tries < 2; tries++) findBreakpoints(past, r, seed);
      }
      expect(crossed, "steps with another hart's turn between").toBeGreaterThan(0);
      expect(entered, "steps into an interrupt").toBeGreaterThan(0);
    });
  }
});

function go(d: Debugger): StopReport {
  for (let i = 0; i < 10_000; i++) {
    const stop = d.run(1000);
    if (stop.reason === "stop") return stop;
  }
  throw new Error("it does not stop");
}

/** A few steps of a random hart forward, from a random moment, then as many back. */
function followTrail({ d, m, line, trail, steps, corners }: Past, r: Random, seed: number): { crossed: number; entered: number } {
  const from = Math.min(steps - 1, Math.max(0, corners.length > 0 ? r.pick(corners) - r.below(4) : r.below(steps)));
  const hart = trail[from]!.hart;
  const own = trail.flatMap((t, moment) => (t.hart === hart && moment >= from ? [moment] : [])).slice(0, 6);
  const pc = (): bigint => m.inspect.registers(hart).pc;
  const visited: { moment: number; pc: bigint }[] = [];
  let entered = 0;
  line.goTo(from);
  for (let i = 0; i < own.length; ) {
    // The hart's own next step, where an earlier stop is not that moment itself.
    visited.push({ moment: own[i]!, pc: pc() });
    d.step({ hart });
    go(d);
    if (m.steps === own[i]!) {
      entered++;
      expect(pc(), `seed ${seed}: an interrupt taken at ${own[i]}`).toBe(trail[own[i]!]!.pc);
    } else expect(m.steps, `seed ${seed}: step of hart ${hart} from ${from}`).toBe(own[i++]! + 1);
  }
  const there = [m.steps, pc(), m.stateHash()];
  line.goTo(from);
  d.step({ hart, count: visited.length });
  go(d);
  expect([m.steps, pc(), m.stateHash()], `seed ${seed}: ${visited.length} steps at once from ${from}, hart ${hart}`).toEqual(there);
  for (const [i, before] of [...visited.entries()].reverse()) {
    d.rstep({ hart });
    go(d);
    if (i > 0) expect([m.steps, pc()], `seed ${seed}: back from ${from}, hart ${hart}`).toEqual([before.moment, before.pc]);
  }
  return { crossed: own.filter((moment, i) => i > 0 && moment !== own[i - 1]! + 1).length, entered };
}

/** Two breakpoints somewhere on the trail; back from its end every hit of them is met, the last first; forward again all of them. */
function findBreakpoints({ d, line, trail, steps, corners }: Past, r: Random, seed: number): void {
  const some = (): bigint => trail[Math.min(steps - 1, corners.length > 0 && r.oneIn(2) ? r.pick(corners) : r.below(steps))]!.pc;
  const places = [some(), some()];
  const hits = trail.slice(0, steps).flatMap((t, moment) => (places.includes(t.pc) ? [moment] : [])).slice(-5);
  for (const place of places) d.break(place);
  line.goTo(steps);
  for (const moment of [...hits].reverse()) {
    d.rcontinue();
    const stop = go(d);
    expect([stop.moment, stop.hart, stop.pc], `seed ${seed}: back to ${moment}`).toEqual([moment, trail[moment]!.hart, trail[moment]!.pc]);
  }
  for (const moment of hits.slice(1)) {
    d.continue();
    expect(go(d).moment, `seed ${seed}: forward to ${moment}`).toBe(moment);
  }
  for (const p of d.points.list) d.points.remove(p.id);
}
