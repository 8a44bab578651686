// The history of a machine: every moment since it was made, and the way there and back. It keeps checkpoints and a log of
// all that came from outside; any other moment is reached by running on from the checkpoint before it, which gives the
// same states to the last bit because the machine is deterministic.
//
// While a machine has a history, it is run, and time is let pass, through the history only. Input and resets may be
// given to either.

import { perform, type Act } from "./act.ts";
import type { Input, InputEntry, Machine, Stop } from "../machine.ts";
import { applyChange, type Change, type Changes } from "./changes.ts";
import { Checkpoints, notAfter, PER_STEP, same, type Checkpoint, type FullPosition } from "./checkpoints.ts";
import { findLastWrite, type LastWrite } from "./last-write.ts";
import { Pace } from "./pace.ts";
import { NotAsItWas, reach, silently } from "./reach.ts";
import { fit, overwritten, readRecording, startHashes, writeRecording, type Origin, type Recording } from "./recording.ts";
import type { Position, Timeline } from "./timeline.ts";

export type { FullPosition } from "./checkpoints.ts";
export type { LastWrite } from "./last-write.ts";

export interface HistoryOptions {
  /** Bytes that the past may take; 256 MiB unless told. */
  readonly limit?: number | undefined;
  /** Steps from one checkpoint to the next at most (fewer where a step takes long). Unless told 10 million, and more where much memory is written. */
  readonly interval?: number | undefined;
  /** `save` shall work however long the machine runs. Costs reading the disks once, and keeping what is overwritten of disks that last. */
  readonly record?: boolean | undefined;
}

const MIB = 2 ** 20;
/** Checkpoints are laid on the way to a moment, at these parts of the way before it, but not closer to it than so many steps. */
const APPROACH = [1 / 8, 1 / 64, 1 / 512];
const CLOSEST = 20_000;

export class History implements Timeline, Changes {
  readonly machine: Machine;
  readonly checkpoints: Checkpoints;
  private readonly pace: Pace;
  private readonly acts: Act[] = [];
  /** Acts that have happened at the present state. */
  private done = 0;
  /** The end of what has happened, while the machine is in the past; null in the present. */
  private tip: FullPosition | null = null;
  /** Every input of the run, while the machine is in the past; and how many of them may be taken in for now. */
  private log: readonly InputEntry[] = [];
  private audible = Infinity;
  /** The last state that was the first with its number of steps. */
  private first: { readonly steps: number; readonly now: number };
  /** A recording whose end was not reached yet. */
  private recording: Recording | null = null;
  private origin: Origin | null;
  private acting = false;

  /** The history begins now. Throws an Error when the machine has one already. */
  constructor(machine: Machine, { limit = 256 * MIB, interval, record = false }: HistoryOptions = {}) {
    this.machine = machine;
    this.pace = new Pace(machine, interval);
    this.checkpoints = new Checkpoints(machine, limit, this.pace.spacing, record);
    this.origin = record ? { began: startHashes(machine, this.checkpoints) } : null;
    this.first = { steps: machine.steps, now: machine.now };
    machine.onOutside = (what) => this.fromOutside(what);
  }

  /**
   * A history whose future is a recording. `fit` says which machines are taken, and what becomes of their disks. Throws an
   * Error of one line when the file is no recording, or the machine is not the one it was made with.
   */
  static open(file: Uint8Array | Recording, machine: Machine, options: HistoryOptions = {}): History {
    const recording = file instanceof Uint8Array ? readRecording(file) : file;
    fit(recording, machine);
    const history = new History(machine, { ...options, record: false });
    history.origin = recording;
    history.recording = recording;
    history.acts.push(...recording.acts);
    history.log = recording.inputs;
    history.tip = recording.end;
    for (const disk of history.checkpoints.disks) disk?.goTo(history.checkpoints.base.order);
    history.listen();
    history.arriveIfThere();
    return history;
  }

