// The debugger: stop points, and running forward and backward until something stops the machine. A face begins a motion
// (`continue`, `step`, `rnext` …) and then calls `run` in its loop, in slices as short as it likes, until a report comes.

import type { Machine, Stop } from "../machine.ts";
import type { WatchRange } from "../stops.ts";
import { continueBack, finishBack, lineBack, nextBack, stepBack, untilBack } from "./backward.ts";
import { finish, next, step, stepLine, stepRange, until } from "./forward.ts";
import { pcOf, type CodeMap, type Motion, type Wish, type Workplace } from "./motion.ts";
import { Points, type Hit } from "./points.ts";
import type { CatchSpec, Point, PointOptions, StopReason, StopReport } from "./stop-report.ts";
import { presentOnly, type Position, type Timeline } from "./timeline.ts";

export type { CodeLine, CodeMap } from "./motion.ts";
export type { CatchSpec, Point, PointOptions, PointPlace, StopReason, StopReport } from "./stop-report.ts";
export type { Position, Timeline } from "./timeline.ts";

/** How far a step goes. */
export interface StepOptions {
  /** Whose step; default: the hart of the last stop. */
  readonly hart?: number | undefined;
  /** By instruction (the default) or by source line. */
  readonly unit?: "instruction" | "line" | undefined;
  /** How many; default 1. */
  readonly count?: number | undefined;
}

/** A motion under way: what it asked for last, and how much of that was done. */
interface Underway {
  readonly motion: Motion;
  readonly backward: boolean;
  readonly from: Position;
  wish: Wish;
  taken: number;
}

/** A breakpoint that the machine stands at: it is not met again before a step was taken. */
interface Standing {
  readonly moment: number;
  readonly hart: number;
  readonly pc: bigint;
}

export class Debugger {
  readonly points: Points;
  /** The hart that commands are about unless they name one: that of the last stop. */
  hart = 0;
  /** The last stop that was reported. */
  lastReport: StopReport | undefined = undefined;
  private readonly machine: Machine;
  private readonly timeline: Timeline;
  private readonly work: Workplace;
  private underway: Underway | undefined = undefined;
  private standing: readonly Standing[] = [];
  private hits: Hit[] = [];

  /** Without a timeline the debugger goes forward only; without a code map it steps by instruction. */
  constructor(machine: Machine, timeline: Timeline = presentOnly(machine), code?: CodeMap) {
    this.machine = machine;
    this.timeline = timeline;
    this.points = new Points(machine);
    this.work = { machine, timeline, points: this.points, code, entered: undefined };
  }

  /** Stop before the instruction at a virtual address, in every address space unless the options say otherwise. */
  break(address: bigint, options: PointOptions = {}): Point {
    return this.points.add({ kind: "breakpoint", address: BigInt.asUintN(64, address) }, options);
  }

  /** Stop after (going back: before) an instruction that accesses a range. Throws an Error of one line for an impossible range. */
  watch(range: WatchRange, options: PointOptions = {}): Point {
    return this.points.add({ kind: "watchpoint", ...range, start: BigInt.asUintN(64, range.start) }, options);
  }

  /** Stop after (going back: before) an event. */
  catch(what: CatchSpec, options: PointOptions = {}): Point {
    return this.points.add({ kind: "catch", what }, options);
  }

  /** Run on until a point is met. What was under way is forgotten, here and in the other motions. */
  continue(): void {
    this.begin(forEver(), false);
  }

  /** One step of a hart (an instruction, or entering a trap or interrupt), or one source line, into calls. */
  step({ hart = this.hart, unit = "instruction", count = 1 }: StepOptions = {}): void {
    this.begin(unit === "line" ? stepLine(this.work, hart, false, count) : step(this.work, hart, count), false, hart);
  }

  /** The same, over calls, system calls, faults and interrupts. */
  next({ hart = this.hart, unit = "instruction", count = 1 }: StepOptions = {}): void {
    this.begin(unit === "line" ? stepLine(this.work, hart, true, count) : next(this.work, hart, count), false, hart);
  }

