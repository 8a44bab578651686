// Events as lines of text: for --trace, and for the monitor's `trace`.

import type { EventName, EventTypes } from "../events.ts";
import { wide } from "../events.ts";
import { exceptionName, interruptName } from "../hart/cause-names.ts";
import { CSR_NAMES } from "../isa/csr-names.ts";
import { disassemble } from "../isa/disassemble.ts";
import type { Machine } from "../machine.ts";
import { FETCH } from "../mmu/walk.ts";

type Formats = { [N in EventName]: (event: EventTypes[N], machine: Machine) => string };

const hex = (n: bigint | number): string => `0x${n.toString(16)}`;
const pair = (lo: number, hi: number): string => hex(wide(lo, hi));
const ACCESS = ["load", "store", "fetch"] as const;
const MODE = ["U", "S", "?", "M"] as const;
const PAGE = ["4 KiB", "2 MiB", "1 GiB"] as const;

/** The text of each event, without time and name. */
const FORMATS: Formats = {
  trap: (e) => `hart ${e.hart} ${exceptionName(e.cause)} (${e.cause}) at ${pair(e.pcLo, e.pcHi)}, value ${pair(e.valueLo, e.valueHi)}, ${MODE[e.from]} to ${MODE[e.to]}`,
  interrupt: (e) => `hart ${e.hart} ${interruptName(e.cause)} (${e.cause}) at ${pair(e.pcLo, e.pcHi)}, ${MODE[e.from]} to ${MODE[e.to]}`,
  trapReturn: (e) => `hart ${e.hart} to ${pair(e.pcLo, e.pcHi)}, ${MODE[e.from]} to ${MODE[e.to]}`,
  pageFault: (e) => {
    const { walk } = e;
    const entry = walk.reason === "non-canonical" ? ""
      : `, level ${walk.level} entry ${pair(walk.low[walk.level]!, walk.high[walk.level]!)} at ${hex(walk.addresses[walk.level]!)}`;
    return `hart ${e.hart} ${ACCESS[e.access]} ${pair(e.lo, e.hi)}: ${walk.reason ?? "translated"}${entry}`;
  },
  tlbFill: (e) => `hart ${e.hart} ${ACCESS[e.access]} ${pair(e.lo, e.hi)} is in frame ${hex(e.ppn * 4096)}, ${PAGE[e.level] ?? PAGE[0]} page`,
  fence: (e) => {
    const place = e.lo === undefined || e.hi === undefined ? "all addresses" : `address ${pair(e.lo, e.hi)}`;
    return `hart ${e.hart} sfence.vma, ${place}, ${e.asid === undefined ? "all address spaces" : `ASID ${e.asid}`}`;
  },
  csr: (e) => `hart ${e.hart} ${CSR_NAMES.get(e.csr) ?? hex(e.csr)} = ${pair(e.lo, e.hi)}`,
  device: (e) => `${e.name} ${e.kind} ${e.size} at +${hex(e.offset)}: ${hex(e.value)}`,
  instruction: (e, machine) => {
    const pc = wide(e.pcLo, e.pcHi);
    return `hart ${e.hart} ${hex(pc)} ${instructionAt(machine, e.hart, pc)}`;
  },
  input: (e) => `${e.kind}, taken in at ${seconds(e.at)}`,
};

/** Virtual time: seconds to the nanosecond. */
const seconds = (ns: number): string => `${Math.floor(ns / 1e9)}.${String(ns % 1e9).padStart(9, "0")}`;

/** The instruction at a virtual address, as bytes and text. */
function instructionAt(machine: Machine, hart: number, pc: bigint): string {
  const low = machine.inspect.virtual(hart, pc, 2, FETCH);
  if (low === undefined) return "(cannot be fetched)";
  let code = low[0]! | (low[1]! << 8);
  if ((code & 3) === 3) {
    const high = machine.inspect.virtual(hart, pc + 2n, 2, FETCH);
    if (high === undefined) return "(its second half cannot be fetched)";
    code |= (high[0]! << 16) | (high[1]! << 24);
  }
  const { text, length } = disassemble(code, pc);
  return `${(code >>> 0).toString(16).padStart(2 * length, "0").padEnd(8)} ${text}`;
}

/** One event as a line, with its line end. */
function eventLine<N extends EventName>(machine: Machine, name: N, event: EventTypes[N]): string {
  return `${seconds(machine.now)} ${name.padEnd(11)} ${FORMATS[name](event, machine)}\n`;
}

/** Publish each of these events as a line (with its line end) to `write`. The result ends it. */
export function traceEvents(machine: Machine, names: readonly EventName[], write: (line: string) => void): () => void {
  const stops = names.map((name) => machine.events.on(name, (event) => write(eventLine(machine, name, event))));
  return () => stops.forEach((stop) => stop());
}
