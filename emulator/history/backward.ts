// Motions that go back. Each finds the moment to go to by running stretches of the past again, from checkpoint to
// checkpoint, the latest first, with hooks that only note what they meet; then it goes there.

import { wide } from "../events.ts";
import { lastBefore, Lookback, present, previousStep, settleAt, type Past, type Place } from "./lookback.ts";
import { ECALL_FROM_USER, flowAt, frameOf, inFrame, pcOf, register, type Arrival, type Frame, type Motion, type Part, type Workplace } from "./motion.ts";
import { rootOf, type Hit } from "./points.ts";
import type { StopReason } from "./stop-report.ts";

const SP = 2;
const RA = 1;

const arrive = (hart: number, ...reasons: StopReason[]): Arrival => ({ reasons, hart, backward: true });

/** To the start of history, because what was looked for is not in it. */
function arriveAtStart(w: Workplace, hart: number): Arrival {
  w.timeline.goTo(w.timeline.start);
  return arrive(hart, { kind: "start" });
}

/** rcontinue: back to the last time that a stop point was met. */
export function* continueBack(w: Workplace, hart: number): Motion {
  let met: Hit[] = [];
  const last = yield* lastBefore<Hit[]>(w, w.timeline.position.steps, (note) => w.points.install((hit) => {
    if (met[0]?.moment !== hit.moment) met = [];
    if (!met.some((m) => m.point.id === hit.point.id)) met.push(hit);
    note(met);
    return false;
  }));
  if (last === undefined) return arriveAtStart(w, hart);
  const { moment } = last[0]!;
  // An interrupt, or what a device did, came between two steps: the state before it is the first one of the moment.
  const between = last.every((hit) => hit.hart < 0 || (hit.reason.kind === "catch" && hit.reason.what.kind === "interrupt"));
  if (between) w.timeline.goTo(moment);
  else settleAt(w, moment);
  return arrive(last.find((hit) => hit.hart >= 0)?.hart ?? hart, ...last.map((hit) => hit.reason));
}

/** rstep: back over exactly one step of the hart, or `count` of them. */
export function* stepBack(w: Workplace, hart: number, count: number): Motion {
  let left = count;
  const { entered } = w;
  if (entered !== undefined && entered.hart === hart && entered.moment === w.machine.steps && entered.pc === pcOf(w.machine.harts[hart]!)) {
    w.entered = undefined;
    w.timeline.goTo(entered.moment);
    left--;
  }
  if (left > 0) {
    const past = yield* previousStep(w, present(w, hart), left);
    if (past === undefined) return arriveAtStart(w, hart);
    settleAt(w, past.moment);
  }
  return arrive(hart, { kind: "step" });
}

/** The last time before `before` that one of these addresses was about to be executed and `here` held. */
function* lastAt(w: Workplace, before: number, addresses: readonly bigint[], here: (hart: number, address: bigint) => boolean): Part<Place | undefined> {
  return yield* lastBefore<Place>(w, before, (note) => {
    const off = addresses.map((address) => w.machine.stops.breakAt(address, (hart) => {
      const h = w.machine.harts[hart]!;
      if (here(hart, address)) note({ hart, steps: h.stepsBefore, moment: w.machine.moment, frame: frameOf(h), flow: flowAt(w.machine, hart, address) });
      return false;
    }));
    return () => off.forEach((remove) => remove());
  });
}

/** The call that returns to `pc`, made in this frame: jumps that link are 4 bytes long, or 2. */
function lastCall(w: Workplace, before: number, pc: bigint, f: Frame): Part<Place | undefined> {
  return lastAt(w, before, [pc - 4n, pc - 2n], (hart, address) => {
    if (!inFrame(w.machine.harts[hart]!, f)) return false;
    const flow = flowAt(w.machine, hart, address);
    return flow?.kind === "call" && address + BigInt(flow.length) === pc;
  });
}

/** The trap from which a frame was returned to: an ecall before its pc (`call`), or a fault or interrupt at its pc. */
interface Entry extends Place {
  readonly call: boolean;
}

function* lastEntry(w: Workplace, before: number, f: Frame): Part<Entry | undefined> {
  const { machine } = w;
  return yield* lastBefore<Entry>(w, before, (note) => {
    const look = (hart: number, from: number, pcLo: number, pcHi: number, call: boolean): void => {
      const h = machine.harts[hart]!;
      if (from !== f.privilege || register(h, SP) !== f.sp || rootOf(h) !== f.root) return;
      const pc = wide(pcLo, pcHi);
      if (pc + (call ? 4n : 0n) === f.pc) note({ hart, steps: h.stepsBefore, moment: machine.moment, call, frame: { ...f, pc }, flow: undefined });
    };
    const off = [
      machine.events.on("interrupt", (e) => look(e.hart, e.from, e.pcLo, e.pcHi, false)),
      machine.events.on("trap", (e) => look(e.hart, e.from, e.pcLo, e.pcHi, e.cause >= ECALL_FROM_USER && e.cause <= ECALL_FROM_USER + 3)),
    ];
    return () => off.forEach((remove) => remove());
  });
}

