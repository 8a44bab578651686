// The facts about an access, read from the machine at its moment: the instruction, the walk, what the kernel has mapped.

import { FETCH, LOAD, SUPERVISOR, USER, type Access } from "../../mmu/walk.ts";
import { count, hex, plural } from "../format.ts";
import type { FrameView, MapView, ObjectView, PageView, ProcessView } from "../kernel-view/kernel-view.ts";
import type { Space } from "../look.ts";
import type { Monitor } from "../monitor.ts";
import { explainWalk, type Entry, type WalkReport } from "../page-table.ts";
import { ACCESS_NAMES, MODE_NAMES, targetOf } from "../pte.ts";
import { stackOfHart } from "../stack.ts";
import type { Subject } from "./subject.ts";

/** Calls that are named for a fault in the kernel. */
const CALLS = 8;

/** The instruction that made an access. */
export interface InstructionFacts {
  readonly pc: bigint;
  /** Disassembled; undefined where it cannot be read. */
  readonly text: string | undefined;
  readonly name: string;
  readonly line: string;
  /** The register that the address is built from, for a jump to nowhere the return address; its value, and the code that this is. */
  readonly base: { readonly register: string; readonly value: bigint; readonly name: string } | undefined;
}

/** What the kernel has written down about the address. */
export interface Mapped {
  readonly map: MapView | undefined;
  readonly page: PageView | undefined;
  readonly frame: FrameView | undefined;
  /** The nearest maps below and above, where none holds the address. */
  readonly below: MapView | undefined;
  readonly above: MapView | undefined;
}

export interface Facts {
  readonly process: ProcessView | undefined;
  readonly instruction: InstructionFacts | undefined;
  readonly walk: WalkReport | undefined;
  /** The rule that decided, in words; "" when the access is allowed. */
  readonly rule: string;
  /** Undefined where the kernel's view knows no maps, or the address is the kernel's. */
  readonly mapped: Mapped | undefined;
  /** Stack pointer at the access, for faults. */
  readonly sp: bigint | undefined;
  /** For an access by the kernel: who called, innermost first. */
  readonly calls: readonly string[];
}

/** Read all. The machine stands at the subject's moment. */
export function gather(m: Monitor, s: Subject): Facts {
  const process = s.pid === 0 ? undefined : m.view.process(s.pid);
  const walk = s.root === undefined ? undefined : explainWalk(m.machine, { hart: m.look.hart(s.hart), root: s.root, va: s.va, access: s.access, privilege: s.privilege, sum: s.sum, mxr: s.mxr });
  const happened = s.pc !== undefined;
  return {
    process, walk, rule: ruleText(m, s, walk), instruction: s.pc === undefined ? undefined : instructionFacts(m, s, s.pc),
    // A kernel with a page table of its own faults there, not in the process it works for.
    mapped: s.pid === 0 || (s.root !== undefined && process?.root !== s.root) ? undefined : mappedAt(m, s.pid, s.va),
    sp: happened ? m.machine.inspect.registers(s.hart).x[2] : undefined,
    calls: happened && s.code === SUPERVISOR ? callNames(m, s.hart) : [],
  };
}

/** The address space of the code of a subject. */
export function codeSpace(s: Subject): Space {
  const root = s.code === 3 ? undefined : s.root;
  return { name: "", root, asid: undefined, pid: s.pid === 0 ? undefined : s.pid, privilege: s.code };
}

function instructionFacts(m: Monitor, s: Subject, pc: bigint): InstructionFacts {
  const space = codeSpace(s);
  const fetched = !(s.access === FETCH && s.va >= pc && s.va < pc + 4n && s.exception === undefined);
  const text = fetched ? m.look.instruction(space, pc)?.text : undefined;
  const register = fetched ? /\((\w+)\)\s*$/.exec(text ?? "")?.[1] : "ra";
  const value = register === undefined ? undefined : m.look.evaluate(`$${register}`, s.hart);
  const base = value === undefined ? undefined : { register: register!, value, name: fetched ? "" : m.naming.name(value, space) };
  return { pc, text, name: m.naming.name(pc, space), line: m.naming.line(pc, space), base };
}

function mappedAt(m: Monitor, pid: number, va: bigint): Mapped | undefined {
  const maps = m.view.maps(pid);
  if (maps === undefined) return undefined;
  const map = maps.find((x) => va >= x.start && va < x.end);
  const page = map === undefined ? undefined : m.view.pageAt(pid, va);
  return {
    map, page, frame: page?.pfn === undefined ? undefined : m.view.frame(page.pfn),
    below: map === undefined ? maps.filter((x) => x.end <= va).at(-1) : undefined, above: map === undefined ? maps.find((x) => x.start > va) : undefined,
  };
}

