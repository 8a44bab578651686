// The MMU of one hart: the slow path behind the engines' inline TLB probes. It looks in the TLB, walks on a miss,
// applies PMP, sets A and D bits, reaches RAM or the bus, and raises the exact fault.
//
// Arguments and results pass through the hart's state page (ADDRESS, VALUE), so that no BigInt is made.

import type { Events } from "../events.ts";
import { ADDRESS, TLB_DATA, TLB_FETCH, TLB_WITHHELD, VALUE } from "../hart/layout.ts";
import { RAM as RAM_BASE } from "../memory-map.ts";
import { FRAME_READ, FRAME_TRACKED, type PhysicalMemory } from "./physical.ts";
import { Pmp } from "./pmp.ts";
import { TAG_CHECK_PMP, Tlb } from "./tlb.ts";
import { FETCH, LOAD, MACHINE, STORE, SUPERVISOR, Walk, walk, type Access, type Privilege, type PteReader, type WalkContext } from "./walk.ts";
import type { Watches } from "./watches.ts";

/** Outcome of a slow-path helper, as emitted code sees it. */
export const DONE = 0;
/** An exception was taken: the hart's pc is that of the handler. */
export const TRAPPED = 1;
/** Done, but the page being executed must be looked up again. */
export const REFETCH = 2;
export type Status = typeof DONE | typeof TRAPPED | typeof REFETCH;

/** Exception causes (Privileged ISA, table "mcause values"). */
export const CAUSE_FETCH_ACCESS = 1;
export const CAUSE_LOAD_MISALIGNED = 4;
export const CAUSE_LOAD_ACCESS = 5;
export const CAUSE_STORE_MISALIGNED = 6;
export const CAUSE_STORE_ACCESS = 7;
export const CAUSE_FETCH_PAGE = 12;
export const CAUSE_LOAD_PAGE = 13;
export const CAUSE_STORE_PAGE = 15;

const ACCESS_FAULT = [CAUSE_LOAD_ACCESS, CAUSE_STORE_ACCESS, CAUSE_FETCH_ACCESS] as const;
const PAGE_FAULT = [CAUSE_LOAD_PAGE, CAUSE_STORE_PAGE, CAUSE_FETCH_PAGE] as const;

/** Takes the exception for the hart. `lo` and `hi` are the trap value. */
export type RaiseTrap = (cause: number, lo: number, hi: number) => void;

/** Whose rights an access uses; `root` < 0 means no translation (Bare, or machine mode). */
type Context = { -readonly [K in keyof WalkContext]: WalkContext[K] };

/** Reads PTEs under PMP as supervisor accesses. */
class PmpPteReader implements PteReader {
  lo = 0;
  hi = 0;
  private readonly memory: PhysicalMemory;
  private readonly pmp: Pmp;

  constructor(memory: PhysicalMemory, pmp: Pmp) {
    this.memory = memory;
    this.pmp = pmp;
  }

  read(pa: number): boolean {
    const at = this.memory.host(pa, 8);
    if (at < 0 || this.pmp.check(pa, 8, LOAD, SUPERVISOR) !== "allow") return false;
    this.lo = this.memory.words[at >>> 2]!;
    this.hi = this.memory.words[(at >>> 2) + 1]!;
    return true;
  }
}

export class Mmu {
  readonly tlb: Tlb;
  readonly pmp = new Pmp();
  /** Physical address and width of the LR reservation; address −1 when there is none. */
  reservedAddress = -1;
  reservedSize = 0;
  /** Set A and D in hardware (as QEMU and Svadu do), or fault (Svade). */
  hardwareAd = true;

  private readonly data: Context = { root: -1, privilege: MACHINE, sum: false, mxr: false, hardwareAd: true };
  private readonly fetching: Context = { root: -1, privilege: MACHINE, sum: false, mxr: false, hardwareAd: true };
  private readonly walked = new Walk();
  private readonly ptes: PmpPteReader;
  private readonly memory: PhysicalMemory;
  private readonly words: Int32Array;
  private readonly base: number;
  private readonly raise: RaiseTrap;
  private readonly events: Events;
  private readonly watches: Watches;
  private readonly hartId: number;

