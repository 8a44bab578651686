// What the kernel did about a fault: found by running on from it to its end, and comparing the page table and the map
// before and after. The fault log's counters name the kind.

import { MACHINE } from "../../mmu/walk.ts";
import { count, hex, plural } from "../format.ts";
import type { Monitor } from "../monitor.ts";
import { at } from "../past.ts";
import { readPte } from "../page-table.ts";
import { LEVEL_SIZES } from "../pte.ts";
import { decider, gather, type Facts } from "./facts.ts";
import type { Subject } from "./subject.ts";

/** A fault that does not return is followed so far. */
const FOLLOWED = 50_000_000;

const SIGNALS: Readonly<Record<number, string>> = { 2: "SIGINT", 4: "SIGILL", 5: "SIGTRAP", 7: "SIGBUS", 9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM" };
export const signalName = (n: number): string => SIGNALS[n] ?? `signal ${n}`;

export interface Outcome {
  /** The log's word ("zero", "cow_copy" …), "killed", "panic", "handled" (a signal handler runs), "pending". */
  readonly kind: string;
  /** Instructions of all harts that it took. */
  readonly cost: number | undefined;
  /** Physical address of the page that is shown now. */
  readonly frame: number | undefined;
  readonly signal: string | undefined;
  /** Bytes by which the stack grew. */
  readonly grown: number;
  readonly text: string;
}

/** What happened on the way of a fault that did not simply return. */
interface Met {
  signal: number | undefined;
  exit: number | undefined;
  panic: number | undefined;
}

/** What became of a fault; undefined for questions, for machine mode, where nobody else sees to it, and for a kernel of which nothing is known. */
export function outcomeOf(m: Monitor, s: Subject, before: Facts): Outcome | undefined {
  if (s.pc === undefined || m.timeline === undefined || s.code === MACHINE || m.view.probe === undefined) return undefined;
  const { fault } = s;
  const served = fault?.cost !== undefined && fault.outcome !== "refused" && fault.outcome !== "elsewhere";
  return served ? servedOutcome(m, s, before, fault.moment + fault.cost) : refusedOutcome(m, s);
}

function servedOutcome(m: Monitor, s: Subject, before: Facts, end: number): Outcome {
  const after = end > m.timeline!.end.steps ? undefined : at(m, end, () => gather(m, { ...s, moment: end, pc: undefined }));
  const kind = s.fault!.outcome;
  const cost = s.fault!.cost!;
  const leaf = decider(after?.walk);
  const frame = leaf?.kind === "leaf" ? after?.walk?.pa : undefined;
  const page = frame === undefined ? undefined : frame - (frame % 4096);
  const [old, now] = [before.mapped?.map, after?.mapped?.map];
  const grown = old === undefined && now !== undefined && before.mapped?.above?.end === now.end ? Number(before.mapped.above.start - now.start) : 0;
  const what = served(m, s, before, kind, page);
  const size = leaf !== undefined && leaf.kind === "leaf" && leaf.level > 0 ? `, in a page of ${LEVEL_SIZES[leaf.level]}` : "";
  const grew = grown > 0 ? `the stack grew by ${plural(grown / 4096, "page")}; ` : "";
  return { kind, cost, frame: page, signal: undefined, grown, text: `${grew}${what}${size} in ${plural(cost, "instruction")}` };
}

/** What was done, in words, by the counter's name and what stood there before. */
function served(m: Monitor, s: Subject, before: Facts, kind: string, frame: number | undefined): string {
  const to = frame === undefined ? "" : ` frame ${hex(frame)}`;
  const slot = before.mapped?.page?.slot;
  switch (kind) {
    case "zero": return `filled with zeros,${to}`.replace(/,$/, "");
    case "copied":
    case "cow_copy": return `copied to${to}`;
    case "cow_reuse": return `made writable in place (nobody else sees it any more),${to}`;
    case "file": return before.mapped?.page?.pfn === undefined || before.mapped.page.flags.includes("busy") ? `read from the file into${to}` : `shown from the file's page in memory,${to}`;
    case "swap": return `swapped in${slot === undefined ? "" : ` from slot ${count(slot)}`} to${to}`;
    case "map": return `entered: the page was in memory,${to}`;
    case "mapped": return `mapped to${to}`;
    case "granted": return `given more rights in place,${to}`;
    case "returned": return stillRefused(m, s, before) ? "nothing: the same instruction runs again with the same entry" : "nothing had to be done, and the instruction ran again: spurious, or another hart had done it already";
    default: return kind;
  }
}

/** Does the entry that refused still stand as it did when the fault returned? */
function stillRefused(m: Monitor, s: Subject, before: Facts): boolean {
  const entry = decider(before.walk);
  const end = s.moment + (s.fault?.cost ?? 0);
  return entry !== undefined && at(m, end, () => readPte(m.machine, entry.address)) === entry.raw;
}

function refusedOutcome(m: Monitor, s: Subject): Outcome {
  const { timeline } = m;
  const limit = Math.min(timeline!.end.steps, s.fault?.cost === undefined ? s.moment + FOLLOWED : s.moment + s.fault.cost);
  const met = follow(m, s, limit);
  const signal = met.signal === undefined ? undefined : signalName(met.signal);
  const end = met.panic ?? met.exit;
  const cost = end === undefined ? s.fault?.cost : end - s.moment;
  const rest = { cost, frame: undefined, signal, grown: 0 };
  const took = cost === undefined ? "" : ` after ${plural(cost, "instruction")}`;
  if (met.panic !== undefined) return { ...rest, kind: "panic", text: `the kernel panicked${took}` };
  if (met.exit !== undefined) return { ...rest, kind: "killed", text: signal === undefined ? `the process was killed${took}` : `killed by ${signal}${took}: no handler could run` };
  if (s.fault?.cost !== undefined && signal !== undefined) return { ...rest, kind: "handled", text: `sent ${signal}, and its handler began${took}` };
  if (s.fault?.cost !== undefined) return { ...rest, kind: s.fault.outcome, text: `went on elsewhere${took}` };
  return { ...rest, kind: "pending", text: signal === undefined ? "the kernel has not returned from it so far" : `sent ${signal}` };
}

/** Run from a fault to the end of its process, a panic, or `limit`. */
function follow(m: Monitor, s: Subject, limit: number): Met {
  const met: Met = { signal: undefined, exit: undefined, panic: undefined };
  const { machine, view: { hooks, probe } } = m;
  const address = (name: string | undefined): bigint | undefined => (name === undefined ? undefined : m.naming.kernel?.addressOf(name));
  const mine = (hart: number): boolean => (s.pid !== 0 ? probe?.pidOf(hart) === s.pid : hart === s.hart);
  const hear = (name: string | undefined, heard: (hart: number) => boolean): (() => void)[] => {
    const at = address(name);
    return at === undefined ? [] : [machine.stops.breakAt(at, (hart) => mine(hart) && heard(hart))];
  };
  if (limit <= s.moment) return met;
  m.timeline!.scan(s.moment, limit, () => {
    const remove = [
      ...hear(hooks.faultSignal, (hart) => {
        met.signal ??= Number(machine.inspect.registers(hart).x[11]! & 0xffffffffn);
        return false;
      }),
      ...hear(hooks.exit, () => {
        met.exit ??= machine.moment;
        return true;
      }),
      ...hear(hooks.panic, () => {
        met.panic ??= machine.moment;
        return true;
      }),
    ];
    return () => { for (const end of remove) end(); };
  });
  return met;
}

