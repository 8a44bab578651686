// Changes that a debugger makes to a machine from outside.

import { writeCsr } from "../hart/csrs.ts";
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
    case "csr": return writeCsr(h, change.csr, low(change.value), high(change.value));
    case "privilege":
      h.privilege = change.value;
      h.refreshContext();
  }
}

/** Changes to a machine that keeps no history. */
export const directChanges = (machine: Machine): Changes => ({ poke: (change) => applyChange(machine, change) });