  constructor(memory: PhysicalMemory, hartBase: number, hartId: number, events: Events, raise: RaiseTrap) {
    this.memory = memory;
    this.words = memory.words;
    this.base = hartBase;
    this.hartId = hartId;
    this.raise = raise;
    this.events = events;
    this.watches = memory.watches;
    this.tlb = new Tlb(this.words, hartBase);
    memory.tlbs.push(this.tlb);
    this.ptes = new PmpPteReader(memory, this.pmp);
  }

  /** Choose contexts: privilege of fetches, privilege of data accesses (they differ under MPRV), satp halves, SUM, MXR. */
  setContext(fetchAs: Privilege, dataAs: Privilege, satpLo: number, satpHi: number, sum: boolean, mxr: boolean): void {
    const root = satpHi >>> 28 === 8 ? (satpLo >>> 0) + (satpHi & 0xfff) * 2 ** 32 : -1;
    this.words[(this.base + TLB_FETCH) >> 2] = this.choose(this.fetching, fetchAs, root, satpLo, satpHi, false, false);
    this.words[(this.base + TLB_DATA) >> 2] = this.choose(this.data, dataAs, root, satpLo, satpHi, sum, mxr);
  }

  private choose(c: Context, privilege: Privilege, root: number, satpLo: number, satpHi: number, sum: boolean, mxr: boolean): number {
    c.privilege = privilege;
    c.sum = sum;
    c.mxr = mxr;
    c.hardwareAd = this.hardwareAd;
    c.root = privilege === MACHINE ? -1 : root;
    if (privilege === MACHINE) return this.tlb.select(0, 0, 0);
    return this.tlb.select(1 + privilege + (sum ? 2 : 0) + (mxr ? 4 : 0), satpLo, satpHi);
  }

  /** Read ADDRESS into VALUE, zero-extended. */
  load(size: number): Status {
    const a = (this.base + ADDRESS) >> 2;
    const lo = this.words[a]!;
    const hi = this.words[a + 1]!;
    if ((lo & (size - 1)) !== 0) return this.misaligned(LOAD, lo, hi, size);
    const i = this.translate(LOAD, lo, hi);
    if (i < 0) return TRAPPED;
    return this.read(i, LOAD, lo, hi, size);
  }

  /** Write the low `size` bytes of VALUE at ADDRESS. */
  store(size: number): Status {
    const a = (this.base + ADDRESS) >> 2;
    const lo = this.words[a]!;
    const hi = this.words[a + 1]!;
    if ((lo & (size - 1)) !== 0) return this.misaligned(STORE, lo, hi, size);
    const i = this.translate(STORE, lo, hi);
    if (i < 0) return TRAPPED;
    return this.write(i, lo, hi, size);
  }

  /** The load of an AMO: needs the right to store, natural alignment, and memory rather than a device. */
  loadForAmo(size: number): Status {
    return this.atomicLoad(STORE, size, CAUSE_STORE_MISALIGNED) < 0 ? TRAPPED : DONE;
  }

  /** LR: like a load, and remember the physical address. */
  loadReserved(size: number): Status {
    const pa = this.atomicLoad(LOAD, size, CAUSE_LOAD_MISALIGNED);
    if (pa < 0) return TRAPPED;
    this.reservedAddress = pa;
    this.reservedSize = size;
    return DONE;
  }

  /** SC: store VALUE when the reservation still holds; VALUE becomes 0 on success, 1 on failure. */
  storeConditional(size: number): Status {
    const a = (this.base + ADDRESS) >> 2;
    const v = (this.base + VALUE) >> 2;
    const lo = this.words[a]!;
    const hi = this.words[a + 1]!;
    const reserved = this.reservedAddress;
    this.reservedAddress = -1;
    if ((lo & (size - 1)) !== 0) return this.fault(CAUSE_STORE_MISALIGNED, lo, hi);
    const i = this.translate(STORE, lo, hi);
    if (i < 0) return TRAPPED;
    const pa = this.physicalAddress(i, lo);
    if (this.memory.host(pa, size) < 0) return this.fault(CAUSE_STORE_ACCESS, lo, hi);
    let status: Status = DONE;
    const success = reserved === pa && this.reservedSize === size;
    if (success) {
      status = this.write(i, lo, hi, size);
      if (status === TRAPPED) return status;
    }
    this.words[v] = success ? 0 : 1;
    this.words[v + 1] = 0;
    return status;
  }