  /** A file from which `open` makes the same run again, anywhere. Throws an Error of one line when history does not reach back to power-on. */
  save(): Uint8Array {
    const { began, disks } = this.origin ?? { began: startHashes(this.machine, this.checkpoints) };
    const here = this.position;
    this.goTo(this.end);
    const file = writeRecording(this.machine, began, disks ?? overwritten(this.checkpoints), this.acts, this.position);
    this.goTo(here);
    return file;
  }

  get position(): FullPosition {
    const { steps, now, phase } = this.machine;
    return { steps, now, phase, acts: this.done, inputs: this.machine.inputLog.length };
  }

  get start(): FullPosition {
    return this.checkpoints.list[0]!;
  }

  get end(): FullPosition {
    return this.tip ?? this.position;
  }

  /** Is this the present? */
  get live(): boolean {
    return this.tip === null;
  }

  /** Bytes that the past takes, and how many checkpoints there are. */
  get cost(): { readonly bytes: number; readonly checkpoints: number } {
    return { bytes: this.checkpoints.bytes, checkpoints: this.checkpoints.list.length };
  }

  /** Is a stretch being run again behind the scenes? */
  get replaying(): boolean {
    return this.machine.replaying;
  }

  /** As `Machine.run`. In the past it takes in what was logged, idle time passes by itself, and at the end it goes on in the present. */
  run(maxSteps: number): Stop {
    let left = maxSteps;
    while (left > 0 && this.tip !== null) {
      const before = this.position;
      const stop = this.onward(this.tip, left);
      left -= this.machine.steps - before.steps;
      this.arriveIfThere();
      if (stop.reason !== "budget") return stop;
      if (this.tip !== null && same(before, this.position)) throw new NotAsItWas("it ended before");
    }
    return left > 0 ? this.runLive(left) : { reason: "budget" };
  }

  /** As `Machine.skipTo`; the past passes by itself. */
  skipTo(time: number): void {
    if (this.tip === null) this.machine.skipTo(time);
  }

  /** Something from outside. In the past it is the beginning of another future: the one that was known is forgotten. */
  input(input: Input): void {
    this.machine.input(input);
  }

  type(text: string): void {
    this.machine.type(text);
  }

  /** A change made by hand: logged, so that it happens again whenever this moment does. In the past it begins another future. */
  poke(change: Change): void {
    const logged = change.kind === "memory" ? { ...change, bytes: change.bytes.slice() } : change;
    const when = this.position;
    applyChange(this.machine, logged);
    if (this.tip !== null) this.cut();
    this.acts.push({ ...when, kind: "change", change: logged });
    this.done++;
  }

  /**
   * To the first state with that many steps, or with that many at that time; or to exactly the state that `position` was.
   * Throws an Error of one line outside of history.
   */
  goTo(at: number | Position | FullPosition): void {
    const steps = typeof at === "number" ? at : at.steps;
    const target = typeof at !== "number" && "phase" in at ? at : undefined;
    this.check(steps, steps);
    if (target !== undefined && !notAfter(target, this.end)) throw new Error(`history ends before that time at t=${steps}`);
    if (target === undefined ? steps === this.machine.steps && this.atFirst() : same(target, this.position)) return;
    this.leavePresent();
    silently(this.machine, () => {
      this.travel(steps, target);
      if (typeof at !== "number" && target === undefined) reach(this.machine, { ...this.position, now: at.now });
    });
    this.arriveIfThere();
  }

  /** See Timeline. Throws an Error of one line outside of history, and within another scan. */
  scan(from: number, to: number, during: () => () => void, { stay = false }: { readonly stay?: boolean } = {}): void {
    if (this.machine.replaying) throw new Error("a scan cannot begin within another");
    this.check(from, to);
    const here = this.position;
    this.leavePresent();
    if (!stay && this.checkpoints.roomy && this.atFirst() && here.steps - this.checkpoints.base.steps > CLOSEST) this.checkpoints.take(here, true);
    silently(this.machine, () => {
      try {
        if (this.machine.steps !== from || !this.atFirst()) this.travel(from, undefined);
        const remove = during();
        try {
          this.replaySteps(to);
        } finally {
          remove();
        }
      } finally {
        if (!stay && !same(here, this.position)) this.travel(here.steps, here);
      }
    });
    this.arriveIfThere();
  }

