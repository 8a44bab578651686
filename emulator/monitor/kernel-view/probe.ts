// Pid and fault counters of what runs on a hart, read at every page fault: so by addresses worked out beforehand, with
// plain reads of RAM that are checked against its bounds. The kernel lies in the first 2 GiB of it, so that addresses
// have 32 bits here.

import type { Machine } from "../../machine.ts";
import type { Symbols } from "../symbols/symbols.ts";
import type { FaultProbe } from "./kernel-view.ts";

/** Counters that are read at most. */
const MOST = 16;

/** A probe for a kernel with `struct cpu cpus[]` (by hart number) whose `proc` points to a `struct proc` with a `pid`. Undefined where it has not. */
export function fastProbe(machine: Machine, symbols: Symbols, { counters }: { counters?: string } = {}): FaultProbe | undefined {
  const cpus = symbols.variable("cpus");
  const cpu = cpus?.type.target;
  const proc = symbols.type("struct proc");
  const current = cpu?.field("proc");
  const pid = proc?.field("pid");
  if (cpus === undefined || cpu === undefined || proc === undefined || current === undefined || pid === undefined) return undefined;
  const base = Number(cpus.address) + current.offset;
  const stride = cpu.size;
  const { memory } = machine;
  const counted = counters === undefined ? undefined : proc.field(counters);
  const fields = counted?.type.fields.slice(0, MOST) ?? [];
  const offsets = fields.map((f) => counted!.offset + f.offset);

  const { words } = memory;
  const last = Math.max(pid.offset, ...offsets) + 4;

  /** Index in `words` of the structure of what runs on a hart; −1 when nothing does, or where memory holds nonsense. */
  const running = (hart: number): number => {
    const at = memory.host(base + hart * stride, 8);
    if (at < 0 || words[(at >>> 2) + 1] !== 0) return -1;
    const p = memory.host(words[at >>> 2]! >>> 0, last);
    return p < 0 ? -1 : p >>> 2;
  };
  return {
    outcomes: fields.map((f) => f.name),
    pidOf: (hart) => {
      const p = running(hart);
      return p < 0 ? 0 : words[p + (pid.offset >>> 2)]!;
    },
    counters: (hart, into) => {
      const p = offsets.length === 0 ? -1 : running(hart);
      if (p < 0) return false;
      for (let i = 0; i < offsets.length; i++) into[i] = words[p + (offsets[i]! >>> 2)]!;
      return true;
    },
  };
}
