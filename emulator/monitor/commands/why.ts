// why: the explanation of the last fault, or of an access that is asked about.

import { MonitorError, type Answer, type Args, type Command } from "../command.ts";
import type { Fault } from "../fault-log.ts";
import { explainException, explainFault, explainQuestion, type Explanation } from "../explain/explain.ts";
import { question } from "../explain/subject.ts";
import { explanationJson, explanationText } from "../explain/text.ts";
import type { Panic } from "../explain/explainer.ts";
import type { Exception } from "../explain/trap-log.ts";
import { count } from "../format.ts";
import type { Monitor } from "../monitor.ts";
import { at } from "../past.ts";
import { accessOf } from "../pte.ts";

export const why: Command = {
  name: "why",
  usage: "why [fatal|t=TIME] [in PID] | why ADDR [as load|store|fetch] [in PID|satp=VALUE] [at TIME]",
  summary: "explain the last fault, or what an access meets",
  help: "Alone: the last page fault, other exception or kernel panic before now. \"fatal\": the last that killed a process or the kernel. t=TIME: the one of\nthat step.\nWith an address: the walk of an access there, now or at another time. What follows \"likely:\" is a guess; all else was read from the machine.\nExample: why 0x14000 as store in 7",
  family: "explain",
  words: ["'fatal'", "'as'", "'in'", "'at'", "'load'", "'store'", "'fetch'", "pid"],
  run: (m, args) => answer(m, args),
};

const told = (e: Explanation): Answer => ({ text: explanationText(e), json: explanationJson(e) });

function answer(m: Monitor, args: Args): Answer {
  const where = args.after("in");
  const fatal = args.accept("fatal");
  if (fatal || args.left === 0 || /^t=/.test(args.peek ?? "")) {
    const time = fatal || args.left === 0 ? undefined : m.look.moment(args.need("a time"));
    args.end();
    return past(m, where === undefined ? undefined : m.look.number(where, "PID"), time, fatal);
  }
  const [as, when] = [args.after("as"), args.after("at")];
  const access = as === undefined ? undefined : accessOf(as);
  if (as !== undefined && access === undefined) throw new MonitorError(`"${as}" is no access: load, store or fetch`);
  const va = m.look.evaluate(args.expression("an address"));
  args.end();
  const ask = (): Explanation => explainQuestion(m, question(m, va, access, where));
  return told(when === undefined ? ask() : at(m, m.look.moment(when), ask));
}

/** The last fault, exception or panic before now: of a process, at a moment, or the last that was fatal. */
function past(m: Monitor, pid: number | undefined, time: number | undefined, fatal: boolean): Answer {
  const here = m.machine.moment;
  const wanted = (x: Fault | Exception | Panic): boolean => (pid === undefined || x.pid === pid) && (time === undefined || x.moment === time);
  const event = fatal ? m.explainer.fatal.findLast((x) => x.moment < here && wanted(x)) : lastEvent(m, here, wanted);
  const panic = m.explainer.panics.findLast((p) => p.moment <= here && wanted(p));
  // What led to a panic says more than the panic does.
  if (panic !== undefined && panic.by === undefined && panic.moment >= (event?.moment ?? 0)) return m.explainer.explainPanic(panic);
  if (event === undefined) throw new MonitorError(fatal ? "nothing fatal has happened so far" : time === undefined ? "there has been no fault so far" : `there was no fault at t=${count(time)}`);
  return told("reason" in event ? explainFault(m, event) : explainException(m, event));
}

function lastEvent(m: Monitor, here: number, wanted: (x: Fault | Exception) => boolean): Fault | Exception | undefined {
  const fault = first(m.faults.backwards(here), wanted);
  const exception = first(m.explainer.traps.backwards(here), wanted);
  // A walk that could not read its entry ends in an access fault: the fault's record knows more of it.
  return fault === undefined || (exception !== undefined && exception.moment > fault.moment) ? exception : fault;
}

function first<T>(all: Iterable<T>, wanted: (x: T) => boolean): T | undefined {
  for (const x of all) if (wanted(x)) return x;
  return undefined;
}
