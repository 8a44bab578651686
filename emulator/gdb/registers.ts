// The registers that gdb sees, with gdb's own numbers (gdb's riscv-tdep.h), and the XML that describes them to it:
// x0–x31 and pc, f0–f31 with fflags, frm and fcsr, the other CSRs, and the virtual register `priv`.

import { CSR } from "../isa/csr-names.ts";
import { FLOAT_REGISTER_NAMES, REGISTER_NAMES } from "../isa/disassemble.ts";
import type { Machine } from "../machine.ts";

/** What a register number stands for. */
export type RegisterPlace =
  | { readonly kind: "x"; readonly n: number }
  | { readonly kind: "f"; readonly n: number }
  | { readonly kind: "pc" }
  | { readonly kind: "csr"; readonly name: string }
  /** The privilege level: 0 user, 1 supervisor, 3 machine. */
  | { readonly kind: "priv" };

const PC = 32;
const FIRST_FLOAT = 33;
const FIRST_CSR = 65;
const PRIV = FIRST_CSR + 4096;
/** x0–x31 and pc: what a `g` packet holds. gdb asks for each of the others when it wants it. */
export const GENERAL_COUNT = 33;
/** The registers that each stop tells at once, because gdb asks for them anyway: ra, sp, fp, pc. */
export const EXPEDITED: readonly number[] = [1, 2, 8, PC];

/** Counters beyond the three standard ones do not count on this machine, and their 87 zeros would drown the rest. */
const isIdleCounter = (name: string): boolean => /hpm(counter|event)/.test(name);
const SHOWN_CSRS = Object.entries(CSR).filter(([name]) => !isIdleCounter(name)).sort(([, a], [, b]) => a - b);
const CSR_BY_REGISTER = new Map(SHOWN_CSRS.map(([name, number]) => [FIRST_CSR + number, name]));

/** What register `number` is; undefined where the description names none. */
export function registerPlace(number: number): RegisterPlace | undefined {
  if (number === PC) return { kind: "pc" };
  if (number >= 0 && number < PC) return { kind: "x", n: number };
  if (number >= FIRST_FLOAT && number < FIRST_CSR) return { kind: "f", n: number - FIRST_FLOAT };
  if (number === PRIV) return { kind: "priv" };
  const name = CSR_BY_REGISTER.get(number);
  return name === undefined ? undefined : { kind: "csr", name };
}

const register = (name: string, number: number, type: string, extra = ""): string =>
  `    <reg name="${name}" bitsize="64" regnum="${number}" type="${type}"${extra}/>\n`;

const feature = (name: string, registers: readonly string[]): string => `  <feature name="org.gnu.gdb.riscv.${name}">\n${registers.join("")}  </feature>\n`;

/** These belong to the floating-point unit and not to the CSRs; gdb knows their names. */
const FLOAT_CSRS: readonly string[] = ["fflags", "frm", "fcsr"];

/** gdb calls s0 by its other name. */
const gdbName = (name: string): string => (name === "s0" ? "fp" : name);
const TYPES: Readonly<Record<string, string>> = { ra: "code_ptr", sp: "data_ptr", gp: "data_ptr", tp: "data_ptr", fp: "data_ptr" };

/** The target description (Debugging with GDB, appendix G), as gdb asks for it under the name target.xml. */
export function targetXml(): string {
  const general = REGISTER_NAMES.map((name, n) => register(gdbName(name), n, TYPES[gdbName(name)] ?? "int"));
  const floats = FLOAT_REGISTER_NAMES.map((name, n) => register(name, FIRST_FLOAT + n, "ieee_double"));
  const floatCsrs = FLOAT_CSRS.map((name) => register(name, FIRST_CSR + CSR[name]!, "int"));
  const csrs = SHOWN_CSRS.filter(([name]) => !FLOAT_CSRS.includes(name)).map(([name, number]) => register(name, FIRST_CSR + number, "uint64", ' group="csr"'));
  return `<?xml version="1.0"?>
<!DOCTYPE target SYSTEM "gdb-target.dtd">
<target version="1.0">
  <architecture>riscv:rv64</architecture>
${feature("cpu", [...general, register("pc", PC, "code_ptr")])}${feature("fpu", [...floats, ...floatCsrs])}${feature("csr", csrs)}${feature("virtual", [register("priv", PRIV, "int")])}</target>
`;
}

/** Sv39 has two halves of 256 GiB with nothing between them; where translation is off, everything lies in the lower one. */
const HALF = 1n << 38n;

/**
 * The memory map (Debugging with GDB, "Memory Map Format"). It speaks of the addresses that gdb uses, which are virtual:
 * what is RAM, device or absent there changes with satp, so each half is memory, and the packets say what cannot be read.
 */
export function memoryMapXml(): string {
  const region = (start: bigint): string => `  <memory type="ram" start="0x${start.toString(16)}" length="0x${HALF.toString(16)}"/>\n`;
  return `<?xml version="1.0"?>
<!DOCTYPE memory-map PUBLIC "+//IDN gnu.org//DTD GDB Memory Map V1.0//EN" "http://sourceware.org/gdb/gdb-memory-map.dtd">
<memory-map>
${region(0n)}${region((1n << 64n) - HALF)}</memory-map>
`;
}

/** Value of a register by gdb's number; undefined where there is none. */
export function readRegister(machine: Machine, hart: number, number: number): bigint | undefined {
  const place = registerPlace(number);
  if (place === undefined) return undefined;
  if (place.kind === "csr") return machine.inspect.csr(hart, place.name);
  if (place.kind === "f") return machine.inspect.floatRegisters(hart)[place.n];
  const { x, pc, privilege } = machine.inspect.registers(hart);
  return place.kind === "x" ? x[place.n] : place.kind === "pc" ? pc : BigInt(privilege);
}
