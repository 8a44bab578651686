// Motions that go forward: step, next, finish, until. A motion follows a thread of execution, known by its stack
// pointer, address space and privilege, from hart to hart; a plain step follows a hart.

import { ECALL_FROM_USER, frameOf, flowAt, inFrame, pcOf, register, type Arrival, type CodeLine, type Frame, type Motion, type Part, type Workplace } from "./motion.ts";
import { rootOf } from "./points.ts";

const RA = 1;
const SP = 2;
const A0 = 10;

/** What one step of a hart turned out to be. */
interface Stepped {
  /** An interrupt was taken instead: the hart is before the first instruction of the handler. */
  readonly interrupted: boolean;
  /** Cause of the exception that the instruction took. */
  readonly trap: number | undefined;
}

const arrive = (hart: number, reason: Arrival["reasons"][number]): Arrival => ({ reasons: [reason], hart, backward: false });

/** Run until it is a hart's turn, and it is awake. */
function* untilTurn(w: Workplace, hart: number): Part<void> {
  const { machine } = w;
  const { round } = machine;
  if (round.length !== 0 && round.turn === hart && !machine.harts[hart]!.waiting) return;
  yield {
    kind: "run", steps: Infinity,
    install: (done) => {
      machine.stops.turn = (turn) => {
        if (turn === hart) done();
      };
      return () => { machine.stops.turn = null; };
    },
  };
}

/** One step of a hart while the others run as they would: an instruction, or the trap that it takes. */
export function* stepHart(w: Workplace, hart: number): Part<Stepped> {
  yield* untilTurn(w, hart);
  const { machine } = w;
  const h = machine.harts[hart]!;
  const before = machine.steps;
  let interrupted = false;
  let trap: number | undefined;
  yield {
    kind: "run", steps: 1,
    install: (done) => {
      const off = [
        machine.events.on("interrupt", (e) => {
          if (e.hart !== hart) return;
          interrupted = true;
          done();
        }),
        machine.events.on("trap", (e) => {
          if (e.hart === hart) trap = e.cause;
        }),
      ];
      return () => off.forEach((remove) => remove());
    },
  };
  interrupted &&= machine.steps === before; // else it came at the end of the instruction
  if (interrupted) w.entered = { hart, moment: machine.steps, pc: pcOf(h) };
  return { interrupted, trap };
}

/** Run until a hart is about to execute `address` and `here` holds; that hart. */
function* runTo(w: Workplace, address: bigint, here: (hart: number) => boolean): Part<number> {
  let where = -1;
  while (where < 0) {
    yield {
      kind: "run", steps: Infinity,
      install: (done) => w.machine.stops.breakAt(address, (hart) => {
        if (!here(hart)) return false;
        where = hart;
        done();
        return true;
      }),
    };
  }
  return where;
}

const backIn = (w: Workplace, f: Frame) => (hart: number): boolean => inFrame(w.machine.harts[hart]!, f);

/** One instruction, with the call, the exception or the interrupt that comes with it as a whole; the hart it ended on. */
export function* stepOver(w: Workplace, hart: number): Part<number> {
  const f = frameOf(w.machine.harts[hart]!);
  const flow = flowAt(w.machine, hart, f.pc);
  if (flow !== undefined && (flow.kind === "call" || flow.kind === "ecall")) return yield* runTo(w, f.pc + BigInt(flow.length), backIn(w, f));
  for (let at = hart; ; at = yield* runTo(w, f.pc, backIn(w, f))) {
    const { interrupted, trap } = yield* stepHart(w, at);
    if (!interrupted && trap === undefined) return at;
  }
}

/** One instruction, into calls and system calls, over interrupts and faults; the hart it ended on. */
function* stepInto(w: Workplace, hart: number): Part<number> {
  const f = frameOf(w.machine.harts[hart]!);
  for (let at = hart; ; at = yield* runTo(w, f.pc, backIn(w, f))) {
    const { interrupted, trap } = yield* stepHart(w, at);
    if (!interrupted && (trap === undefined || (trap >= ECALL_FROM_USER && trap <= ECALL_FROM_USER + 3))) return at;
  }
}

/** step, by instruction: exactly so many steps of the hart. */
export function* step(w: Workplace, hart: number, count: number): Motion {
  for (let left = count; left > 0;) left -= yield* stepsOfTurn(w, hart, left);
  return arrive(hart, { kind: "step" });
}

