// Things from outside that are not input: they happen at one exact state, and again whenever that comes.

import type { Machine } from "../machine.ts";
import { applyChange, type Change } from "./changes.ts";
import type { FullPosition } from "./checkpoints.ts";

/** What was done, and at which state. */
export type Act = FullPosition & ({ readonly kind: "reset" } | { readonly kind: "change"; readonly change: Change });

/** Do it (again). */
export function perform(machine: Machine, act: Act): void {
  if (act.kind === "reset") machine.reset();
  else applyChange(machine, act.change);
}
