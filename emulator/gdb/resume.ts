// The packets that set the machine going, as orders: c, C, s, S, vCont, bc, bs. All harts go along with any of them:
// on a deterministic machine they take turns, whichever of them gdb means.

import type { Debugger } from "../history/debugger.ts";
import { hexNumber } from "./hex.ts";

/** What gdb wants to happen until the next stop. */
export type Order =
  | { readonly kind: "continue" | "reverse-continue" }
  | { readonly kind: "step" | "reverse-step"; readonly hart: number }
  /** Steps until the pc is outside [from, to). */
  | { readonly kind: "step-range"; readonly hart: number; readonly from: bigint; readonly to: bigint };

/** Begin it. Throws an Error of one line when there is no going back. */
export function begin(order: Order, d: Debugger): void {
  switch (order.kind) {
    case "continue": return d.continue();
    case "step": return d.step({ hart: order.hart });
    case "step-range": return d.stepRange(order.from, order.to, order.hart);
    case "reverse-continue": return d.rcontinue();
    case "reverse-step": return d.rstep({ hart: order.hart });
  }
}

/** What vCont can do, for gdb. */
export const VCONT_ACTIONS = "vCont;c;C;s;S;r";

/** An order, and where a `c` or `s` packet wants to go on (it may name an address). */
export interface Resumption {
  readonly order: Order;
  readonly at?: bigint;
}

/** The hart that a thread id names: `fallback` for "any", "all" or none; undefined when there is no such hart. */
export function parseThread(text: string, harts: number, fallback: number): number | undefined {
  if (text === "" || text === "-1") return fallback;
  if (!/^[0-9a-f]{1,4}$/i.test(text)) return undefined;
  const thread = parseInt(text, 16);
  if (thread === 0) return fallback;
  return thread <= harts ? thread - 1 : undefined;
}

/** Reads a resume packet; undefined when it is none that can be carried out. `current` is the hart that H chose. */
export function parseResume(text: string, harts: number, current: number): Resumption | undefined {
  if (text === "bc") return { order: { kind: "reverse-continue" } };
  if (text === "bs") return { order: { kind: "reverse-step", hart: current } };
  if (text.startsWith("vCont;")) return parseVCont(text.slice(6), harts, current);
  const [, letter, rest] = /^([cCsS])(.*)$/s.exec(text) ?? [];
  if (letter === undefined) return undefined;
  const address = "CS".includes(letter) ? rest!.replace(/^[0-9a-f]{2};?/i, "") : rest!;
  const order: Order = letter.toLowerCase() === "c" ? { kind: "continue" } : { kind: "step", hart: current };
  if (address === "") return { order };
  const at = hexNumber(address);
  return at === undefined ? undefined : { order, at };
}

/** The first action that steps decides; without one, the machine continues. */
function parseVCont(actions: string, harts: number, current: number): Resumption | undefined {
  let order: Order | undefined;
  for (const action of actions.split(";")) {
    const [what, thread = ""] = action.split(":", 2) as [string, string?];
    const hart = parseThread(thread, harts, current);
    if (hart === undefined) return undefined;
    const next = parseAction(what, hart);
    if (next === undefined) return undefined;
    if (order === undefined || (order.kind === "continue" && next.kind !== "continue")) order = next;
  }
  return order === undefined ? undefined : { order };
}

function parseAction(what: string, hart: number): Order | undefined {
  if (/^(c|C[0-9a-f]{2})$/i.test(what) && /^[cC]/.test(what)) return { kind: "continue" };
  if (/^(s|S[0-9a-f]{2})$/.test(what)) return { kind: "step", hart };
  const [, start, end] = /^r([0-9a-f]+),([0-9a-f]+)$/i.exec(what) ?? [];
  const [from, to] = [hexNumber(start ?? ""), hexNumber(end ?? "")];
  return from === undefined || to === undefined ? undefined : { kind: "step-range", hart, from, to };
}