/** Steps of a hart in one go, `most` of them: to the next interrupt, which is one of them, or to another hart's turn. How many those were. */
function* stepsOfTurn(w: Workplace, hart: number, most: number): Part<number> {
  yield* untilTurn(w, hart);
  const { machine } = w;
  const before = machine.steps;
  let interrupted = false;
  yield {
    kind: "run", steps: most,
    install: (done) => {
      machine.stops.turn = (turn) => {
        if (turn !== hart) done();
      };
      const off = machine.events.on("interrupt", (e) => {
        if (e.hart !== hart || machine.harts[hart]!.counted === 1) return; // within an instruction that lets it come it is a part of that
        interrupted = true;
        done();
      });
      return () => {
        off();
        machine.stops.turn = null;
      };
    },
  };
  if (interrupted) w.entered = { hart, moment: machine.steps, pc: pcOf(machine.harts[hart]!) };
  return machine.steps - before + (interrupted ? 1 : 0);
}

/** next, by instruction. */
export function* next(w: Workplace, hart: number, count: number): Motion {
  let at = hart;
  for (let i = 0; i < count; i++) at = yield* stepOver(w, at);
  return arrive(at, { kind: "step" });
}

/** Instructions until the pc has left [from, to) (as gdb steps a line), or the thread is in code of another privilege. */
export function* stepRange(w: Workplace, hart: number, from: bigint, to: bigint): Motion {
  for (;;) {
    yield* stepHart(w, hart);
    const pc = pcOf(w.machine.harts[hart]!);
    if (pc < from || pc >= to) return arrive(hart, { kind: "step" });
  }
}

/** step or next, `count` source lines; by instruction where lines are not known. */
export function* stepLine(w: Workplace, hart: number, over: boolean, count: number): Motion {
  let at = hart;
  for (let i = 0; i < count; i++) at = yield* oneLine(w, at, over);
  return arrive(at, { kind: "step" });
}

/** To the next line. A call of a function without lines is stepped over; so, by next, is one that was inlined. */
function* oneLine(w: Workplace, hart: number, over: boolean): Part<number> {
  const lineOf = (n: number): CodeLine | undefined => w.code?.lineAt(n, pcOf(w.machine.harts[n]!));
  const start = lineOf(hart);
  const { sp } = frameOf(w.machine.harts[hart]!);
  for (let at = hart; ; ) {
    const f = frameOf(w.machine.harts[at]!);
    const flow = flowAt(w.machine, at, f.pc);
    at = over ? yield* stepOver(w, at) : yield* stepInto(w, at);
    if (start === undefined) return at;
    let called = flow?.kind === "call" && !over;
    let line = lineOf(at);
    if (line === undefined && called) {
      called = false;
      at = yield* runTo(w, f.pc + BigInt(flow!.length), backIn(w, f));
      line = lineOf(at);
    }
    if (line === undefined) return at; // by a return or a jump into code without lines
    if (called || flow?.kind === "return") return at;
    // sp is lower behind the prologue, and higher behind a return.
    const inlined = over && (line.depth ?? 0) > (start.depth ?? 0) && register(w.machine.harts[at]!, SP) <= sp;
    // In the middle of a statement it goes on.
    if (!inlined && line.statement !== false && (line.file !== start.file || line.line !== start.line)) return at;
  }
}

/** Run until the function that the hart is in has returned to its caller. */
export function* finish(w: Workplace, hart: number): Motion {
  const h = w.machine.harts[hart]!;
  const f = frameOf(h);
  const caller = w.code?.callerOf(hart);
  const back = caller === undefined
    ? (n: number): boolean => inAddressSpace(w, n, f) && register(w.machine.harts[n]!, SP) >= f.sp
    : backIn(w, { ...f, sp: caller.sp });
  const at = yield* runTo(w, caller?.pc ?? register(h, RA), back);
  return arrive(at, { kind: "finish", value: register(w.machine.harts[at]!, A0) });
}

/** Run until `address` is about to be executed in this address space, or (`only`) on this hart. */
export function* until(w: Workplace, hart: number, address: bigint, only: boolean): Motion {
  const f = frameOf(w.machine.harts[hart]!);
  const skip = w.machine.steps; // where it is now does not count
  const at = yield* runTo(w, address, (n) => (w.machine.moment !== skip || n !== hart) && (only ? n === hart : rootOf(w.machine.harts[n]!) === f.root));
  return arrive(at, { kind: "until" });
}

const inAddressSpace = (w: Workplace, hart: number, f: Frame): boolean => {
  const h = w.machine.harts[hart]!;
  return h.privilege === f.privilege && rootOf(h) === f.root;
};
