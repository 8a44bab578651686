// What names stand for at a place of a program: the variables of a call, then the program's own and the kernel's,
// registers, types.

import { CSR } from "../isa/csr-names.ts";
import { floatRegisterNumber, registerNumber } from "./expression.ts";
import type { Monitor } from "./monitor.ts";
import type { StackFrame } from "./symbols/backtrace.ts";
import type { Scope } from "./symbols/c-expression.ts";
import { SymbolsError } from "./symbols/errors.ts";
import { Value } from "./symbols/value.ts";
import type { Variable } from "./symbols/variables.ts";

/** The variables of one of a stack frame's functions: `level` 0 is the innermost. Outer blocks come first. */
export function variablesOfCall({ symbols, frame, read }: StackFrame, level: number): Variable[] {
  return symbols?.variablesAt(frame, read).filter((v) => v.level === level) ?? [];
}

/** What names stand for in a call. `hart` is whose CSRs are meant; undefined where none runs it. Its methods throw SymbolsError. */
export function frameScope(m: Monitor, stack: StackFrame, level: number, hart: number | undefined): Scope {
  const { symbols, read } = stack;
  const { kernel } = m.symbols;
  const constant = (name: string): Value | undefined => {
    const found = symbols?.enumerator(name) ?? kernel?.enumerator(name);
    return found === undefined ? undefined : Value.of(found.type, littleEndian(found.value), read);
  };
  return {
    read,
    variable: (name) => {
      const local = variablesOfCall(stack, level).findLast((v) => v.name === name);
      if (local !== undefined && local.value === undefined) throw new SymbolsError(`${name}: ${local.problem ?? "optimised out"}`);
      return local?.value ?? symbols?.value(name, read) ?? kernel?.value(name, m.look.kernelReader) ?? constant(name);
    },
    register: (name) => {
      if (name === "pc") return stack.frame.pc;
      const n = registerNumber(name);
      if (n !== undefined) return stack.frame.x[n];
      const f = floatRegisterNumber(name);
      if (hart !== undefined && f !== undefined) return m.machine.inspect.floatRegisters(hart)[f];
      return hart !== undefined && Object.hasOwn(CSR, name) ? m.machine.inspect.csr(hart, name) : undefined;
    },
    type: (name) => symbols?.type(name) ?? kernel?.type(name),
  };
}

function littleEndian(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt.asIntN(64, value), true);
  return bytes;
}
