// What an engine is to the machine, and the fetch path that all engines share.

import { CROSS_RECORD, RECORD } from "../hart/layout.ts";
import type { Hart } from "../hart/hart.ts";
import type { PhysicalMemory } from "../mmu/physical.ts";
import { FETCH, Walk } from "../mmu/walk.ts";
import { executeSystem } from "../hart/system.ts";
import { TRAPPED, type Status } from "../mmu/mmu.ts";
import { TAG_CHECK_PMP } from "../mmu/tlb.ts";
import { TLB_WITHHELD } from "../hart/layout.ts";
import type { CodeCache } from "./code-cache.ts";
import { OPCODE } from "./opcodes.ts";

/** Runs instructions of one hart. */
export interface Engine {
  /**
   * Take steps (a retired instruction or a trap each) until the hart's budget is 0. A helper may end the run sooner
   * by moving the rest of the budget to `held`. On return pc, registers and budget are exact.
   */
  run(): void;
}

/** Makes an engine for a hart. */
export type EngineFactory = (hart: Hart, memory: PhysicalMemory, code: CodeCache) => Engine;

/** Fetches for one hart: from virtual address to decoded code or to raw halfwords. */
export class Fetcher {
  private readonly hart: Hart;
  private readonly memory: PhysicalMemory;
  private readonly code: CodeCache;
  private readonly walk = new Walk();
  /** Where `single` puts its record. */
  readonly singleAt: number;

  constructor(hart: Hart, memory: PhysicalMemory, code: CodeCache) {
    this.hart = hart;
    this.memory = memory;
    this.code = code;
    this.singleAt = hart.base + CROSS_RECORD;
  }

  /**
   * Decoded code for the page of PC: the address of its records; `singleAt` when only the one instruction at PC may
   * be decoded; 0 when an exception was taken (a step of its own).
   */
  page(): number {
    this.hart.counted = 0;
    const records = this.lookUp();
    this.hart.counted = 1;
    return records;
  }

  /** Decode just the instruction at PC, which may cross into another page or have a breakpoint; `singleAt`, or 0 after an exception. */
  single(): number {
    this.hart.counted = 0;
    const record = this.decodeAlone();
    this.hart.counted = 1;
    return record;
  }

  private lookUp(): number {
    const h = this.hart;
    const { pcLo, pcHi } = h;
    if (!this.code.breakpoints.none && this.stopsBeforeFault(pcLo, pcHi)) return this.singleAt;
    const entry = h.mmu.fetch(pcLo, pcHi);
    if (entry < 0) return this.trapped();
    const w = this.memory.words;
    if ((w[entry]! & TAG_CHECK_PMP) !== 0 || h.mmu.watchesFetch(pcLo, pcHi)) return this.decodeAlone();
    const records = this.code.page(w[entry + 3]! >>> 0);
    if (records < 0) {
      h.mmu.fetchFault(pcLo, pcHi);
      return this.trapped();
    }
    if (!this.code.breakpoints.none) this.code.plant(w[entry + 3]! >>> 0, pcLo, pcHi);
    w[entry + 2] = records;
    w[entry] = w[entry]! & ~TLB_WITHHELD;
    return records;
  }

  private decodeAlone(): number {
    const h = this.hart;
    const { pcLo, pcHi } = h;
    const low = this.half(pcLo, pcHi);
    if (low < 0) return this.trapped();
    if (h.budget === 0) return this.singleAt; // the walk asked to leave: nothing will run
    if (this.stopsAt(pcLo, pcHi)) return this.singleAt;
    let high = 0;
    if ((low & 3) === 3) {
      const lo2 = (pcLo + 2) | 0;
      high = this.half(lo2, lo2 === 0 ? (pcHi + 1) | 0 : pcHi);
      if (high < 0) return this.trapped();
    }
    this.code.decodeInto(this.singleAt, low, high, -1);
    // The sentinel's place depends on the instruction's length: set both.
    this.memory.view64.setUint16(this.singleAt + RECORD.size, OPCODE.pageEnd, true);
    this.memory.view64.setUint16(this.singleAt + 2 * RECORD.size, OPCODE.pageEnd, true);
    return this.singleAt;
  }

  /** The instruction at PC, which is under way, turns out to be illegal in the state that the hart is in. */
  refuse(): Status {
    const { pcLo, pcHi } = this.hart;
    const low = this.half(pcLo, pcHi); // it was fetched from there: the TLB knows
    if (low < 0) return TRAPPED;
    if ((low & 3) !== 3) return executeSystem(this.hart, "illegal", low);
    const lo2 = (pcLo + 2) | 0;
    const high = this.half(lo2, lo2 === 0 ? (pcHi + 1) | 0 : pcHi);
    return high < 0 ? TRAPPED : executeSystem(this.hart, "illegal", low | (high << 16));
  }

  /**
   * Asked when the first half of the instruction at a virtual address could be fetched: does a breakpoint stop the hart
   * before it? If not, those who watch the fetch are told.
   */
  stopsAt(lo: number, hi: number): boolean {
    const { breakpoints } = this.code;
    const h = this.hart;
    const watched = h.mmu.watchesFetch(lo, hi);
    if (breakpoints.none && !watched) return false;
    const stop = breakpoints.ask(h.id, lo, hi);
    if (watched && !stop) h.mmu.tellFetch(lo, hi);
    return this.obeys(stop);
  }

  /**
   * Asked before the first half of an instruction is fetched: does a breakpoint stop the hart where the page may not be
   * executed? A debugger lets the functions that it calls return to such a place, on the stack. Where nothing is mapped
   * yet the fault comes first, and the breakpoint when it is served.
   */
  stopsBeforeFault(lo: number, hi: number): boolean {
    const { breakpoints } = this.code;
    const h = this.hart;
    if (!breakpoints.at(lo, hi) || h.mmu.probe(FETCH, lo, hi, this.walk) >= 0 || this.walk.reason !== "not-executable") return false;
    return this.obeys(breakpoints.ask(h.id, lo, hi));
  }

  /** Those who have a breakpoint where the hart is were asked: does it leave now? */
  private obeys(stop: boolean): boolean {
    const h = this.hart;
    if (stop) h.leave();
    else if (h.budget === 0 && h.held > 0) {
      // Whoever was asked wants the machine's attention, but this instruction runs first: nobody is asked twice.
      h.budget = 1;
      h.held--;
    }
    return h.budget === 0;
  }

  /** The halfword of code at a virtual address, or −1 when an exception was taken. */
  half(lo: number, hi: number): number {
    const h = this.hart;
    const entry = h.mmu.fetch(lo, hi);
    if (entry < 0) return -1;
    const pa = (this.memory.words[entry + 3]! >>> 0) * 4096 + (lo & 4095);
    if (!h.mmu.fetchAllowed(entry, pa, 2) || (this.memory.host(pa, 2) < 0 && this.code.page(Math.floor(pa / 4096)) < 0)) {
      h.mmu.fetchFault(lo, hi);
      return -1;
    }
    return this.code.halfword(pa);
  }

  /** A fetch that traps is a step, and the engine has not counted it. The walk may have asked the engine to leave. */
  trapped(): 0 {
    if (this.hart.budget > 0) this.hart.budget--;
    else this.hart.held--;
    return 0;
  }
}
