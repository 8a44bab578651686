// The control and status registers: who may touch each, what reads give, which bits a write can change
// (Privileged ISA, "Control and Status Registers"). One row a register.

import { CSR, CSR_NAMES } from "../isa/csr-names.ts";
import { MACHINE, SUPERVISOR, USER } from "../mmu/walk.ts";
import { SEI, SSI, STATUS_FS, STATUS_MPP, STATUS_MPP_SHIFT, STATUS_TVM, STI } from "./bits.ts";
import type { Hart } from "./hart.ts";
import { SLOT } from "./layout.ts";

/** A 64-bit CSR value in halves, filled by `read` functions: reading a CSR makes no garbage. */
export interface Wide {
  lo: number;
  hi: number;
}

interface CsrRow {
  /** Refuses an access that the number alone would allow. */
  readonly refuse?: (h: Hart) => boolean;
  readonly read: (h: Hart, out: Wide) => void;
  readonly write?: (h: Hart, lo: number, hi: number) => void;
}

/** mstatus bits that software can write. */
const MSTATUS_WRITABLE = 0x007e79aa;
const SSTATUS_VISIBLE = 0x000de762;
const SSTATUS_WRITABLE = 0x000c6122;
const DELEGABLE = 0xb3ff;
const MIDELEG = SSI | STI | SEI;
const MIE = 0xaaa;
const MISA_LO = (1 << 0) | (1 << 2) | (1 << 3) | (1 << 5) | (1 << 8) | (1 << 12) | (1 << 18) | (1 << 20); // A C D F I M S U
const MENVCFG_STCE_HI = 1 << 31;
const FIOM = 1;
const COUNTER_TM = 1 << 1;

/** Stored as it is, with the low bits that cannot be set masked off. */
const stored = (slot: number, maskLo = -1, maskHi = -1): CsrRow => ({
  read: (h, out) => {
    out.lo = h.low(slot);
    out.hi = h.high(slot);
  },
  write: (h, lo, hi) => h.set(slot, lo & maskLo, hi & maskHi),
});

const constant = (lo: number, hi = 0): CsrRow => ({
  read: (_h, out) => {
    out.lo = lo;
    out.hi = hi;
  },
  write: () => undefined,
});

/** Trap vectors: modes 0 (direct) and 1 (vectored); a write of another mode is ignored. */
const vector = (slot: number): CsrRow => ({
  ...stored(slot),
  write: (h, lo, hi) => {
    if ((lo & 2) === 0) h.set(slot, lo, hi);
  },
});

const numberToWide = (n: number, out: Wide): void => {
  out.lo = n | 0;
  out.hi = Math.floor(n / 2 ** 32) | 0;
};

/** A counter is a running count plus the offset that software wrote; both 64-bit. */
const counter = (offset: number, inhibit: number, count: (h: Hart) => number): CsrRow => ({
  read: (h, out) => {
    const stopped = (h.low(SLOT.mcountinhibit) & inhibit) !== 0;
    numberToWide(stopped ? 0 : count(h), out);
    const sum = (out.lo >>> 0) + (h.low(offset) >>> 0);
    out.lo = sum | 0;
    out.hi = (out.hi + h.high(offset) + (sum >= 2 ** 32 ? 1 : 0)) | 0;
  },
  write: (h, lo, hi) => setCounter(h, offset, (h.low(SLOT.mcountinhibit) & inhibit) !== 0 ? 0 : count(h) + 1, lo, hi),
});

/** Make a counter read (lo, hi) when its running count is `base`. */
function setCounter(h: Hart, offset: number, base: number, lo: number, hi: number): void {
  const low = (lo >>> 0) - (base % 2 ** 32);
  h.set(offset, low | 0, (hi - Math.floor(base / 2 ** 32) - (low < 0 ? 1 : 0)) | 0);
}

/** Steps before this instruction, and instructions retired before it. */
const cycles = (h: Hart): number => h.stepsBefore;
const instructions = (h: Hart): number => h.stepsBefore - h.traps;
const MCYCLE = counter(SLOT.cycleOffset, 1, cycles);
const MINSTRET = counter(SLOT.instretOffset, 4, instructions);

/** Unprivileged views of counters: mcounteren opens them to S, scounteren to U as well. */
const shadow = (bit: number, of: CsrRow): CsrRow => ({
  refuse: (h) =>
    h.privilege !== MACHINE &&
    (((h.low(SLOT.mcounteren) >>> bit) & 1) === 0 || (h.privilege === USER && ((h.low(SLOT.scounteren) >>> bit) & 1) === 0)),
  read: of.read,
});

const time: CsrRow = {
  read: (h, out) => {
    out.lo = h.time.lo | 0;
    out.hi = h.time.hi | 0;
  },
};

/** mip as read, and the bits of it that software can write. */
const writablePending = (h: Hart): number => SSI | SEI | (h.high(SLOT.menvcfg) & MENVCFG_STCE_HI ? 0 : STI);
const stimecmpRefused = (h: Hart): boolean =>
  h.privilege !== MACHINE && ((h.high(SLOT.menvcfg) & MENVCFG_STCE_HI) === 0 || (h.low(SLOT.mcounteren) & COUNTER_TM) === 0);