/** Functions on a hart's stack, innermost first. */
export function callNames(m: Monitor, hart: number, most = CALLS): string[] {
  return stackOfHart(m, hart, most).filter((f) => f.privilege !== USER).flatMap((f) => (f.calls.length > 0 ? f.calls.map((c) => c.function) : [f.symbols?.symbolAt(f.frame.pc)?.name ?? hex(f.frame.pc)]));
}

/** The rule behind a refusal, as a sentence. */
function ruleText(m: Monitor, s: Subject, walk: WalkReport | undefined): string {
  const cause = s.exception?.cause;
  if (cause === 2) return s.exception!.value === 0n ? "the bytes there are no instruction (all zero)." : "the bytes there are no instruction that this hart has.";
  if (cause === 3) return "an ebreak was executed.";
  if (cause === 0) return "code must begin at a multiple of 2.";
  if (cause === 4 || cause === 6) return "this instruction takes only addresses that are a multiple of its size.";
  if (walk?.reason === "pte-unreadable") return `the entry at ${hex(nextEntry(s, walk))} cannot be read: ${physicalRule(m, { ...s, access: LOAD, privilege: SUPERVISOR }, BigInt(nextEntry(s, walk)))}`;
  if (walk !== undefined && walk.reason !== "pmp") return walk.rule;
  const pa = walk === undefined ? s.va : BigInt(walk.pa ?? 0);
  return physicalRule(m, s, pa) || (walk?.rule ?? "");
}

/** Physical address of the entry that a walk could not read. */
function nextEntry(s: Subject, walk: WalkReport): number {
  const last = walk.steps.at(-1);
  const table = last === undefined ? (s.root ?? 0) * 4096 : targetOf(last.raw);
  return table + 8 * Number((s.va >> BigInt(12 + 9 * walk.level)) & 511n);
}

/** Why a physical address is refused: "" when it is not. */
function physicalRule(m: Monitor, s: Subject, pa: bigint): string {
  const machine = m.machine;
  const what = `${MODE_NAMES[s.privilege]} mode may not ${verb(s.access)} physical address ${hex(pa)}`;
  if (pa >= 1n << 56n) return `${what}: physical addresses have 56 bits.`;
  const at = Number(pa);
  const verdict = m.look.hart(s.hart).mmu.pmp.check(at, 1, s.access, s.privilege);
  if (verdict !== "allow") return `${what}: PMP does not grant it.`;
  if (machine.memory.host(at, 1) >= 0) return "";
  const device = machine.platform.bus.find(at);
  if (device === null) return `nothing is on the bus at physical address ${hex(pa)}.`;
  return `the device at physical address ${hex(pa)} takes no ${ACCESS_NAMES[s.access]} of this kind.`;
}

const verb = (a: Access): string => (["load from", "store to", "fetch from"] as const)[a];

/** The entry that decided, if any: the last that was read. */
export const decider = (walk: WalkReport | undefined): Entry | undefined => walk?.steps.at(-1);

/** What is mapped, in one sentence. */
export function mappedText(x: Mapped): string {
  const { map, page, frame } = x;
  if (map === undefined) {
    const [b, a] = [x.below, x.above];
    const near = [b === undefined ? "" : `below ends ${hex(b.end)} (${b.what})`, a === undefined ? "" : `above begins ${hex(a.start)} (${a.what})`].filter((t) => t !== "");
    return near.length === 0 ? "nothing" : `nothing; ${near.join(", ")}`;
  }
  const text = [`${hex(map.start)}-${hex(map.end)} ${map.rights} ${map.shared ? "shared" : "private"}`, map.what, ...map.flags].join(", ");
  const more: string[] = [];
  if (map.object !== undefined) more.push(`object depth ${chainLength(map.object)}`);
  if (page !== undefined) more.push(page.text);
  if (frame !== undefined && frame.expected.length > 1) more.push(`the frame is shown by ${plural(frame.expected.length, "map")}`);
  return [text, ...more].join("; ");
}

function chainLength(o: ObjectView): string {
  let n = 1;
  for (let at = o.shadow; at !== undefined; at = at.shadow) n++;
  return count(n);
}

/** Physical address that the entry of a walk leads to; undefined where it is no leaf. */
export const frameOfWalk = (w: WalkReport | undefined): number | undefined => {
  const last = decider(w);
  return last?.kind === "leaf" ? targetOf(last.raw) : undefined;
};