  /** Steps of the last checkpoint before a moment; those of the start when there is none. */
  checkpointBefore(moment: number): number {
    return (this.checkpoints.list.findLast((c) => c.steps < moment) ?? this.start).steps;
  }

  /**
   * Who last wrote any of [pa, pa + size) of RAM before a moment (now, when left out); undefined when nobody did since
   * history begins. Exact: the stretches in which the frames were written run again.
   */
  lastWrite(pa: number, size: number, before = this.machine.steps): LastWrite | undefined {
    return findLastWrite(this, this.acts.slice(0, this.done), pa, size, Math.min(before, this.end.steps));
  }

  private check(from: number, to: number): void {
    const { start, end } = this;
    for (const at of [from, to]) {
      if (Number.isSafeInteger(at) && at >= start.steps && at <= end.steps) continue;
      throw new Error(`t=${at} is not in history, which reaches from t=${start.steps} to t=${end.steps}`);
    }
  }

  private runLive(maxSteps: number): Stop {
    let left = maxSteps;
    for (;;) {
      const before = this.machine.steps;
      const stop = this.step(Math.min(left, this.pace.slice));
      left -= this.machine.steps - before;
      if (this.pace.due && this.atFirst()) {
        this.checkpoints.thin();
        this.checkpoint();
      }
      if (stop.reason !== "budget" || left <= 0) return stop;
    }
  }

  private checkpoint(): Checkpoint {
    const c = this.checkpoints.take(this.position, this.atFirst());
    this.pace.restart();
    return c;
  }

  /** Is this the first state with its number of steps? */
  private atFirst(): boolean {
    const { steps, now, phase } = this.machine;
    const act = this.acts[this.done - 1];
    return phase === 0 && this.first.steps === steps && this.first.now === now && (act === undefined || act.steps < steps);
  }

  /** As `Machine.run`, noting first states. */
  private step(steps: number): Stop {
    const { machine } = this;
    const before = machine.steps;
    const stop = machine.run(steps);
    if (machine.steps > before && machine.phase === 0) this.first = { steps: machine.steps, now: machine.now };
    return stop;
  }

  /** Towards a state that has happened, at most so many steps, over acts on the way. */
  private onward(target: FullPosition, maxSteps: number): Stop {
    const { machine } = this;
    const act = this.acts[this.done];
    const goal = act !== undefined && notAfter(act, target) && !same(act, target) ? act : target;
    if (machine.steps >= goal.steps) {
      if (!reach(machine, goal)) return { reason: "paused" };
      if (goal === act) this.again(act);
      return goal === target && machine.ended !== null ? machine.ended : { reason: "budget" };
    }
    const next = this.checkpoints.list.find((c) => c.steps > machine.steps)?.steps ?? Infinity;
    const stop = this.step(Math.min(maxSteps, Math.min(goal.steps, next) - machine.steps));
    this.adoptIfThere();
    if (stop.reason === "paused") return stop;
    if (stop.reason === "idle") {
      if (stop.wakeAt === Infinity) throw new NotAsItWas("the machine waits for ever");
      machine.skipTo(stop.wakeAt);
    } else if (stop.reason !== "budget" && machine.steps < goal.steps) return stop;
    return { reason: "budget" };
  }

  /** Do again what was done from outside. */
  private again(act: Act): void {
    this.done++;
    this.acting = true;
    try {
      perform(this.machine, act);
    } finally {
      this.acting = false;
    }
    this.listen();
  }

  /** Something is about to come from outside. */
  private fromOutside(what: "input" | "reset"): void {
    if (this.acting) return;
    if (this.tip !== null) this.cut();
    if (what !== "reset") return;
    this.acts.push({ ...this.position, kind: "reset" });
    this.done++;
  }

