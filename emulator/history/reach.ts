// Helpers of running again what was run before: getting, without a step, from the first state with its number of steps to
// another one with as many; and not being heard.

import type { Machine } from "../machine.ts";
import type { FullPosition } from "./checkpoints.ts";

/** A stretch that is run again differs from what it was: a fault of ours, of who ran the machine past its history, or of a recording. */
export class NotAsItWas extends Error {
  constructor(how: string) {
    super(`the past did not come out as it was: ${how}`);
  }
}

/** To a later state with the same number of steps: time passes, and what comes before the next step is done as far as it was there. False when somebody called `Machine.pause` on the way. Acts are the caller's matter. */
export function reach(machine: Machine, to: FullPosition): boolean {
  for (let tries = 0; machine.now < to.now && machine.ended === null; tries++) {
    machine.passTurns(); // with the last of them the round, and its time, is over
    if (machine.now >= to.now) break;
    if (!machine.settle(1)) return false;
    const before = machine.now;
    machine.skipTo(to.now);
    if (machine.round.length !== 0 || tries === 1_000_000) throw new NotAsItWas("the machine was idle then");
    if (machine.now === before) machine.phase = 0; // an alarm is due at once
  }
  if (machine.inputLog.length < to.inputs) machine.phase = 0; // it waited when the input came
  return to.phase === 0 || machine.settle(to.phase);
}

/** Run something again with nobody listening but who comes meanwhile. */
export function silently(machine: Machine, work: () => void): void {
  const louder = [machine.events.quiet(), machine.stops.quiet()];
  machine.replaying = true;
  try {
    work();
  } finally {
    machine.replaying = false;
    for (const end of louder) end();
  }
}