/**
 * The place one instruction back for the thread that is at `place`, faults and interrupts from which it has just
 * returned being no instructions; `over`: a call or system call from which it has just returned is one. Undefined: not in history.
 */
function* back(w: Workplace, glass: Lookback, place: Place, over: boolean): Part<Place | undefined> {
  const f = place.frame;
  for (let past: Past = place; ; ) {
    const step = yield* glass.before(past);
    if (step === undefined) return undefined;
    const kind = step.flow?.kind;
    if (kind === "return" && over) return glass.call(step.moment, f) ?? (yield* lastCall(w, step.moment, f.pc, f)) ?? step;
    if (kind !== "trap-return") return step;
    const entry = yield* lastEntry(w, step.moment, f);
    if (entry === undefined || (entry.call && !over)) return step;
    if (entry.call) return entry;
    past = entry;
  }
}

/** rnext, by instruction. */
export function* nextBack(w: Workplace, hart: number, count: number): Motion {
  const glass = new Lookback(w, count > 1);
  let at = glass.here(hart);
  for (let i = 0; i < count; i++) {
    const to = yield* back(w, glass, at, true);
    if (to === undefined) return arriveAtStart(w, at.hart);
    at = to;
  }
  glass.goTo(at);
  return arrive(at.hart, { kind: "step" });
}

/** rstep (into calls) or rnext (over them) by source line: back to the first instruction of the line before, `count` times. */
export function* lineBack(w: Workplace, hart: number, over: boolean, count: number): Motion {
  const glass = new Lookback(w, true);
  let at = glass.here(hart);
  for (let i = 0; i < count; i++) {
    const to = yield* oneLineBack(w, glass, at, over);
    if (to === undefined) return arriveAtStart(w, at.hart);
    at = to;
  }
  glass.goTo(at);
  return arrive(at.hart, { kind: "step" });
}

/** The first instruction of the line before; one instruction back where lines are not known. For rnext what was inlined into a line is part of it. */
function* oneLineBack(w: Workplace, glass: Lookback, from: Place, over: boolean): Part<Place | undefined> {
  const level = glass.lineOf(from)?.depth ?? 0;
  const inlined = (place: Place, than: number): boolean => over && (glass.lineOf(place)?.depth ?? 0) > than;
  const one = function* (place: Place): Part<Place | undefined> {
    const to = yield* back(w, glass, place, over);
    // A function without lines is gone over.
    return to === undefined || over || w.code === undefined || glass.lineOf(to) !== undefined ? to : yield* back(w, glass, place, true);
  };
  let first = from;
  for (let out = false; first === from || (!out && inlined(first, level)); ) {
    const to = yield* one(first);
    if (to === undefined) return undefined;
    out = isOtherCall(to, first);
    first = to;
  }
  const line = glass.lineOf(first);
  if (line === undefined) return first;
  for (let at = first; ; ) {
    const to = yield* one(at);
    if (to === undefined || isOtherCall(to, at)) return first;
    at = to;
    if (glass.lineOf(at)?.text === line.text) first = at;
    else if (!inlined(at, line.depth)) return first;
  }
}

/** Is the place one step back in another activation: in the caller, or in what had been called? A call gone over is not. */
function isOtherCall(to: Place, from: Place): boolean {
  if (to.flow === undefined) return false;
  return to.flow.kind === "call" ? to.frame.pc + BigInt(to.flow.length) !== from.frame.pc : to.flow.kind === "return";
}

/** rfinish: back to the call of the function that the hart is in. */
export function* finishBack(w: Workplace, hart: number): Motion {
  const h = w.machine.harts[hart]!;
  const f = frameOf(h);
  const caller = w.code?.callerOf(hart) ?? { pc: register(h, RA), sp: f.sp };
  const call = yield* lastCall(w, w.machine.steps, caller.pc, { ...f, sp: caller.sp });
  if (call === undefined) return arriveAtStart(w, hart);
  settleAt(w, call.moment);
  return arrive(call.hart, { kind: "finish" });
}

/** Back to the last time that `address` was about to be executed in this address space, or (`only`) on this hart. */
export function* untilBack(w: Workplace, hart: number, address: bigint, only: boolean): Motion {
  const { root } = frameOf(w.machine.harts[hart]!);
  const last = yield* lastAt(w, w.machine.steps, [address], (n) => (only ? n === hart : rootOf(w.machine.harts[n]!) === root));
  if (last === undefined) return arriveAtStart(w, hart);
  settleAt(w, last.moment);
  return arrive(last.hart, { kind: "until" });
}
