// The moment of an event is the number of steps completed before the one that caused it, however long the engine's slice.
import { expect, test } from "vitest";
import type { EventName, Machine } from "../../../emulator/index.ts";
import { randomGuest } from "../../support/guest.ts";
import { Random } from "../../support/random.ts";
import { ENGINES, machineWith } from "../../support/rig.ts";

const OBSERVED: readonly EventName[] = ["trap", "interrupt", "trapReturn", "pageFault", "tlbFill", "fence", "csr"];
const STEPS = 3000;

/** Run in slices; each event as text, with what `moment` says at the time. */
function observe(m: Machine, slice: () => number, moment: () => number): string[] {
  const heard: string[] = [];
  const ends = OBSERVED.map((name) => m.events.on(name, (e) => { heard.push(`${moment()} ${name} ${"hart" in e ? e.hart : ""}`); }));
  while (m.steps < STEPS) {
    const stop = m.run(Math.min(slice(), STEPS - m.steps));
    if (stop.reason === "idle" && stop.wakeAt !== Infinity) m.skipTo(stop.wakeAt);
    else if (stop.reason !== "budget") break;
  }
  for (const end of ends) end();
  return heard;
}

test.each(ENGINES)("on the %s engine", async (engine) => {
  let events = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const r = new Random(seed);
    const harts = r.pick([1, 2, 3]);
    const image = randomGuest(r, { harts });
    const one = await machineWith(engine, image, { harts });
    const stepped = observe(one, () => 1, () => one.steps); // within a step, `steps` is those before it
    const other = await machineWith(engine, image, { harts });
    const free = observe(other, () => r.between(1, 5000), () => other.moment);
    expect(free, `seed ${seed}`).toEqual(stepped);
    events += free.length;
  }
  expect(events).toBeGreaterThan(1000);
});
