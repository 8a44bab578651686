// Exceptions that are no page faults (those are in fault-log.ts) and no system calls: access faults, misaligned addresses,
// illegal instructions, breakpoints. The latest are kept; they are rare, so each is a plain object.

import { wide, type EventTypes } from "../../events.ts";
import type { Machine } from "../../machine.ts";
import { USER, type Privilege } from "../../mmu/walk.ts";
import type { KernelView } from "../kernel-view/kernel-view.ts";

/** Exceptions that are kept. */
const KEPT = 1024;
/** Causes that others see to: calls (8 to 11), page faults (12, 13, 15). */
const OTHERS = new Set([8, 9, 10, 11, 12, 13, 15]);

/** One exception. 64-bit numbers unsigned. */
export interface Exception {
  readonly moment: number;
  readonly hart: number;
  readonly cause: number;
  readonly privilege: Privilege;
  readonly pc: bigint;
  /** What stval or mtval says: the address, or the instruction. */
  readonly value: bigint;
  /** What ran on the hart; 0 when nothing did, or it is not known. */
  readonly pid: number;
}

export class TrapLog {
  private list: Exception[] = [];
  /** Those that have not been returned from, by who would return: the process, or for code that is not a program's the hart. */
  private readonly open = new Map<number, Exception>();
  private readonly stops: readonly (() => void)[];

  constructor(machine: Machine, view: KernelView) {
    const key = (hart: number, privilege: Privilege): number => (privilege === USER ? (view.probe?.pidOf(hart) ?? 0) : -1 - hart);
    const heard = (e: EventTypes["trap"]): void => {
      if (OTHERS.has(e.cause)) return;
      const { moment } = machine;
      const last = this.list.at(-1);
      // Time that is passed through again says nothing new; another course of time ends what was known of the old one.
      if (last !== undefined && last.moment >= moment) {
        if (this.list.some((x) => x.moment === moment)) return;
        this.list = this.list.filter((x) => x.moment < moment);
      }
      const exception: Exception = {
        moment, hart: e.hart, cause: e.cause, privilege: e.from, pc: wide(e.pcLo, e.pcHi), value: wide(e.valueLo, e.valueHi), pid: view.probe?.pidOf(e.hart) ?? 0,
      };
      this.list.push(exception);
      this.open.set(key(e.hart, e.from), exception);
      if (this.list.length > 2 * KEPT) this.list.splice(0, KEPT);
    };
    this.stops = [
      machine.events.on("trap", heard),
      machine.events.on("trapReturn", (e) => { if (this.open.size > 0) this.open.delete(key(e.hart, e.to)); }),
    ];
  }

  close(): void {
    for (const stop of this.stops) stop();
  }

  /** Has nobody returned from it yet? */
  isOpen(e: Exception): boolean {
    for (const open of this.open.values()) if (open.moment === e.moment) return true;
    return false;
  }

  /** Exceptions before a moment, the latest first. */
  *backwards(moment = Infinity): Generator<Exception> {
    for (let i = this.list.length - 1; i >= 0; i--) if (this.list[i]!.moment < moment) yield this.list[i]!;
  }
}
