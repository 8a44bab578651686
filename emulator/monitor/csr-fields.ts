// Fields of the control and status registers in words (Privileged ISA): what `csr` prints beside the number.

import { exceptionName, interruptName } from "../hart/cause-names.ts";
import { ROUNDING_NAMES } from "../isa/disassemble.ts";
import { hex } from "./format.ts";

/** A field: its name, lowest bit, width, and what its values are called. */
type Field = readonly [name: string, bit: number, width: number, values?: readonly string[]];

const MODES = ["user", "supervisor", "2", "machine"] as const;
const SPP = ["user", "supervisor"] as const;
const FS = ["off", "initial", "clean", "dirty"] as const;

const SSTATUS: readonly Field[] = [
  ["SIE", 1, 1], ["SPIE", 5, 1], ["SPP", 8, 1, SPP], ["FS", 13, 2, FS], ["SUM", 18, 1], ["MXR", 19, 1], ["UXL", 32, 2], ["SD", 63, 1],
];
const MSTATUS: readonly Field[] = [
  ["SIE", 1, 1], ["MIE", 3, 1], ["SPIE", 5, 1], ["MPIE", 7, 1], ["SPP", 8, 1, SPP], ["MPP", 11, 2, MODES], ["FS", 13, 2, FS], ["MPRV", 17, 1],
  ["SUM", 18, 1], ["MXR", 19, 1], ["TVM", 20, 1], ["TW", 21, 1], ["TSR", 22, 1], ["UXL", 32, 2], ["SXL", 34, 2], ["SD", 63, 1],
];
const INTERRUPTS: readonly Field[] = [["SSI", 1, 1], ["MSI", 3, 1], ["STI", 5, 1], ["MTI", 7, 1], ["SEI", 9, 1], ["MEI", 11, 1]];
const COUNTERS: readonly Field[] = [["CY", 0, 1], ["TM", 1, 1], ["IR", 2, 1]];

/** Flags of a floating-point operation, and its rounding modes. */
const FLAGS: readonly Field[] = [["NV", 4, 1], ["DZ", 3, 1], ["OF", 2, 1], ["UF", 1, 1], ["NX", 0, 1]];
const rounding = (bit: number): Field => ["frm", bit, 3, ROUNDING_NAMES.map((name, n) => (n > 4 ? "reserved" : name))];

const FIELDS: Readonly<Record<string, readonly Field[]>> = {
  mstatus: MSTATUS, sstatus: SSTATUS, mie: INTERRUPTS, mip: INTERRUPTS, sie: INTERRUPTS, sip: INTERRUPTS, mideleg: INTERRUPTS,
  fflags: FLAGS, frm: [rounding(0)], fcsr: [rounding(5), ...FLAGS],
  mcounteren: COUNTERS, scounteren: COUNTERS, menvcfg: [["FIOM", 0, 1], ["STCE", 63, 1]], senvcfg: [["FIOM", 0, 1]],
};

const PMP_MODES = ["off", "TOR", "NA4", "NAPOT"] as const;

/** What the value of a CSR says, in words; "" where there is nothing to add to the number. */
export function describeCsr(name: string, value: bigint): string {
  const special = SPECIAL[name];
  if (special !== undefined) return special(value);
  const fields = FIELDS[name];
  if (fields === undefined) return name.startsWith("pmpcfg") ? pmpConfig(Number(name.slice(6)), value) : "";
  return fields.flatMap(([field, bit, width, values]) => {
    const v = Number((value >> BigInt(bit)) & ((1n << BigInt(width)) - 1n));
    if (values !== undefined) return [`${field}=${values[v]}`];
    return v === 0 ? [] : [width === 1 ? field : `${field}=${v}`];
  }).join(" ");
}

const cause = (value: bigint): string => {
  const code = Number(value & 0xfffn);
  return value >> 63n !== 0n ? interruptName(code) : exceptionName(code);
};
const vector = (value: bigint): string => `${(value & 1n) !== 0n ? "vectored" : "direct"}, base ${hex(value & ~3n)}`;

const SPECIAL: Readonly<Record<string, (value: bigint) => string>> = {
  mcause: cause, scause: cause, mtvec: vector, stvec: vector,
  satp: (v) => (v >> 60n === 8n ? `Sv39, ASID ${(v >> 44n) & 0xffffn}, root table ${hex((v & ((1n << 44n) - 1n)) << 12n)}` : v === 0n ? "Bare: no translation" : "no mode of this machine"),
  medeleg: (v) => Array.from({ length: 16 }, (_, i) => i).filter((i) => ((v >> BigInt(i)) & 1n) !== 0n).map(exceptionName).join(", "),
  misa: (v) => `RV64${Array.from({ length: 26 }, (_, i) => ((v >> BigInt(i)) & 1n ? String.fromCharCode(65 + i) : "")).join("")}`,
  stimecmp: (v) => (v === 2n ** 64n - 1n ? "never" : ""),
};

/** The eight entries of one pmpcfg register. */
function pmpConfig(first: number, value: bigint): string {
  return Array.from({ length: 8 }, (_, i) => {
    const c = Number((value >> BigInt(8 * i)) & 0xffn);
    const mode = PMP_MODES[(c >> 3) & 3]!;
    return mode === "off" ? "" : `${4 * first + i}: ${mode} ${c & 1 ? "r" : "-"}${c & 2 ? "w" : "-"}${c & 4 ? "x" : "-"}${c & 0x80 ? " locked" : ""}`;
  }).filter((s) => s !== "").join(", ");
}