  /** Steps of a hart until its pc is outside [from, to). */
  stepRange(from: bigint, to: bigint, hart = this.hart): void {
    this.begin(stepRange(this.work, hart, from, to), false, hart);
  }

  /** Until the function that a hart is in returns. */
  finish(hart = this.hart): void {
    this.begin(finish(this.work, hart), false, hart);
  }

  /** Until an address is about to be executed in this hart's address space, or (`only`) on this hart. */
  until(address: bigint, { hart = this.hart, only = false }: { hart?: number; only?: boolean } = {}): void {
    this.begin(until(this.work, hart, BigInt.asUintN(64, address), only), false, hart);
  }

  /** Back to the last time that a point was met. This and the other motions back throw an Error of one line without a history. */
  rcontinue(): void {
    this.beginBack(() => continueBack(this.work, this.hart));
  }

  rstep({ hart = this.hart, unit = "instruction", count = 1 }: StepOptions = {}): void {
    this.beginBack(() => (unit === "line" ? lineBack(this.work, hart, false, count) : stepBack(this.work, hart, count)));
  }

  rnext({ hart = this.hart, unit = "instruction", count = 1 }: StepOptions = {}): void {
    this.beginBack(() => (unit === "line" ? lineBack(this.work, hart, true, count) : nextBack(this.work, hart, count)));
  }

  /** Back to the call of the function that a hart is in. */
  rfinish(hart = this.hart): void {
    this.beginBack(() => finishBack(this.work, hart));
  }

  /** Back to the last time that an address was about to be executed. */
  runtil(address: bigint, { hart = this.hart, only = false }: { hart?: number; only?: boolean } = {}): void {
    this.beginBack(() => untilBack(this.work, hart, BigInt.asUintN(64, address), only));
  }

  /** Is a motion under way? */
  get busy(): boolean {
    return this.underway !== undefined;
  }

  /** Is it one that goes back? Its `run` looks at the past and takes no steps. */
  get goingBack(): boolean {
    return this.underway?.backward === true;
  }

  /**
   * Go on with the motion under way (`continue` when there is none) for at most `maxSteps` steps, or one stretch of a
   * search. A report ends the motion; so do the machine's end and a pause by somebody else. Idle and budget do not:
   * let time pass, and call again. Throws an Error of one line when the past cannot be reached; that ends the motion too.
   */
  run(maxSteps: number): Stop | StopReport {
    if (this.underway === undefined) this.continue();
    try {
      return this.goOn(maxSteps);
    } catch (e) {
      this.underway = undefined;
      throw e;
    }
  }

  private goOn(maxSteps: number): Stop | StopReport {
    let left = maxSteps;
    while (left > 0) {
      const under = this.underway!;
      if (under.wish.kind === "breathe") {
        const report = this.advance(under, { reason: "budget" });
        return report ?? { reason: "budget" };
      }
      const before = this.timeline.position.steps;
      const { stop, done } = this.slice(under.wish, Math.min(left, under.wish.steps - under.taken));
      const taken = this.timeline.position.steps - before;
      left -= taken;
      under.taken += taken;
      const complete = done || under.taken >= under.wish.steps;
      if (complete || this.hits.length > 0) {
        const report = this.advance(under, stop, complete);
        if (report !== undefined) return report;
        if (this.ended(stop)) return stop;
      } else if (stop.reason !== "budget") {
        if (stop.reason !== "idle") this.underway = undefined;
        return stop;
      }
    }
    return { reason: "budget" };
  }

  /** Run the motion under way to its end, letting idle time pass at once: for scripts and tests. A machine that cannot go on, or `maxSteps`, ends it too. */
  runToStop(maxSteps = Infinity): Stop | StopReport {
    const end = this.timeline.position.steps + maxSteps;
    for (;;) {
      const back = this.goingBack;
      const stop = this.run(Math.min(10_000_000, end - this.timeline.position.steps));
      if (stop.reason === "idle" && stop.wakeAt !== Infinity) this.timeline.skipTo(stop.wakeAt);
      else if (stop.reason !== "budget" || (!back && this.timeline.position.steps >= end)) return stop;
    }
  }

