// Who last wrote a page-table entry: the code, for what it was done, and what stood there before. Found by running the
// past again up to the write, never guessed.

import { USER } from "../../mmu/walk.ts";
import { MonitorError } from "../command.ts";
import { count, hex, plural } from "../format.ts";
import type { Monitor } from "../monitor.ts";
import { readPte } from "../page-table.ts";
import { at, lastWrite, type LastWrite } from "../past.ts";
import { flagLetters } from "../pte.ts";
import { stackOfHart } from "../stack.ts";

/** Calls that are looked through for what a write was for. */
const DEEP = 40;
/** Functions that write for others: the name of their caller says more. */
const HELPERS = new Set(["memset", "memmove", "memcpy", "page_zero", "page_copy", "bzero", "memzero"]);
/** Functions that clear whole pages, among the innermost. */
const CLEARING = /^(memset|bzero|page_zero|vm_page_alloc_zeroed|vm_page_zero_one)$/;
const CLEARING_DEPTH = 3;
const FAULT = "a page fault";
/** Functions whose being on the stack says what all is for, innermost first wherever they are; what else there is, the system call names. */
const PURPOSES: Readonly<Record<string, string>> = {
  vm_fault: "a page fault", vmfault: "a page fault", uvmalloc: "more memory", pageout_daemon: "page-out", vm_pageout: "page-out", exec_image: "exec",
  vm_map_move_brk: "sbrk", vm_map_set_brk: "brk", // sys_sbrk and sys_brk end in a jump to these: they are in no chain of calls
  vm_page_zero_one: "later use, in idle time",
  kvminit: "boot", kvmmake: "boot", pmap_kernel_init: "boot", pmap_boot: "boot", main: "boot",
};

export interface Writer {
  readonly moment: number;
  readonly by: LastWrite["by"];
  readonly hart: number | null;
  readonly pc: bigint;
  /** The function, past those that write for others; "" where no symbols tell. */
  readonly function: string;
  /** The helper that did it for the function; "" for none. */
  readonly through: string;
  readonly place: string;
  /** What it was done for: "fork", "a page fault at 0x14000"; "" where that is not known. */
  readonly purpose: string;
  readonly pid: number;
  readonly name: string;
  /** The whole page table was cleared: what stood there before was no entry of it. */
  readonly cleared: boolean;
  /** The entry before the write. */
  readonly before: bigint | undefined;
}

/** All who wrote the entry last before a moment: the last, and where that was the hardware setting A or D, the last code too. Empty: nobody since history begins; undefined: there is no history. */
export function writersOf(m: Monitor, entry: number, before: number): Writer[] | undefined {
  if (m.timeline === undefined) return undefined;
  const found: Writer[] = [];
  for (let moment = before; found.length < 3;) {
    const w = lastWrite(m, entry, 8, moment);
    if (w === undefined) break;
    found.push(describe(m, w, entry));
    if (w.by !== "walker") break;
    moment = w.moment;
  }
  return found.length === 3 ? [found[0]!, found[2]!] : found;
}

/** Who wrote something else than an entry last before a moment; undefined where nobody did, or there is no history. */
export function writerOf(m: Monitor, pa: number, size: number, moment: number): Writer | undefined {
  const w = m.timeline === undefined ? undefined : lastWrite(m, pa, size, moment);
  return w === undefined ? undefined : { ...describe(m, w, pa), before: undefined };
}

function describe(m: Monitor, w: LastWrite, entry: number): Writer {
  const nobody = { moment: w.moment, by: w.by, hart: w.hart, pc: w.pc, function: "", through: "", place: "", purpose: "", pid: 0, name: "", cleared: false };
  return at(m, w.moment, () => {
    const before = readPte(m.machine, entry);
    const { hart } = w;
    if (hart === null) return { ...nobody, before };
    const process = m.view.probe === undefined ? undefined : m.view.current(hart);
    const whose = { pid: process?.pid ?? 0, name: process?.name ?? "" };
    if (w.by === "walker") return { ...nobody, ...whose, before };
    return { ...nobody, ...whose, ...codeOf(m, hart, w), before };
  });
}

