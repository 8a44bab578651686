// Stacks: the calls that led to where a hart is, or where a process waits; and what the debugger needs of them.

import type { CodeMap } from "../history/debugger.ts";
import { USER } from "../mmu/walk.ts";
import { MonitorError } from "./command.ts";
import { count, hex } from "./format.ts";
import type { ProcessView } from "./kernel-view/kernel-view.ts";
import type { Monitor } from "./monitor.ts";
import { backtrace, type StackFrame } from "./symbols/backtrace.ts";
import { placeOf } from "./symbols/frame.ts";
import { stackOfHart as startOfHart, stackOfProcess as startOfProcess } from "./symbols/guest.ts";

/** The calls that led to where a hart is; `most` frames of them. Throws MonitorError when there is no such hart. */
export function stackOfHart(m: Monitor, hart: number, most?: number): StackFrame[] {
  const start = startOfHart(m.machine, m.view, m.look.hart(hart).id);
  return start === undefined ? [] : backtrace(m.symbols, start, most);
}

/** The calls that led to where a process is. Throws MonitorError where that is not known. */
export function stackOfProcess(m: Monitor, pid: number, most?: number): StackFrame[] {
  const p = m.look.process(pid);
  if (p.hart !== undefined) return stackOfHart(m, p.hart, most);
  const start = startOfProcess(m.machine, m.view, pid);
  if (start === undefined) throw new MonitorError(`pid ${pid} ${p.name} has no stack to look at (${p.state}, view: ${m.view.name})`);
  return backtrace(m.symbols, start, most);
}

const LINKS = { start: "", call: "", interrupted: "-- interrupted --", user: "-- from user mode --" } as const;

/** A line for each call, innermost first; inlined ones say so. */
export function stackText(frames: readonly StackFrame[]): string {
  const lines: string[] = [];
  let n = 0;
  let same = 0;
  for (const [i, f] of frames.entries()) {
    if (i > 1 && f.frame.pc === frames[i - 1]!.frame.pc && f.frame.pc === frames[i - 2]!.frame.pc) {
      n += Math.max(1, f.calls.length);
      same++;
      continue;
    }
    if (same > 0) lines.push(`    … the same ${count(same)} times more`);
    same = 0;
    const at = placeOf(f.frame);
    if (LINKS[f.link] !== "") lines.push(`    ${LINKS[f.link]}`);
    if (f.calls.length === 0) lines.push(`#${n++}  ${hex(f.frame.pc)} ${f.symbols?.symbolAt(at)?.name ?? ""}`.trimEnd());
    for (const c of f.calls) {
      const place = c.file === undefined ? "" : ` ${c.file}${c.line === undefined ? "" : `:${c.line}`}`;
      lines.push(`#${n++}  ${c.inlined ? "(inlined)".padEnd(12) : hex(f.frame.pc)} ${c.function}()${place}`);
    }
  }
  if (same > 0) lines.push(`    … the same ${count(same)} times more`);
  return lines.length === 0 ? "the stack cannot be followed" : lines.join("\n");
}

export const stackJson = (frames: readonly StackFrame[]): unknown => frames.map((f) => ({ pc: f.frame.pc, sp: f.frame.x[2], link: f.link, user: f.privilege === USER, calls: f.calls }));

/** Functions in which a process waits that say nothing of what for. */
const WAITING = new Set(["swtch", "sched", "sleep", "yield", "acquiresleep"]);

/** The function in which a process waits, past those that all waiting goes through; "" where it is not known. */
export function waitsIn(m: Monitor, p: ProcessView): string {
  if (p.kernel === undefined) return "";
  for (const f of stackOfProcess(m, p.pid, 12)) {
    const call = f.calls.find((c) => !WAITING.has(c.function));
    if (call !== undefined) return call.function;
  }
  return m.naming.kernelName(p.kernel.pc);
}

/** What the debugger asks about code: callers and lines. */
export function codeMap(m: Monitor): CodeMap {
  return {
    callerOf(hart) {
      const [here, caller] = stackOfHart(m, hart, 2);
      const sp = caller?.frame.x[2];
      if (here === undefined || caller?.link !== "call" || sp === undefined) return undefined;
      return { pc: caller.frame.pc, sp };
    },
    lineAt(hart, pc) {
      const symbols = m.naming.source(pc, m.look.present(m.look.hart(hart)));
      const line = symbols?.lineAt(pc);
      return line === undefined ? undefined : { ...line, depth: symbols!.framesAt(pc).length - 1 };
    },
  };
}