  /** Somebody wants attention: end the motion where the machine is (a search: where it began). */
  pause(): StopReport {
    const under = this.underway;
    this.underway = undefined;
    if (under?.backward === true) this.timeline.goTo(under.from);
    const { round, lastHart } = this.machine;
    return this.report([{ kind: "paused" }], round.length !== 0 ? round.turn : lastHart, false);
  }

  private begin(motion: Motion, backward: boolean, stepping?: number): void {
    const from = this.timeline.position;
    const pc = (hart: number): Standing => ({ moment: from.steps, hart, pc: pcOf(this.machine.harts[hart]!) });
    const reported = this.lastReport?.moment === from.steps ? [this.lastReport.hart] : this.machine.harts.map((h) => h.id);
    this.standing = [...reported, ...(stepping === undefined ? [] : [stepping])].map(pc);
    this.underway = { motion, backward, from, wish: { kind: "breathe" }, taken: 0 };
    if (!backward) this.underway.wish = this.firstWish(motion);
  }

  private beginBack(motion: () => Motion): void {
    this.timeline.checkpointBefore(this.timeline.position.steps); // throws where there is no history
    this.begin(motion(), true);
  }

  /** A motion forward asks for a run before it can be done. */
  private firstWish(motion: Motion): Wish {
    const first = motion.next({ reason: "budget" });
    if (first.done === true) throw new Error("a motion of no steps");
    return first.value;
  }

  /** Run with all points and what the wish installs; `done`: the wish was fulfilled by that. */
  private slice(wish: Wish & { kind: "run" }, steps: number): { stop: Stop; done: boolean } {
    let done = false;
    this.hits = [];
    const removePoints = this.points.install((hit) => this.meet(hit));
    const removeWish = wish.install?.(() => {
      done = true;
      this.machine.pause();
    });
    try {
      const stop = this.timeline.run(steps);
      return { stop, done };
    } finally {
      removeWish?.();
      removePoints();
    }
  }

  /** A point was met going forward: does it stop the machine? */
  private meet(hit: Hit): boolean {
    const { reason, moment, hart } = hit;
    if (reason.kind === "breakpoint" && this.standing.some((s) => s.moment === moment && s.hart === hart && s.pc === reason.address)) return false;
    if (!this.points.count(hit.point.id)) return false;
    if (!this.hits.some((h) => h.point.id === hit.point.id)) this.hits.push(hit);
    this.machine.pause();
    return true;
  }

  /** Give a motion what it waited for. A report when it ends by that, or when points were met. */
  private advance(under: Underway, stop: Stop, complete = true): StopReport | undefined {
    const { hits } = this;
    this.hits = [];
    const met = hits.map((h) => h.reason);
    if (complete) {
      const turn = under.motion.next(stop);
      if (turn.done === true) {
        const { hart, reasons, backward } = turn.value;
        const standing = backward ? [] : this.points.standingAt(hart).filter((s) => !met.some((m) => "id" in m && "id" in s && m.id === s.id));
        return this.report([...met, ...reasons, ...standing], hart, backward);
      }
      under.wish = turn.value;
      under.taken = 0;
    }
    return met.length === 0 ? undefined : this.report(met, hits.find((h) => h.hart >= 0)?.hart ?? this.machine.lastHart, false);
  }

  private ended(stop: Stop): boolean {
    if (stop.reason !== "poweroff" && stop.reason !== "reset") return false;
    this.underway = undefined;
    return true;
  }

  private report(all: readonly StopReason[], hart: number, backward: boolean): StopReport {
    this.underway = undefined;
    for (const reason of all) if ("id" in reason && this.points.get(reason.id)?.options.temporary === true) this.points.remove(reason.id);
    this.hart = hart;
    this.lastReport = { reason: "stop", why: all[0]!, all, hart, pc: pcOf(this.machine.harts[hart]!), moment: this.timeline.position.steps, backward };
    return this.lastReport;
  }
}

/** continue: only points, and the machine's own end, stop it. */
function* forEver(): Motion {
  for (;;) yield { kind: "run", steps: Infinity };
}