  /** Translate a fetch. Index of the TLB entry in `words`, or −1 when an exception was taken. */
  fetch(lo: number, hi: number): number {
    return this.translate(FETCH, lo, hi);
  }

  /** Does somebody watch fetches from the page of an address? Then it is run one instruction at a time. */
  watchesFetch(lo: number, hi: number): boolean {
    return this.watches.fetches && this.watches.withholds(FETCH, lo, hi);
  }

  /** Tell those who watch that the instruction at an address, which is translated already, was fetched. */
  tellFetch(lo: number, hi: number): void {
    const entry = this.fetch(lo, hi);
    if (entry >= 0) this.watches.tell("cpu", this.hartId, FETCH, lo, hi, this.physicalAddress(entry, lo), 2);
  }

  /** May `size` bytes at `pa` be fetched, where PMP has to be asked at every access? */
  fetchAllowed(entry: number, pa: number, size: number): boolean {
    return (this.words[entry]! & TAG_CHECK_PMP) === 0 || this.pmp.check(pa, size, FETCH, this.fetching.privilege) === "allow";
  }

  /** Raise an instruction access fault. */
  fetchFault(lo: number, hi: number): void {
    this.fault(CAUSE_FETCH_ACCESS, lo, hi);
  }

  /** Translate for a debugger: no fill, no A or D update, no event. Physical address, or the walk with its reason. */
  probe(access: Access, lo: number, hi: number, out: Walk = new Walk()): number {
    const c = access === FETCH ? this.fetching : this.data;
    if (c.root < 0) return (lo >>> 0) + (hi >>> 0) * 2 ** 32;
    walk(c, access, lo, hi, this.ptes, out);
    return out.reason === undefined ? out.ppn * 4096 + (lo & 4095) : -1;
  }

  private physicalAddress(entry: number, lo: number): number {
    return (this.words[entry + 3]! >>> 0) * 4096 + (lo & 4095);
  }

  /** The TLB entry for an address, filled if need be; −1 when it faulted. */
  private translate(access: Access, lo: number, hi: number): number {
    const set = this.words[(this.base + (access === FETCH ? TLB_FETCH : TLB_DATA)) >> 2]!;
    const hit = this.tlb.lookup(set, access, lo, hi);
    if (hit >= 0) {
      if ((this.words[hit]! & TLB_WITHHELD) !== 0 && access !== FETCH) this.rearm(hit, access, lo, hi);
      return hit;
    }
    const c = access === FETCH ? this.fetching : this.data;
    let ppn: number;
    let level = 0;
    if (c.root < 0) {
      ppn = (hi >>> 0) * 0x100000 + (lo >>> 12);
    } else {
      if (!this.walkPage(c, access, lo, hi)) return -1;
      ppn = this.walked.ppn;
      level = this.walked.level;
    }
    if (ppn >= 2 ** 32) return this.refuse(ACCESS_FAULT[access], lo, hi);
    const verdict = this.pmp.check(ppn * 4096, 4096, access, c.privilege);
    if (verdict === "refuse") return this.refuse(ACCESS_FAULT[access], lo, hi);
    const flags = TLB_WITHHELD | (verdict === "mixed" ? TAG_CHECK_PMP : 0);
    const i = this.tlb.fill(set, access, lo, hi, flags, 0, ppn | 0, level);
    if (access !== FETCH) this.rearm(i, access, lo, hi);
    if (this.events.tlbFill !== undefined) this.events.tlbFill({ hart: this.hartId, access, lo, hi, ppn, level });
    return i;
  }

