// A history for tests that keeps nothing: to go back it starts the machine again and runs to the moment asked for.
// Slow and plainly right, for guests without input.

import type { Machine, Stop } from "../../emulator/index.ts";
import type { Position, Timeline } from "../../emulator/history/timeline.ts";

export class Restarting implements Timeline {
  readonly start: Position = { steps: 0, now: 0 };
  end: Position = { steps: 0, now: 0 };
  private readonly machine: Machine;
  private readonly interval: number;

  /** `interval`: how far apart it says its checkpoints are. */
  constructor(machine: Machine, interval = 1000) {
    this.machine = machine;
    this.interval = interval;
  }

  get position(): Position {
    return { steps: this.machine.steps, now: this.machine.now };
  }

  run(maxSteps: number): Stop {
    const { machine } = this;
    for (const to = machine.steps + maxSteps; ; ) {
      const stop = machine.run(to - machine.steps);
      if (machine.steps > this.end.steps) this.end = this.position;
      if (stop.reason !== "idle" || stop.wakeAt === Infinity || machine.steps >= this.end.steps) return stop;
      machine.skipTo(stop.wakeAt);
    }
  }

  skipTo(time: number): void {
    this.machine.skipTo(time);
  }

  goTo(at: number | Position): void {
    const steps = typeof at === "number" ? at : at.steps;
    if (steps > this.end.steps) throw new Error(`${steps} is not in history`);
    const loud = [this.machine.events.quiet(), this.machine.stops.quiet()];
    this.machine.reset();
    this.machine.round.start = this.machine.steps = this.machine.lastHart = 0;
    while (this.machine.steps < steps) this.run(steps - this.machine.steps);
    for (const end of loud) end();
  }

  scan(from: number, to: number, during: () => () => void, { stay = false }: { stay?: boolean } = {}): void {
    const here = this.machine.steps;
    if (here !== from) this.goTo(from);
    const loud = [this.machine.events.quiet(), this.machine.stops.quiet()];
    const remove = during();
    let stop: Stop = { reason: "budget" };
    while (this.machine.steps < to && stop.reason === "budget") stop = this.run(to - this.machine.steps);
    remove();
    for (const end of loud) end();
    if (!stay) this.goTo(here);
  }

  checkpointBefore(moment: number): number {
    return Math.max(0, (Math.ceil(moment / this.interval) - 1) * this.interval);
  }
}
