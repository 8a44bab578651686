// A run in the form of Spike's commit log (`spike --log-commits`): a line for each instruction that retired, with the
// register, CSR and memory that it changed. So a run can be compared with Spike's, or read by tools made for it.
//
//     core   0: 3 0x0000000080000004 (0x02028593) x11 0x0000000000001028 mem 0x0000000080001000

import type { EventTypes } from "../events.ts";
import { wide } from "../events.ts";
import { CSR, CSR_NAMES } from "../isa/csr-names.ts";
import { decode } from "../isa/decode.ts";
import { FORMATS } from "../isa/formats.ts";
import { expand } from "../isa/rvc.ts";
import { INSTRUCTIONS } from "../isa/table.ts";
import type { Machine } from "../machine.ts";
import { FETCH } from "../mmu/walk.ts";

const hex = (n: bigint | number, digits: number): string => `0x${n.toString(16).padStart(digits, "0")}`;

/** What an instruction that is under way will be said to have done. */
interface Started {
  readonly hart: number;
  /** The line up to the instruction word. */
  readonly head: string;
  readonly name: string;
  /** Destination register, and which file it is in; x0 stands for none. */
  readonly rd: number;
  readonly file: "x" | "f";
  /** Address that it loads from, stores to; bytes; what is stored, where that is known before. */
  readonly loads: bigint | undefined;
  readonly stores: bigint | undefined;
  readonly size: number;
  csr: string;
}

/** Write a commit log to `write`, line by line (with line ends). The result ends it. */
export function logCommits(machine: Machine, write: (line: string) => void): () => void {
  let started: Started | undefined;
  const finish = (): void => {
    if (started !== undefined) write(commitLine(machine, started));
    started = undefined;
  };
  const stops = [
    machine.events.on("instruction", (e) => {
      finish();
      started = start(machine, e);
    }),
    machine.events.on("csr", (e) => {
      if (started?.hart === e.hart) started.csr = csrText(e.csr, wide(e.lo, e.hi));
    }),
    machine.events.on("interrupt", finish),
    machine.events.on("trap", () => { started = undefined; }), // what traps does not retire
  ];
  return () => {
    finish();
    stops.forEach((stop) => stop());
  };
}

const csrText = (csr: number, value: bigint): string => ` c${csr}_${CSR_NAMES.get(csr) ?? "unknown"} ${hex(value, 16)}`;

function start(machine: Machine, e: EventTypes["instruction"]): Started | undefined {
  const pc = wide(e.pcLo, e.pcHi);
  const low = machine.inspect.virtual(e.hart, pc, 2, FETCH);
  if (low === undefined) return undefined;
  let raw = low[0]! | (low[1]! << 8);
  const compressed = (raw & 3) !== 3;
  if (!compressed) {
    const high = machine.inspect.virtual(e.hart, pc + 2n, 2, FETCH);
    if (high === undefined) return undefined;
    raw |= (high[0]! << 16) | (high[1]! << 24);
  }
  const word = compressed ? expand(raw) : raw;
  const { name, format } = INSTRUCTIONS[decode(word)]!;
  const f = FORMATS[format];
  const { x, privilege } = machine.inspect.registers(e.hart);
  const base = x[(word >>> 15) & 31]!;
  const at = format === "load" || format === "S" || format === "floadI" || format === "fstoreS" ? BigInt.asUintN(64, base + BigInt(f.imm(word))) : format === "amo" ? base : undefined;
  return {
    hart: e.hart,
    head: `core ${String(e.hart).padStart(3)}: ${privilege} ${hex(pc, 16)} (${hex(raw >>> 0, compressed ? 4 : 8)})`,
    name,
    rd: f.rd ? (word >>> 7) & 31 : 0,
    file: f.rd ?? "x",
    loads: format === "load" || format === "floadI" || (format === "amo" && !name.startsWith("sc.")) ? at : undefined,
    stores: format === "S" || format === "fstoreS" || (format === "amo" && !name.startsWith("lr.")) ? at : undefined,
    size: 1 << ((word >>> 12) & 3),
    csr: "",
  };
}

function commitLine(machine: Machine, s: Started): string {
  let line = s.head;
  const { x } = machine.inspect.registers(s.hart);
  if (s.file === "f") line += ` f${String(s.rd).padEnd(2)} ${hex(machine.inspect.floatRegisters(s.hart)[s.rd]!, 16)}`;
  else if (s.rd !== 0) line += ` x${String(s.rd).padEnd(2)} ${hex(x[s.rd]!, 16)}`;
  line += s.csr;
  if (s.name === "mret" || s.name === "sret") line += csrText(CSR["mstatus"]!, machine.inspect.csr(s.hart, "mstatus"));
  if (s.loads !== undefined) line += ` mem ${hex(s.loads, 16)}`;
  const failed = s.name.startsWith("sc.") && x[s.rd] !== 0n;
  if (s.stores !== undefined && !failed) line += ` mem ${hex(s.stores, 16)} ${stored(machine, s)}`;
  return `${line}\n`;
}

/** What lies now where the instruction stored. */
function stored(machine: Machine, { hart, stores, size }: Started): string {
  const bytes = machine.inspect.virtual(hart, stores!, size);
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes?.[i] ?? 0);
  return hex(value, 2 * size);
}