  /** Walk the page tables and set A and D; false when it faulted. */
  private walkPage(c: Context, access: Access, lo: number, hi: number): boolean {
    const w = this.walked;
    walk(c, access, lo, hi, this.ptes, w);
    if (w.reason === undefined && w.setBits !== 0) {
      const at = this.memory.host(w.pteAddress, 8);
      if (at < 0 || this.pmp.check(w.pteAddress, 8, STORE, SUPERVISOR) !== "allow") w.reason = "pte-unwritable";
      else {
        const old = this.watches.active ? this.memory.bytes.slice(at, at + 8) : undefined;
        this.words[at >>> 2] = w.pteLo | w.setBits;
        this.memory.wrote(w.pteAddress, 8);
        if (this.watches.active) this.watches.tell("walker", this.hartId, STORE, lo, hi, w.pteAddress, 8, old);
      }
    }
    if (w.reason === undefined) return true;
    const byMemory = w.reason === "pte-unreadable" || w.reason === "pte-unwritable";
    if (this.events.pageFault !== undefined) {
      this.events.pageFault({ hart: this.hartId, access, lo, hi, walk: w });
    }
    this.fault(byMemory ? ACCESS_FAULT[access] : PAGE_FAULT[access], lo, hi);
    return false;
  }

  /** Let engines hit an entry, if it leads to plain RAM and nobody has to hear of accesses through it. */
  private rearm(entry: number, access: Access, lo: number, hi: number): void {
    if ((this.words[entry]! & TAG_CHECK_PMP) !== 0) return;
    const page = (this.words[entry + 3]! >>> 0) * 4096;
    const at = this.memory.host(page, 4096);
    if (at < 0) return;
    const frame = (page - RAM_BASE) / 4096;
    const flags = this.memory.frameFlags[frame]!;
    if (flags !== 0 && (access === STORE ? flags !== FRAME_TRACKED : (flags & FRAME_READ) !== 0)) return;
    if (this.watches.active && this.watches.withholds(access, lo, hi)) return;
    if (access === STORE && flags === FRAME_TRACKED) this.memory.dirtied(frame);
    this.words[entry + 2] = (at - (lo & -4096)) | 0;
    this.words[entry] = this.words[entry]! & ~TLB_WITHHELD;
  }

  /** Read through an entry into VALUE. */
  private read(entry: number, access: Access, lo: number, hi: number, size: number): Status {
    const pa = this.physicalAddress(entry, lo);
    const v = (this.base + VALUE) >> 2;
    if (!this.permitted(entry, pa, size, access)) return this.fault(ACCESS_FAULT[access], lo, hi);
    const at = this.memory.host(pa, size);
    if (at >= 0) {
      this.words[v + 1] = 0;
      switch (size) {
        case 1: this.words[v] = this.memory.bytes[at]!; break;
        case 2: this.words[v] = this.memory.view64.getUint16(at, true); break;
        case 4: this.words[v] = this.memory.view64.getInt32(at, true); break;
        default:
          this.words[v] = this.memory.view64.getInt32(at, true);
          this.words[v + 1] = this.memory.view64.getInt32(at + 4, true);
      }
    } else {
      if (!this.memory.bus.read(pa, size)) return this.fault(ACCESS_FAULT[access], lo, hi);
      this.words[v] = this.memory.bus.lo;
      this.words[v + 1] = this.memory.bus.hi;
    }
    if (this.watches.active) this.watches.tell("cpu", this.hartId, LOAD, lo, hi, pa, size);
    return DONE;
  }

  /** Write VALUE through an entry. */
  private write(entry: number, lo: number, hi: number, size: number): Status {
    const pa = this.physicalAddress(entry, lo);
    const v = (this.base + VALUE) >> 2;
    if (!this.permitted(entry, pa, size, STORE)) return this.fault(CAUSE_STORE_ACCESS, lo, hi);
    const at = this.memory.host(pa, size);
    const old = this.watches.active && at >= 0 ? this.memory.bytes.slice(at, at + size) : undefined;
    if (at >= 0) {
      switch (size) {
        case 1: this.memory.bytes[at] = this.words[v]!; break;
        case 2: this.memory.view64.setInt16(at, this.words[v]!, true); break;
        case 4: this.memory.view64.setInt32(at, this.words[v]!, true); break;
        default:
          this.memory.view64.setInt32(at, this.words[v]!, true);
          this.memory.view64.setInt32(at + 4, this.words[v + 1]!, true);
      }
      this.memory.wrote(pa, size);
    } else if (!this.memory.bus.write(pa, size, this.words[v]!, this.words[v + 1]!)) {
      return this.fault(CAUSE_STORE_ACCESS, lo, hi);
    }
    if (this.watches.active) this.watches.tell("cpu", this.hartId, STORE, lo, hi, pa, size, old);
    return DONE;
  }

