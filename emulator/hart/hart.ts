// One hart: its state page, privilege, MMU, pending interrupts, and the accounting of steps and time.
// CSRs are in csrs.ts, trap entry and return in trap.ts, system instructions in system.ts.

import type { Alarm, Clock } from "../clock.ts";
import type { Events } from "../events.ts";
import { Mmu } from "../mmu/mmu.ts";
import type { PhysicalMemory } from "../mmu/physical.ts";
import { MACHINE, type Privilege } from "../mmu/walk.ts";
import { BUDGET, F, HART_STRIDE, NEXT_PC, PC, SLOT, STATE_WORDS, X, X_SINK } from "./layout.ts";
import { STATUS_FS, STATUS_MPP, STATUS_MPP_SHIFT, STATUS_MPRV, STATUS_MXR, STATUS_SUM, STI } from "./bits.ts";
import { updateTimer } from "./csrs.ts";
import { raiseException } from "./trap.ts";

/** The timebase counter that `time` reads and stimecmp is compared with (mtime of the CLINT); unsigned halves. */
export interface TimeSource {
  readonly lo: number;
  readonly hi: number;
  reached(lo: number, hi: number): boolean;
  /** When (ns) the counter gets to hi:lo; Infinity when never. */
  momentOf(lo: number, hi: number): number;
  /** Told when the guest has set the counter. */
  onJump(listener: () => void): void;
}

export class Hart {
  readonly id: number;
  /** Byte offset of the hart's block in the machine's memory. */
  readonly base: number;
  readonly words: Int32Array;
  readonly mmu: Mmu;
  readonly events: Events;
  readonly time: TimeSource;
  privilege: Privilege = MACHINE;
  /** Interrupt lines from outside, as mip bits; and the bits that software wrote into mip. */
  lines = 0;
  softPending = 0;
  /** In WFI. */
  waiting = false;
  /** Instructions retired and steps taken (retired + trapped) before the current slice. */
  steps = 0;
  traps = 0;
  /** Steps granted to the engine in the current slice; what it still has is BUDGET plus `held`. */
  granted = 0;
  held = 0;
  /** 1 while an instruction is under way that the engine has counted as a step, 0 during its fetch and between instructions. */
  counted: 0 | 1 = 0;
  /** Called when an interrupt becomes pending while the hart waits. */
  onWake: () => void = () => undefined;
  readonly timer: Alarm;

  constructor(id: number, memory: PhysicalMemory, clock: Clock, time: TimeSource, events: Events) {
    this.id = id;
    this.base = id * HART_STRIDE;
    this.words = memory.words;
    this.events = events;
    this.time = time;
    this.mmu = new Mmu(memory, this.base, id, events, (cause, lo, hi) => raiseException(this, cause, lo, hi));
    this.timer = clock.alarm(`hart${id}.stimecmp`, () => this.setLine(STI, true));
    time.onJump(() => updateTimer(this));
    this.reset(0, 0);
  }

  /** State at power-on: machine mode, pc at the reset vector. */
  reset(pcLo: number, pcHi: number): void {
    const w = this.base >> 2;
    this.words.fill(0, w, w + STATE_WORDS);
    this.words[w + (PC >> 2)] = pcLo;
    this.words[w + (PC >> 2) + 1] = pcHi;
    this.set(SLOT.mstatus, 0, 0xa); // UXL = SXL = 2: 64-bit
    this.set(SLOT.stimecmp, -1, -1);
    this.privilege = MACHINE;
    this.lines &= ~STI;
    this.softPending = 0;
    this.waiting = false;
    this.steps = this.traps = this.granted = this.held = this.counted = 0;
    this.timer.cancel();
    this.mmu.pmp.reset();
    this.mmu.tlb.reset();
    this.mmu.reservedAddress = -1;
    this.mmu.reservedSize = 0;
    this.refreshContext();
  }