  /** The present is here: what was known of the future will not happen. */
  private cut(): void {
    this.acts.length = this.done;
    this.checkpoints.cut(this.machine.steps);
    this.recording = null;
    this.present(true);
    this.machine.console.cut();
  }

  /** If the machine came to the end of what has happened, it goes on from there. */
  private arriveIfThere(): void {
    const { tip, machine, recording } = this;
    if (tip === null || !same(tip, this.position)) return;
    if (recording === null) {
      this.checkpoints.restore(this.checkpoints.list.at(-1)!);
      this.present(false);
      return;
    }
    for (const bytes of recording.waiting) machine.waitingInput.push({ kind: "console", bytes });
    this.recording = null;
    this.present(true);
    if (machine.stateHash() !== recording.hash) throw new NotAsItWas("the recording came to another end than when it was made");
  }

  /** Now is the present. `changed`: and the disks are other ones than the host's files say. */
  private present(changed: boolean): void {
    this.tip = null;
    this.log = [];
    this.machine.replay([]);
    for (const disk of this.checkpoints.disks) disk?.present(changed);
    this.pace.restart();
  }

  /** Make the present an end that can be come back to. */
  private leavePresent(): void {
    if (this.tip !== null) return;
    this.checkpoint();
    this.log = this.machine.inputLog.slice();
    this.tip = this.position;
  }

  /** To the first state with so many steps, or to exactly a position, from wherever is nearest. */
  private travel(steps: number, target: FullPosition | undefined): void {
    const { machine, checkpoints } = this;
    const c = target === undefined ? checkpoints.list.findLast((x) => x.order <= steps * PER_STEP) : checkpoints.before(target);
    if (c === undefined) throw new Error(`t=${steps} is not in history at that time`);
    if (machine.steps >= steps || c.steps > machine.steps) this.restore(c);
    this.audible = target?.inputs ?? Infinity;
    this.listen();
    const way = steps - machine.steps;
    for (const part of APPROACH) {
      if (way * part < CLOSEST || !checkpoints.roomy) break;
      this.replaySteps(Math.floor(steps - way * part));
      if (this.atFirst()) checkpoints.take(this.position, true);
    }
    this.replaySteps(steps);
    while (target !== undefined && !same(target, this.position)) {
      const before = this.position;
      this.onward(target, 1);
      if (same(before, this.position) || machine.steps > steps) throw new Error(`there was no such time at t=${steps}`);
    }
    this.audible = Infinity;
    this.listen();
  }

  /** Run on to the first state with so many steps. `Machine.pause` ends it early. */
  private replaySteps(steps: number): void {
    while (this.machine.steps < steps) {
      const before = this.position;
      const stop = this.onward({ steps, now: 0, phase: 0, acts: this.done, inputs: 0 }, Infinity);
      if (stop.reason === "paused") return;
      if (stop.reason !== "budget" || same(before, this.position)) throw new NotAsItWas("it ended before");
    }
  }

  private restore(c: Checkpoint): void {
    const { machine } = this;
    this.checkpoints.restore(c);
    machine.waitingInput.length = 0;
    machine.inputLog.length = 0;
    for (let i = 0; i < c.inputs; i++) machine.inputLog.push(this.log[i]!);
    machine.console.goTo(c.printed);
    this.done = c.acts;
    this.first = c.order % PER_STEP === 0 ? { steps: c.steps, now: c.now } : { steps: -1, now: 0 };
    this.listen();
  }

  /** If this is the state of a checkpoint, what is written from here on counts from that. */
  private adoptIfThere(): void {
    const { steps } = this.machine;
    const c = this.checkpoints.list.find((x) => x.steps >= steps);
    if (c !== undefined && c.order === steps * PER_STEP && this.atFirst()) this.checkpoints.adopt(c);
  }

  /** Take inputs from the log, up to the next act. */
  private listen(): void {
    const until = Math.min(this.audible, this.acts[this.done]?.inputs ?? this.log.length);
    this.machine.replay(this.log.slice(0, until), this.machine.inputLog.length);
  }
}