  private permitted(entry: number, pa: number, size: number, access: Access): boolean {
    return (this.words[entry]! & TAG_CHECK_PMP) === 0 || this.pmp.check(pa, size, access, this.data.privilege) === "allow";
  }

  /** An access that is not naturally aligned: byte by byte, both pages translated before anything happens. RAM only. */
  private misaligned(access: typeof LOAD | typeof STORE, lo: number, hi: number, size: number): Status {
    const first = this.translate(access, lo, hi);
    if (first < 0) return TRAPPED;
    const inFirst = Math.min(size, 4096 - (lo & 4095));
    let second = first;
    let lo2 = lo;
    let hi2 = hi;
    if (inFirst < size) {
      lo2 = (lo + inFirst) | 0;
      hi2 = lo2 === 0 ? (hi + 1) | 0 : hi;
      second = this.translate(access, lo2, hi2);
      if (second < 0) return TRAPPED;
    }
    const pa1 = this.physicalAddress(first, lo);
    const pa2 = this.physicalAddress(second, lo2);
    const rest = size - inFirst;
    const at1 = this.memory.host(pa1, inFirst);
    const at2 = rest === 0 ? at1 : this.memory.host(pa2, rest);
    if (at1 < 0 || !this.permitted(first, pa1, inFirst, access)) return this.fault(ACCESS_FAULT[access], lo, hi);
    if (at2 < 0 || (rest > 0 && !this.permitted(second, pa2, rest, access))) return this.fault(ACCESS_FAULT[access], lo2, hi2);
    const value = this.base + VALUE;
    const bytes = this.memory.bytes;
    const watched = this.watches.active;
    const old1 = watched ? bytes.slice(at1, at1 + inFirst) : undefined;
    const old2 = watched && rest > 0 ? bytes.slice(at2, at2 + rest) : undefined;
    if (access === LOAD) {
      bytes.fill(0, value, value + 8);
      bytes.copyWithin(value, at1, at1 + inFirst);
      if (rest > 0) bytes.copyWithin(value + inFirst, at2, at2 + rest);
    } else {
      bytes.copyWithin(at1, value, value + inFirst);
      if (rest > 0) bytes.copyWithin(at2, value + inFirst, value + size);
      this.memory.wrote(pa1, inFirst);
      if (rest > 0) this.memory.wrote(pa2, rest);
    }
    if (watched) {
      this.watches.tell("cpu", this.hartId, access, lo, hi, pa1, inFirst, old1);
      if (rest > 0) this.watches.tell("cpu", this.hartId, access, lo2, hi2, pa2, rest, old2);
    }
    return DONE;
  }

  /** Aligned load from memory proper for LR and AMO; its physical address, or −1 after a trap. */
  private atomicLoad(access: typeof LOAD | typeof STORE, size: number, misaligned: number): number {
    const a = (this.base + ADDRESS) >> 2;
    const lo = this.words[a]!;
    const hi = this.words[a + 1]!;
    if ((lo & (size - 1)) !== 0) return this.refuse(misaligned, lo, hi);
    const i = this.translate(access, lo, hi);
    if (i < 0) return -1;
    const pa = this.physicalAddress(i, lo);
    if (this.memory.host(pa, size) < 0) return this.refuse(ACCESS_FAULT[access], lo, hi);
    if (!this.permitted(i, pa, size, LOAD)) return this.refuse(ACCESS_FAULT[access], lo, hi);
    return this.read(i, access, lo, hi, size) === DONE ? pa : -1;
  }

  private fault(cause: number, lo: number, hi: number): typeof TRAPPED {
    this.raise(cause, lo, hi);
    return TRAPPED;
  }

  private refuse(cause: number, lo: number, hi: number): -1 {
    this.raise(cause, lo, hi);
    return -1;
  }
}
