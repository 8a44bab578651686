// What the debugger needs of time: to run forward, and, where there is a history, to go back and look again.
// History is such a timeline; `presentOnly` makes one of a bare machine.

import type { Machine, Stop } from "../machine.ts";

/** Where in a run: steps taken by all harts, and virtual time in ns. */
export interface Position {
  readonly steps: number;
  readonly now: number;
}

export interface Timeline {
  /** As `Machine.run`. In the past it replays what came from outside, and idle time passes by itself. */
  run(maxSteps: number): Stop;
  /** As `Machine.skipTo`. */
  skipTo(time: number): void;
  readonly position: Position;
  /** The earliest moment that can be gone back to, and the latest that was reached. */
  readonly start: Position;
  readonly end: Position;
  /** To the first state with that many steps. Throws an Error of one line outside [start, end]. */
  goTo(at: number | Position): void;
  /**
   * Run the steps [from, to) again with nobody listening but what `during` installs (and its result removes), then
   * return to where it was, unless told to stay. `Machine.pause` inside ends it early.
   */
  scan(from: number, to: number, during: () => () => void, options?: { readonly stay?: boolean }): void;
  /** Steps of the last checkpoint before a moment: from there `scan` starts at once. `start` when there is none. */
  checkpointBefore(moment: number): number;
}

/** A timeline that cannot go back. */
export function presentOnly(machine: Machine): Timeline {
  const refuse = (): never => {
    throw new Error("this machine keeps no history: it cannot go back");
  };
  const here = (): Position => ({ steps: machine.steps, now: machine.now });
  return {
    run: (maxSteps) => machine.run(maxSteps),
    skipTo: (time) => machine.skipTo(time),
    get position() { return here(); },
    get start() { return here(); },
    get end() { return here(); },
    goTo: refuse, scan: refuse, checkpointBefore: refuse,
  };
}