  /** Choose the TLB sets for the privilege, satp and mstatus that are in force now. */
  refreshContext(): void {
    const status = this.low(SLOT.mstatus);
    const data = (status & STATUS_MPRV) !== 0 ? (((status & STATUS_MPP) >> STATUS_MPP_SHIFT) as Privilege) : this.privilege;
    this.mmu.setContext(this.privilege, data, this.low(SLOT.satp), this.high(SLOT.satp), (status & STATUS_SUM) !== 0, (status & STATUS_MXR) !== 0);
  }

  /** Low word of a stored CSR: `low(SLOT.mstatus)`. Numbers, not names, because this is on the path of every trap. */
  low(slot: number): number {
    return this.words[(this.base >> 2) + slot]!;
  }

  high(slot: number): number {
    return this.words[(this.base >> 2) + slot + 1]!;
  }

  set(slot: number, lo: number, hi: number): void {
    const i = (this.base >> 2) + slot;
    this.words[i] = lo;
    this.words[i + 1] = hi;
  }

  get pcLo(): number {
    return this.words[(this.base + PC) >> 2]!;
  }

  get pcHi(): number {
    return this.words[((this.base + PC) >> 2) + 1]!;
  }

  setPc(lo: number, hi: number): void {
    const i = (this.base + PC) >> 2;
    this.words[i] = lo;
    this.words[i + 1] = hi;
  }

  get nextPcLo(): number {
    return this.words[(this.base + NEXT_PC) >> 2]!;
  }

  get nextPcHi(): number {
    return this.words[((this.base + NEXT_PC) >> 2) + 1]!;
  }

  /** Word index of register x`n`'s low half; a write to x0 goes to the sink. */
  registerIndex(n: number): number {
    return ((this.base + X) >> 2) + 2 * n;
  }

  setRegister(n: number, lo: number, hi: number): void {
    const i = this.registerIndex(n === 0 ? X_SINK : n);
    this.words[i] = lo;
    this.words[i + 1] = hi;
  }

  /** Word index of floating-point register f`n`'s low half. */
  floatIndex(n: number): number {
    return ((this.base + F) >> 2) + 2 * n;
  }

  /** Floating-point state has changed: mstatus.FS becomes Dirty, but not when it is Off (only a debugger changes it then). */
  touchFloat(): void {
    const status = this.low(SLOT.mstatus);
    if ((status & STATUS_FS) !== 0) this.set(SLOT.mstatus, status | STATUS_FS, this.high(SLOT.mstatus));
  }

  setFloat(n: number, lo: number, hi: number): void {
    const i = this.floatIndex(n);
    this.words[i] = lo;
    this.words[i + 1] = hi;
    this.touchFloat();
  }

  /** Flags of a floating-point operation accrue. */
  raiseFloatFlags(flags: number): void {
    const before = this.low(SLOT.fcsr);
    if ((before | flags) === before) return;
    this.set(SLOT.fcsr, before | flags, 0);
    this.touchFloat();
  }

  /** Steps that the engine may still take in this slice. */
  get budget(): number {
    return this.words[(this.base + BUDGET) >> 2]!;
  }

  set budget(n: number) {
    this.words[(this.base + BUDGET) >> 2] = n;
  }

  /** Let the engine return after the current instruction, keeping what is left of its budget. */
  leave(): void {
    this.held += this.budget;
    this.budget = 0;
  }

  /** Steps taken in the current slice, the current instruction included. */
  get progress(): number {
    return this.granted - this.budget - this.held;
  }

  /** Steps completed since reset: without the instruction under way. */
  get stepsBefore(): number {
    return this.steps + this.progress - this.counted;
  }

  /** mip: lines from outside and bits written by software. */
  get pending(): number {
    return this.lines | this.softPending;
  }

  /** Interrupts that are pending and enabled one by one: what ends a WFI. */
  get awaited(): number {
    return this.pending & this.low(SLOT.mie);
  }

  /** A device or the timer drives an interrupt line of this hart (a bit of mip). */
  setLine(bit: number, level: boolean): void {
    const lines = level ? this.lines | bit : this.lines & ~bit;
    if (lines === this.lines) return;
    this.lines = lines;
    if (!level) return;
    if (this.waiting) {
      if (this.awaited !== 0) this.onWake();
    } else {
      this.leave();
    }
  }
}