/** Sstc: STIP follows time ≥ stimecmp while menvcfg.STCE is set. */
export function updateTimer(h: Hart): void {
  const on = (h.high(SLOT.menvcfg) & MENVCFG_STCE_HI) !== 0;
  const lo = h.low(SLOT.stimecmp) >>> 0;
  const hi = h.high(SLOT.stimecmp) >>> 0;
  const due = on && h.time.reached(lo, hi);
  const at = on && !due ? h.time.momentOf(lo, hi) : Infinity;
  if (at === Infinity) h.timer.cancel();
  else h.timer.set(at);
  if (on || (h.lines & STI) !== 0) h.setLine(STI, due);
}

function writeStatus(h: Hart, lo: number, mask: number): void {
  const old = h.low(SLOT.mstatus);
  let next = (old & ~mask) | (lo & mask);
  if ((next & STATUS_MPP) === 2 << STATUS_MPP_SHIFT) next = (next & ~STATUS_MPP) | (old & STATUS_MPP);
  h.set(SLOT.mstatus, next, h.high(SLOT.mstatus));
  h.refreshContext();
}

/** SD, bit 63 of mstatus and sstatus: FS is Dirty. It is not stored. */
const stateDirty = (h: Hart): number => ((h.low(SLOT.mstatus) & STATUS_FS) === STATUS_FS ? -0x80000000 : 0);

/** A field of fcsr, which no mode can touch while FS is Off; a write makes FS Dirty. */
const floatField = (shift: number, mask: number): CsrRow => ({
  refuse: (h) => (h.low(SLOT.mstatus) & STATUS_FS) === 0,
  read: (h, out) => {
    out.lo = (h.low(SLOT.fcsr) >>> shift) & mask;
    out.hi = 0;
  },
  write: (h, lo) => {
    h.set(SLOT.fcsr, (h.low(SLOT.fcsr) & ~(mask << shift)) | ((lo & mask) << shift), 0);
    h.touchFloat();
  },
});

const pmpConfig = (first: number): CsrRow => ({
  read: (h, out) => {
    const c = h.mmu.pmp.config;
    out.lo = c[first]! | (c[first + 1]! << 8) | (c[first + 2]! << 16) | (c[first + 3]! << 24);
    out.hi = c[first + 4]! | (c[first + 5]! << 8) | (c[first + 6]! << 16) | (c[first + 7]! << 24);
  },
  write: (h, lo, hi) => {
    for (let i = 0; i < 8; i++) h.mmu.pmp.writeConfig(first + i, ((i < 4 ? lo : hi) >>> (8 * (i & 3))) & 0xff);
    h.mmu.tlb.flushAll();
  },
});

const pmpAddress = (i: number): CsrRow => ({
  read: (h, out) => {
    out.lo = h.mmu.pmp.low[i]!;
    out.hi = h.mmu.pmp.high[i]!;
  },
  write: (h, lo, hi) => {
    h.mmu.pmp.writeAddress(i, lo, hi);
    h.mmu.tlb.flushAll();
  },
});

