// Changing what a row shows: a register, a CSR, or a number or pointer in memory.

import { CSR } from "../isa/csr-names.ts";
import { placeWrite, physicalSpace } from "../monitor/address-space.ts";
import type { Changes } from "../history/changes.ts";
import { floatRegisterNumber, registerNumber } from "../monitor/expression.ts";
import type { Monitor } from "../monitor/monitor.ts";
import type { Value } from "../monitor/symbols/value.ts";
import type { Row } from "./values.ts";

/** Longest thing that a number is put into, in bytes. */
const WORD = 8;

/** Give a row of a hart's innermost frame the value of an expression. Throws an Error of one line where that cannot be. */
export function assign(monitor: Monitor, changes: Changes, hart: number, row: Row, value: Value): void {
  const number = BigInt.asUintN(64, value.big());
  if (row.place === undefined) {
    assignRegister(changes, hart, row.expression ?? "", number);
    return;
  }
  const { address, length, physical } = row.place;
  if (length > WORD || row.inside !== undefined && !row.type.endsWith("*")) throw new Error(`${row.name} is no number`);
  const bytes = new Uint8Array(WORD);
  new DataView(bytes.buffer).setBigUint64(0, number, true);
  const space = monitor.look.present(monitor.machine.harts[hart]);
  const pieces = placeWrite(monitor.machine, physical === true ? physicalSpace : (va) => monitor.look.physical(space, va), address, bytes.subarray(0, length));
  if (pieces === undefined) throw new Error(`${row.name}: there is no memory to write there`);
  for (const { pa, bytes: piece } of pieces) changes.poke({ kind: "memory", pa, bytes: piece });
}

function assignRegister(changes: Changes, hart: number, expression: string, value: bigint): void {
  const name = expression.replace(/^\$/, "");
  const n = registerNumber(name);
  if (!expression.startsWith("$")) throw new Error("it is in no memory and in no register of its own");
  if (name === "pc") changes.poke({ kind: "pc", hart, value });
  else if (n !== undefined && n !== 0) changes.poke({ kind: "register", hart, n, value });
  else if (floatRegisterNumber(name) !== undefined) changes.poke({ kind: "float", hart, n: floatRegisterNumber(name)!, value });
  else if (CSR[name] !== undefined) changes.poke({ kind: "csr", hart, csr: CSR[name], value });
  else throw new Error(`${name} cannot be changed`);
}