/** The function that wrote and what for, by the stack of the hart as it stands. */
function codeOf(m: Monitor, hart: number, { pc, moment }: LastWrite): Pick<Writer, "function" | "through" | "place" | "purpose" | "cleared"> {
  const privilege = m.look.hart(hart).privilege;
  const frames = stackOfHart(m, hart, DEEP).filter((f) => f.link !== "user");
  const calls = frames.map((f) => f.calls.at(-1) ?? { function: f.symbols?.symbolAt(f.frame.pc)?.name ?? "", file: undefined, line: undefined, inlined: false });
  const names = frames.flatMap((f) => (f.calls.length === 0 ? [f.symbols?.symbolAt(f.frame.pc)?.name ?? ""] : f.calls.map((c) => c.function)));
  const first = calls.findIndex((c) => !HELPERS.has(c.function));
  const call = calls[Math.max(0, first)];
  const name = call?.function ?? "";
  if (name === "") return { function: "", through: "", place: m.naming.place(pc, m.look.present(m.look.hart(hart))), purpose: "", cleared: false };
  const place = call?.file === undefined ? hex(pc) : `${shortFile(call.file)}${call.line === undefined ? "" : `:${call.line}`}`;
  const cleared = names.slice(0, CLEARING_DEPTH).some((n) => CLEARING.test(n));
  const purpose = privilege === USER ? "" : purposeOf(names, name);
  return { function: name, through: first > 0 ? calls[0]!.function : "", place, cleared, purpose: purpose === FAULT ? faultText(m, hart, moment) : purpose };
}

/** The page fault that a hart is serving at a moment, in words. */
function faultText(m: Monitor, hart: number, moment: number): string {
  const pid = m.view.probe?.pidOf(hart) ?? 0;
  for (const f of m.faults.backwards(moment)) {
    if (pid === 0 || f.pid !== pid || f.privilege !== USER) continue;
    return f.cost === undefined || f.moment + f.cost > moment ? `${FAULT} at ${hex(f.va)}` : FAULT;
  }
  return FAULT;
}

/** What a chain of calls is for. */
export function purposeOf(names: readonly string[], self: string): string {
  const fault = names.find((n) => n === "vm_fault" || n === "vmfault");
  const call = names.find((n) => n.startsWith("sys_"))?.slice(4);
  if (fault !== undefined) return call === undefined ? FAULT : `${FAULT} within ${call}`;
  if (call !== undefined) return call;
  const known = [self, ...names].map((n) => PURPOSES[n]).find((p) => p !== undefined);
  if (known !== undefined) return known;
  const outer = names.filter((n) => n !== "" && n !== self).at(-1) ?? "";
  return outer === "usertrap" || outer === "uservec" ? "" : outer;
}

/** "vm/pmap.c" of "guest-kernel/vm/pmap.c". */
export const shortFile = (file: string): string => file.split("/").slice(-2).join("/");

/** The sentence about one writer; `first` is the last one. */
export function writerSentence(w: Writer, first: boolean, moment: number): string {
  if (w.cleared && w.by === "cpu") return `${first ? "this PTE was never filled in since" : "and before that"} its page table was cleared by ${writerText(w, moment)}`;
  return `${first ? "this PTE was last written by" : "and before that by"} ${writerText(w, moment)}`;
}

/** "pmap_protect() vm/pmap.c:212, for fork in pid 6 sh, 41,022 instructions earlier   [goto t=18,163,489]". */
export function writerText(w: Writer, moment: number): string {
  const ago = `${plural(moment - w.moment, "instruction")} earlier   [goto t=${count(w.moment)}]`;
  const who = w.pid === 0 ? "" : ` in pid ${w.pid}${w.name === "" ? "" : ` ${w.name}`}`;
  const was = w.cleared || w.before === undefined || (w.before & 1n) === 0n ? "" : `; before that it was ${flagLetters(w.before)} -> 0x${((w.before >> 10n) << 12n).toString(16)}`;
  if (w.by === "walker") return `the walker of hart ${w.hart}, which set A or D,${who === "" ? "" : `${who},`} ${ago}`;
  if (w.by === "dma") return `a device, ${ago}`;
  if (w.by === "host") return `somebody outside the machine, ${ago}`;
  const code = w.function === "" ? w.place : `${w.function}() ${w.place}${w.through === "" ? "" : ` (through ${w.through}())`}`;
  const purpose = w.purpose === "" ? "" : `, for ${w.purpose}`;
  return `${code}${purpose}${who}${was}, ${ago}`;
}

/** Runs something that may find that history does not reach there; then undefined. */
export function ifReached<T>(what: () => T): T | undefined {
  try {
    return what();
  } catch (e) {
    if (e instanceof MonitorError) return undefined;
    throw e;
  }
}