const ROWS: Readonly<Record<string, CsrRow>> = {
  fflags: floatField(0, 0x1f),
  frm: floatField(5, 7),
  fcsr: floatField(0, 0xff),

  cycle: shadow(0, MCYCLE),
  time: shadow(1, time),
  instret: shadow(2, MINSTRET),
  mcycle: MCYCLE,
  minstret: MINSTRET,

  mvendorid: constant(0),
  marchid: constant(0),
  mimpid: constant(1),
  mhartid: { read: (h, out) => numberToWide(h.id, out) },
  mconfigptr: constant(0),
  misa: constant(MISA_LO, 2 << 30),
  mstatus: {
    read: (h, out) => {
      out.lo = h.low(SLOT.mstatus);
      out.hi = h.high(SLOT.mstatus) | stateDirty(h);
    },
    write: (h, lo) => writeStatus(h, lo, MSTATUS_WRITABLE),
  },
  medeleg: stored(SLOT.medeleg, DELEGABLE, 0),
  mideleg: stored(SLOT.mideleg, MIDELEG, 0),
  mie: stored(SLOT.mie, MIE, 0),
  mtvec: vector(SLOT.mtvec),
  mcounteren: stored(SLOT.mcounteren, -1, 0),
  menvcfg: {
    ...stored(SLOT.menvcfg),
    write: (h, lo, hi) => {
      h.set(SLOT.menvcfg, lo & FIOM, hi & MENVCFG_STCE_HI);
      if ((hi & MENVCFG_STCE_HI) !== 0) h.softPending &= ~STI; // STIP is the timer's alone now
      updateTimer(h);
    },
  },
  mcountinhibit: {
    ...stored(SLOT.mcountinhibit),
    write: (h, lo) => {
      for (const [bit, offset, row, count] of [[1, SLOT.cycleOffset, MCYCLE, cycles], [4, SLOT.instretOffset, MINSTRET, instructions]] as const) {
        const now = { lo: 0, hi: 0 };
        row.read(h, now);
        if ((h.low(SLOT.mcountinhibit) & bit) === 0) { // still running: it counts this instruction
          now.lo = (now.lo + 1) | 0;
          if (now.lo === 0) now.hi = (now.hi + 1) | 0;
        }
        setCounter(h, offset, (lo & bit) !== 0 ? 0 : count(h) + 1, now.lo, now.hi);
      }
      h.set(SLOT.mcountinhibit, lo & 5, 0);
    },
  },
  mscratch: stored(SLOT.mscratch),
  mepc: stored(SLOT.mepc, -2),
  mcause: stored(SLOT.mcause, 63, -0x80000000),
  mtval: stored(SLOT.mtval),
  mip: {
    read: (h, out) => numberToWide(h.pending, out),
    write: (h, lo) => {
      const mask = writablePending(h);
      h.softPending = (h.softPending & ~mask) | (lo & mask);
    },
  },
  pmpcfg0: pmpConfig(0),
  pmpcfg2: pmpConfig(8),

  sstatus: {
    read: (h, out) => {
      out.lo = h.low(SLOT.mstatus) & SSTATUS_VISIBLE;
      out.hi = (h.high(SLOT.mstatus) & 3) | stateDirty(h); // UXL
    },
    write: (h, lo) => writeStatus(h, lo, SSTATUS_WRITABLE),
  },
  sie: {
    read: (h, out) => numberToWide(h.low(SLOT.mie) & h.low(SLOT.mideleg), out),
    write: (h, lo) => {
      const mask = h.low(SLOT.mideleg);
      h.set(SLOT.mie, (h.low(SLOT.mie) & ~mask) | (lo & mask), 0);
    },
  },
  sip: {
    read: (h, out) => numberToWide(h.pending & h.low(SLOT.mideleg), out),
    write: (h, lo) => {
      const mask = SSI & h.low(SLOT.mideleg);
      h.softPending = (h.softPending & ~mask) | (lo & mask);
    },
  },
  stvec: vector(SLOT.stvec),
  scounteren: stored(SLOT.scounteren, -1, 0),
  senvcfg: stored(SLOT.senvcfg, FIOM, 0),
  sscratch: stored(SLOT.sscratch),
  sepc: stored(SLOT.sepc, -2),
  scause: stored(SLOT.scause, 63, -0x80000000),
  stval: stored(SLOT.stval),
  stimecmp: {
    ...stored(SLOT.stimecmp),
    refuse: stimecmpRefused,
    write: (h, lo, hi) => {
      h.set(SLOT.stimecmp, lo, hi);
      updateTimer(h);
    },
  },
  satp: {
    ...stored(SLOT.satp),
    refuse: (h) => h.privilege === SUPERVISOR && (h.low(SLOT.mstatus) & STATUS_TVM) !== 0,
    write: (h, lo, hi) => {
      const mode = hi >>> 28;
      if (mode !== 0 && mode !== 8) return; // a mode that does not exist: the whole write has no effect
      h.set(SLOT.satp, lo, hi);
      h.refreshContext();
    },
  },
};

/** Rows by number, those of hardware performance counters (which count nothing) and PMP addresses included. */
const rows: (CsrRow | undefined)[] = Array.from({ length: 4096 }, () => undefined);
for (const [number, name] of CSR_NAMES) {
  const row = ROWS[name] ?? (name.startsWith("pmpaddr") ? pmpAddress(number - 0x3b0)
    : name.startsWith("hpmcounter") ? shadow(number - 0xc00, constant(0)) : constant(0));
  rows[number] = row;
}

/** May the hart read (and, if `write`, write) this CSR now? */
export function csrAllowed(h: Hart, csr: number, write: boolean): boolean {
  const row = rows[csr];
  if (row === undefined || ((csr >> 8) & 3) > h.privilege) return false;
  if (write && csr >> 10 === 3) return false;
  return row.refuse === undefined || !row.refuse(h);
}

/** Value of a CSR as the hart's software sees it; undefined registers are the caller's to exclude. */
export function readCsr(h: Hart, csr: number, out: Wide): void {
  rows[csr]!.read(h, out);
}

export function writeCsr(h: Hart, csr: number, lo: number, hi: number): void {
  rows[csr]!.write?.(h, lo, hi);
}

/** What csrrs and csrrc modify: mip's SEIP line must not stick as if software had written it. */
export function readForModify(h: Hart, csr: number, out: Wide): void {
  if (csr === CSR["mip"] || csr === CSR["sip"]) numberToWide(h.softPending, out);
  else readCsr(h, csr, out);
}

/** True when a write to this CSR can make an interrupt due or change what a fetch sees. */
export const csrWriteMatters = (csr: number): boolean => mattering[csr] !== 0;
const mattering = new Uint8Array(4096);
for (const name of ["mstatus", "sstatus", "mie", "sie", "mip", "sip", "mideleg", "satp", "menvcfg", "stimecmp"]) mattering[CSR[name]!] = 1;
mattering.fill(1, 0x3a0, 0x3c0); // PMP
