// When the next checkpoint is due: by what a run has taken so far, counted in steps. No clock of the host is asked, so
// the same run has the same checkpoints.

import type { Machine } from "../machine.ts";

const INTERVAL = 10_000_000;
/** What takes a machine time beside steps, in steps: a trap, filling a TLB entry, a frame that a checkpoint has to keep. */
const TRAP_COST = 100;
const FILL_COST = 50;
const FRAME_COST = 6_000;

export class Pace {
  private readonly machine: Machine;
  private readonly interval: number;
  private readonly frameCost: number;
  private before = 0;

  /** With an interval, checkpoints are no more than so many steps apart; without, 10 million, and more where much memory is written. */
  constructor(machine: Machine, interval: number | undefined) {
    this.machine = machine;
    this.interval = Math.max(1000, interval ?? INTERVAL);
    this.frameCost = interval === undefined ? FRAME_COST : 0;
    this.restart();
  }

  /** Closer together than so many steps they are of little use. */
  get spacing(): number {
    return this.interval;
  }

  /** A checkpoint has been made, or another stretch of time begins. */
  restart(): void {
    this.before = this.effort();
  }

  /** Is one due? */
  get due(): boolean {
    return this.left() <= 0;
  }

  /** Steps to take before it is asked again. */
  get slice(): number {
    return this.due ? 1 : Math.max(1000, Math.floor(Math.min(this.left(), this.interval / 8)));
  }

  private left(): number {
    return this.interval + this.frameCost * this.machine.memory.dirtyCount - (this.effort() - this.before);
  }

  private effort(): number {
    let effort = this.machine.steps;
    for (const h of this.machine.harts) effort += h.traps * TRAP_COST + h.mmu.tlb.fills * FILL_COST;
    return effort;
  }
}
