// Looking into the past: the last thing met before a moment, a hart's step before another, and where a thread was then.
// Everything here runs stretches of the past again, the latest first.

import { flowAt, frameOf, pcOf, type Flow, type Frame, type Part, type Workplace } from "./motion.ts";
import { rootOf } from "./points.ts";

/** Steps that are run again between two breaths. */
const SLICE = 4_000_000;
/** Steps of a hart that are looked at one by one, so that many short steps back cost one look. */
const TRAIL = 1500;

/** A step of a hart: when, and how many it had taken before. */
export interface Past {
  readonly hart: number;
  readonly steps: number;
  readonly moment: number;
}

/** The same, and where the hart was just before it (after an interrupt that came first). */
export interface Place extends Past {
  readonly frame: Frame;
  readonly flow: Flow | undefined;
}

/**
 * The last thing that `install` notes in the steps before `before` that are in history; undefined when there is none.
 * The machine is left anywhere.
 */
export function* lastBefore<T>(w: Workplace, before: number, install: (note: (thing: T) => void) => () => void): Part<T | undefined> {
  const { timeline } = w;
  for (let to = before; to > timeline.start.steps; ) {
    const from = Math.max(timeline.start.steps, timeline.checkpointBefore(to));
    let last: { thing: T } | undefined;
    for (let at = from; at < to; at += SLICE) {
      timeline.scan(at, Math.min(to, at + SLICE), () => install((thing) => { last = { thing }; }), { stay: true });
      yield { kind: "breathe" };
    }
    if (last !== undefined) return last.thing;
    to = from;
  }
  return undefined;
}

/**
 * Go to just before the step taken at `moment`, an interrupt that comes first having been taken: what the step
 * executes is then at the pc of the hart that takes it.
 */
export function settleAt(w: Workplace, moment: number): void {
  const { machine, timeline } = w;
  timeline.goTo(moment);
  let entered = -1;
  const off = [
    machine.events.on("interrupt", (e) => { entered = e.hart; }),
    machine.events.on("instruction", () => machine.pause()),
  ];
  try {
    timeline.run(1);
  } finally {
    for (const remove of off) remove();
  }
  w.entered = entered < 0 ? undefined : { hart: entered, moment, pc: pcOf(machine.harts[entered]!) };
}

/** The next step of a hart, from here. */
export const present = (w: Workplace, hart: number): Past => ({ hart, steps: w.machine.harts[hart]!.steps, moment: w.machine.steps });

/** The step that a hart took `count` steps before the given one; undefined when it is not in history. */
export function* previousStep(w: Workplace, { hart, steps, moment }: Past, count = 1): Part<Past | undefined> {
  const { machine, timeline } = w;
  const h = machine.harts[hart]!;
  const { round } = machine;
  if (moment <= timeline.start.steps) return undefined;
  const here = moment === machine.steps && steps === h.steps;
  if (here && steps >= count && (machine.harts.length === 1 || (round.turn === hart && round.taken >= count))) {
    return moment - count < timeline.start.steps ? undefined : { hart, steps: steps - count, moment: moment - count };
  }
  // The steps of a turn follow each other, so the last turn that began with no more steps than wanted tells.
  const turn = yield* lastBefore<Past>(w, moment, (note) => {
    machine.stops.turn = (n) => {
      if (n === hart && (h.steps <= steps - count || steps < count)) note({ hart, steps: h.steps, moment: machine.moment });
    };
    return () => { machine.stops.turn = null; };
  });
  if (turn === undefined || steps < count) return turn; // it was reset since: the beginning of a turn before that
  return { hart, steps: steps - count, moment: turn.moment + steps - count - turn.steps };
}

/** A source line, and how many inlined calls deep it is. */
interface Line {
  readonly text: string;
  readonly depth: number;
}

/** Where a thread was, step by step back. With a trail, looking again a little further back costs nothing. */
export class Lookback {
  private readonly w: Workplace;
  private readonly trailing: boolean;
  /** Consecutive steps of one hart, the earliest first. */
  private trail: Place[] = [];
  /** Where the machine stands, settled; −1 when it stands somewhere else. */
  private settled = -1;
  private readonly lines = new Map<string, Line | undefined>();

  constructor(w: Workplace, trailing: boolean) {
    this.w = w;
    this.trailing = trailing;
  }

  /** Where a hart is now. */
  here(hart: number): Place {
    return { ...present(this.w, hart), frame: frameOf(this.w.machine.harts[hart]!), flow: undefined };
  }

  /** The hart's step before this one. */
  *before(past: Past): Part<Place | undefined> {
    const { trail } = this;
    if (trail.length > 0 && trail[0]!.hart === past.hart && past.steps > trail[0]!.steps && past.steps <= trail.at(-1)!.steps + 1) {
      return trail[past.steps - 1 - trail[0]!.steps]!;
    }
    const step = yield* previousStep(this.w, past);
    if (step === undefined) return undefined;
    if (this.trailing) return this.look(step);
    settleAt(this.w, step.moment);
    this.settled = step.moment;
    return this.placeOf(step);
  }

  /** The call on the trail that returns to a frame, before a moment. */
  call(before: number, f: Frame): Place | undefined {
    return this.trail.findLast((p) => p.moment < before && p.flow?.kind === "call" && p.frame.pc + BigInt(p.flow.length) === f.pc &&
      p.frame.sp === f.sp && p.frame.root === f.root && p.frame.privilege === f.privilege);
  }

  /** Go to a place. */
  goTo(place: Place): void {
    if (this.settled !== place.moment) settleAt(this.w, place.moment);
    this.settled = place.moment;
  }

  /** The source line of a place; undefined where that is not known. */
  lineOf(place: Place): Line | undefined {
    const { code, machine } = this.w;
    if (code === undefined) return undefined;
    const { pc, root, privilege } = place.frame;
    const key = `${pc} ${root} ${privilege}`;
    if (!this.lines.has(key)) {
      const h = machine.harts[place.hart]!;
      // The code map looks at the hart as it is: it must be in that address space and mode.
      if (rootOf(h) !== root || h.privilege !== privilege) this.goTo(place);
      const line = code.lineAt(place.hart, pc);
      this.lines.set(key, line === undefined ? undefined : { text: `${line.file}:${line.line}`, depth: line.depth ?? 0 });
    }
    return this.lines.get(key);
  }

  private placeOf(past: Past): Place {
    const h = this.w.machine.harts[past.hart]!;
    return { ...past, frame: frameOf(h), flow: flowAt(this.w.machine, past.hart, pcOf(h)) };
  }

  /** Note the steps of a hart up to this one, which was taken in one turn with those noted before it. */
  private look(step: Past): Place {
    const { machine, timeline } = this.w;
    const from = Math.max(timeline.start.steps, step.moment - TRAIL);
    let trail: Place[] = [];
    timeline.scan(from, step.moment + 1, () => machine.events.on("instruction", (e) => {
      if (e.hart !== step.hart) return;
      const { stepsBefore } = machine.harts[e.hart]!;
      if (trail.length > 0 && trail.at(-1)!.steps !== stepsBefore - 1) trail = [];
      trail.push(this.placeOf({ hart: e.hart, steps: stepsBefore, moment: machine.moment }));
    }), { stay: true });
    this.settled = -1;
    this.trail = trail;
    const last = trail.at(-1);
    if (last?.moment !== step.moment) throw new Error("a replay of the past went another way"); // determinism is broken: a bug
    return last;
  }
}
