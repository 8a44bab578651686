// Changes that a debugger makes to a machine from outside.

import type { State } from "../bus.ts";
import type { Fields } from "../devices/state.ts";
import { writeCsr } from "../hart/csrs.ts";
import { CSR_NAMES } from "../isa/csr-names.ts";
import type { Machine } from "../machine.ts";
import type { Privilege } from "../mmu/walk.ts";

/** One change. Values are 64 bits, unsigned. */
export type Change =
  | { readonly kind: "memory"; readonly pa: number; readonly bytes: Uint8Array }
  /** x1 … x31. */
  | { readonly kind: "register"; readonly hart: number; readonly n: number; readonly value: bigint }
  /** f0 … f31. */
  | { readonly kind: "float"; readonly hart: number; readonly n: number; readonly value: bigint }
  | { readonly kind: "pc"; readonly hart: number; readonly value: bigint }
  /** As csrw would write it; `csr` is its address. */
  | { readonly kind: "csr"; readonly hart: number; readonly csr: number; readonly value: bigint }
  | { readonly kind: "privilege"; readonly hart: number; readonly value: Privilege };

/** Where changes go: the history (which replays them), or a bare machine. */
export interface Changes {
  poke(change: Change): void;
}

const low = (value: bigint): number => Number(BigInt.asIntN(32, value));
const high = (value: bigint): number => Number(BigInt.asIntN(32, value >> 32n));

/** Make a change. Throws an Error of one line when it cannot be. */
export function applyChange(machine: Machine, change: Change): void {
  if (change.kind === "memory") {
    if (!machine.memory.write(change.pa, change.bytes, "host")) throw new Error("there is no memory to write there");
    return;
  }
  const h = machine.harts[change.hart];
  if (h === undefined) throw new Error(`there is no hart ${change.hart}`);
  switch (change.kind) {
    case "register": return h.setRegister(change.n, low(change.value), high(change.value));
    case "float": return h.setFloat(change.n, low(change.value), high(change.value));
    case "pc": return h.setPc(low(change.value), high(change.value));
    case "csr":
      if (!CSR_NAMES.has(change.csr)) throw new Error(`there is no CSR 0x${change.csr.toString(16)}`);
      return writeCsr(h, change.csr, low(change.value), high(change.value));
    case "privilege":
      h.privilege = change.value;
      h.refreshContext();
  }
}

/** Changes to a machine that keeps no history. */
export const directChanges = (machine: Machine): Changes => ({ poke: (change) => applyChange(machine, change) });

/** Can a change be made to a machine like this one? */
export function fits({ memory, harts }: Machine, c: Change): boolean {
  if (c.kind === "memory") return memory.host(c.pa, c.bytes.length) >= 0;
  return c.hart < harts.length && (c.kind !== "csr" || CSR_NAMES.has(c.csr));
}

/** A change as it stands in a recording. */
export const changeState = (c: Change): State => (c.kind === "memory" ? { ...c } : { ...c, value: c.value.toString(16) });

/** The same, read. Throws an Error when it is none. */
export function readChange(f: Fields): Change {
  const kind = f.value("kind");
  if (kind === "memory") return { kind, pa: f.number("pa", 2 ** 53), bytes: f.bytes("bytes", 0, 2 ** 32) };
  const hart = f.number("hart");
  const text = f.value("value");
  if (typeof text !== "string" || !/^[0-9a-f]{1,16}$/.test(text)) throw new Error("a change has no value");
  const value = BigInt(`0x${text}`);
  switch (kind) {
    case "register":
    case "float": return { kind, hart, n: f.number("n", 31), value };
    case "pc": return { kind, hart, value };
    case "csr": return { kind, hart, csr: f.number("csr", 0xfff), value };
    case "privilege":
      if (value !== 0n && value !== 1n && value !== 3n) throw new Error("a change to a privilege that does not exist");
      return { kind, hart, value: Number(value) as Privilege };
    default: throw new Error("a change of no known kind");
  }
}
