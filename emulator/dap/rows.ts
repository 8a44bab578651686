// The tables that a debug client opens beside a stack frame: registers, control and status registers, the page table.

import { CSR } from "../isa/csr-names.ts";
import { FLOAT_REGISTER_NAMES, REGISTER_NAMES } from "../isa/disassemble.ts";
import { describeCsr } from "../monitor/csr-fields.ts";
import { floatText } from "../monitor/float-text.ts";
import type { Monitor } from "../monitor/monitor.ts";
import { canonical, readPte } from "../monitor/page-table.ts";
import { extraBits, flagLetters, kindOf, leadsTo, spanOf, targetOf } from "../monitor/pte.ts";
import type { Frame } from "../monitor/symbols/frame.ts";
import type { Row } from "./values.ts";

const hex = (n: bigint | number, width = 0): string => `0x${n.toString(16).padStart(width, "0")}`;

/** The registers of a frame; what a caller's frame has lost is said to be. */
export function registerRows(monitor: Monitor, frame: Frame): Row[] {
  const value = (v: bigint | undefined): string => {
    if (v === undefined) return "<not saved>";
    const name = monitor.naming.kernelName(v);
    return hex(v, 16) + (name === "" ? "" : ` ${name}`);
  };
  const row = (name: string, v: bigint | undefined): Row => ({ name, value: value(v), type: "unsigned long", expression: `$${name}` });
  return [row("pc", frame.pc), ...REGISTER_NAMES.map((name, n) => row(name, frame.x[n]))];
}

/** The floating-point registers of a hart: in a caller's frame they may have been others. */
export const floatRows = (monitor: Monitor, hart: number): Row[] =>
  monitor.machine.inspect.floatRegisters(hart).map((bits, n) => {
    const name = FLOAT_REGISTER_NAMES[n]!;
    return { name, value: `${hex(bits, 16)} ${floatText(bits)}`, type: "double", expression: `$${name}` };
  });

/** CSRs of a hart, the ones that count nothing left out. */
export function csrRows(monitor: Monitor, hart: number): Row[] {
  const names = Object.keys(CSR).filter((name) => !/hpm/.test(name) && !name.startsWith("pmpaddr"));
  return names.map((name) => {
    const value = monitor.machine.inspect.csr(hart, name);
    const words = describeCsr(name, value);
    return { name, value: hex(value, 16) + (words === "" ? "" : ` ${words}`), type: "csr", expression: `$${name}` };
  });
}

/** The entries of the page table with its root in page `root` that are not zero, each opening into the table it points to. */
export const pageTableRows = (monitor: Monitor, root: number): Row[] => tableRows(monitor, root * 4096, 2, 0n);

/** `level` gets less with each table, so a table that points to itself ends, too. */
function tableRows(monitor: Monitor, table: number, level: number, base: bigint): Row[] {
  const rows: Row[] = [];
  const span = BigInt(spanOf(level));
  for (let index = 0; index < 512; index++) {
    const address = table + 8 * index;
    const raw = readPte(monitor.machine, address);
    if (raw === undefined) return [{ name: "…", value: `there is no memory at ${hex(address)}`, type: "" }];
    if (raw === 0n) continue;
    const from = base + BigInt(index) * span;
    const start = canonical(from);
    rows.push({
      name: `[${index}] ${hex(start, 10)}-${hex(canonical(from + span - 1n), 10)}`,
      value: `${flagLetters(raw)}${extraBits(raw)} -> ${leadsTo(raw, level)}`,
      type: `entry of level ${level} at ${hex(address)}: ${hex(raw, 16)}`,
      place: { address: BigInt(address), length: 8, physical: true },
      ...(kindOf(raw, level) === "table" ? { inside: () => tableRows(monitor, targetOf(raw), level - 1, from) } : {}),
    });
  }
  return rows;
}
