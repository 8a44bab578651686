// The closed list of what can be observed. Nothing below knows who listens; an event without a listener costs
// one comparison on a path that is already slow, and nothing on a fast one.

import type { Access, Walk } from "./mmu/walk.ts";
import type { Privilege } from "./mmu/walk.ts";

/** 64-bit numbers come as signed 32-bit halves (`lo`, `hi`): listeners that want a BigInt use `wide`. */
export interface EventTypes {
  /** An exception was taken (after the CSRs were written). */
  trap: { hart: number; cause: number; from: Privilege; to: Privilege; pcLo: number; pcHi: number; valueLo: number; valueHi: number };
  /** An interrupt was taken; `cause` is its number. */
  interrupt: { hart: number; cause: number; from: Privilege; to: Privilege; pcLo: number; pcHi: number };
  /** mret or sret was executed; pc is where it goes on. */
  trapReturn: { hart: number; from: Privilege; to: Privilege; pcLo: number; pcHi: number };
  /** An address did not translate; `walk` is only good during the call. */
  pageFault: { hart: number; access: Access; lo: number; hi: number; walk: Walk };
  /** A translation was cached. */
  tlbFill: { hart: number; access: Access; lo: number; hi: number; ppn: number; level: number };
  /** sfence.vma; address and ASID are undefined where the operand was x0. */
  fence: { hart: number; lo: number | undefined; hi: number | undefined; asid: number | undefined };
  /** A CSR was written by an instruction. */
  csr: { hart: number; csr: number; lo: number; hi: number };
  /** A device register was read or written. */
  device: { name: string; kind: "read" | "write"; offset: number; size: number; value: number };
  /** An instruction is about to run (slow: the machine steps while somebody listens). */
  instruction: { hart: number; pcLo: number; pcHi: number };
  /** Something came from outside. */
  input: { at: number; kind: string };
}

export type EventName = keyof EventTypes;

/** Every event's name, for help texts and for checking what a user asks for. */
export const EVENT_NAMES: readonly EventName[] = ["trap", "interrupt", "trapReturn", "pageFault", "tlbFill", "fence", "csr", "device", "instruction", "input"];

type Sinks = { [N in EventName]: ((event: EventTypes[N]) => void) | undefined };

/** Publish by calling the property of that name when it is defined; subscribe with `on`. */
export class Events implements Sinks {
  trap: Sinks["trap"] = undefined;
  interrupt: Sinks["interrupt"] = undefined;
  trapReturn: Sinks["trapReturn"] = undefined;
  pageFault: Sinks["pageFault"] = undefined;
  tlbFill: Sinks["tlbFill"] = undefined;
  fence: Sinks["fence"] = undefined;
  csr: Sinks["csr"] = undefined;
  device: Sinks["device"] = undefined;
  instruction: Sinks["instruction"] = undefined;
  input: Sinks["input"] = undefined;
  /** Called when an event got its first listener or lost its last: for events whose publisher has to be switched on. */
  onChange: (name: EventName) => void = () => undefined;
  private listeners = new Map<EventName, ((event: never) => void)[]>();

  /** Listen; the result stops listening. */
  on<N extends EventName>(name: N, listener: (event: EventTypes[N]) => void): () => void {
    const list = this.listeners.get(name) ?? [];
    this.listeners.set(name, list);
    list.push(listener);
    this.connect(name);
    return () => {
      const at = list.indexOf(listener);
      if (at >= 0) list.splice(at, 1);
      this.connect(name);
    };
  }

  /**
   * Set all listeners aside, as for a stretch that is run again and that they have heard of. Those that come meanwhile
   * hear as ever, and are dropped when the result is called, which brings the others back.
   */
  quiet(): () => void {
    const aside = this.listeners;
    this.listeners = new Map();
    for (const name of aside.keys()) this.connect(name);
    return () => {
      const meanwhile = this.listeners;
      this.listeners = aside;
      for (const name of new Set([...meanwhile.keys(), ...aside.keys()])) this.connect(name);
    };
  }

  private connect<N extends EventName>(name: N): void {
    const list = (this.listeners.get(name) ?? []) as ((event: EventTypes[N]) => void)[];
    const sink = list.length === 0 ? undefined : (event: EventTypes[N]): void => list.forEach((l) => l(event));
    (this as { [K in N]: Sinks[K] })[name] = sink as Sinks[N];
    this.onChange(name);
  }
}

/** A BigInt (unsigned 64 bits) from halves. */
export const wide = (lo: number, hi: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
