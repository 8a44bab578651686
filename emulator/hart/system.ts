// What system instructions do to a hart: CSR access, environment calls, returns, WFI, sfence.vma.
// Both engines come here; emitted code passes the kind as a number and the source operand in VALUE.

import { SLOT, VALUE } from "./layout.ts";
import { DONE, REFETCH, TRAPPED, type Status } from "../mmu/mmu.ts";
import { MACHINE, SUPERVISOR, USER } from "../mmu/walk.ts";
import type { SystemKind } from "../isa/ops.ts";
import { csrAllowed, csrWriteMatters, readCsr, readForModify, writeCsr, type Wide } from "./csrs.ts";
import type { Hart } from "./hart.ts";
import { STATUS_TSR, STATUS_TVM, STATUS_TW } from "./bits.ts";
import { raiseException, returnFromMachine, returnFromSupervisor, takeInterrupt } from "./trap.ts";

const ILLEGAL_INSTRUCTION = 2;
const BREAKPOINT = 3;
const ECALL_FROM_USER = 8;

/**
 * Run one system instruction. PC and NEXT_PC are set. DONE: go on at the next instruction. REFETCH: the same, but
 * translation may have changed. TRAPPED: the hart's pc has been set (a trap, a return, an interrupt).
 */
export function executeSystem(h: Hart, kind: SystemKind, word: number): Status {
  switch (kind) {
    case "csrrw": return accessCsr(h, WRITE, false, word);
    case "csrrs": return accessCsr(h, SET, false, word);
    case "csrrc": return accessCsr(h, CLEAR, false, word);
    case "csrrwi": return accessCsr(h, WRITE, true, word);
    case "csrrsi": return accessCsr(h, SET, true, word);
    case "csrrci": return accessCsr(h, CLEAR, true, word);
    case "ecall":
      return exception(h, ECALL_FROM_USER + h.privilege, 0, 0);
    case "ebreak":
      return exception(h, BREAKPOINT, h.pcLo, h.pcHi);
    case "mret":
      if (h.privilege !== MACHINE) return illegal(h, word);
      returnFromMachine(h);
      takeInterrupt(h);
      return TRAPPED;
    case "sret":
      if (h.privilege === USER || (h.privilege === SUPERVISOR && (h.low(SLOT.mstatus) & STATUS_TSR) !== 0)) return illegal(h, word);
      returnFromSupervisor(h);
      takeInterrupt(h);
      return TRAPPED;
    case "wfi":
      return waitForInterrupt(h, word);
    case "sfence.vma":
      return fenceVma(h, word);
    case "illegal":
      return illegal(h, word);
  }
}

function exception(h: Hart, cause: number, lo: number, hi: number): Status {
  raiseException(h, cause, lo, hi);
  return TRAPPED;
}

/** The trap value of an illegal instruction is the instruction. */
function illegal(h: Hart, word: number): Status {
  return exception(h, ILLEGAL_INSTRUCTION, word, 0);
}

/** U mode never waits here, S mode not under TW: both at once illegal, as a bound of zero time allows. */
function waitForInterrupt(h: Hart, word: number): Status {
  if (h.privilege === USER || (h.privilege === SUPERVISOR && (h.low(SLOT.mstatus) & STATUS_TW) !== 0)) return illegal(h, word);
  if (h.awaited === 0) {
    h.waiting = true;
    h.leave();
  }
  return DONE;
}

function fenceVma(h: Hart, word: number): Status {
  if (h.privilege === USER || (h.privilege === SUPERVISOR && (h.low(SLOT.mstatus) & STATUS_TVM) !== 0)) return illegal(h, word);
  const rs1 = (word >>> 15) & 31;
  const rs2 = (word >>> 20) & 31;
  const address = h.registerIndex(rs1);
  const lo = h.words[address]!;
  const hi = h.words[address + 1]!;
  const asid = h.words[h.registerIndex(rs2)]! & 0xffff;
  if (rs1 !== 0) h.mmu.tlb.flushAddress(lo, hi, rs2 === 0 ? -1 : asid);
  else if (rs2 !== 0) h.mmu.tlb.flushAsid(asid);
  else h.mmu.tlb.flushAll();
  if (h.events.fence !== undefined) {
    h.events.fence({ hart: h.id, lo: rs1 === 0 ? undefined : lo, hi: rs1 === 0 ? undefined : hi, asid: rs2 === 0 ? undefined : asid });
  }
  return REFETCH;
}

const old: Wide = { lo: 0, hi: 0 };
const base: Wide = { lo: 0, hi: 0 };

/** What a CSR instruction does with its source operand. */
const WRITE = 0;
const SET = 1;
const CLEAR = 2;
type CsrOperation = typeof WRITE | typeof SET | typeof CLEAR;

/** Zicsr: csrrw with rd = x0 does not read; csrrs and csrrc with a zero source field do not write. */
function accessCsr(h: Hart, operation: CsrOperation, immediate: boolean, word: number): Status {
  const csr = word >>> 20;
  const rd = (word >>> 7) & 31;
  const field = (word >>> 15) & 31;
  const writes = operation === WRITE || field !== 0;
  const reads = operation !== WRITE || rd !== 0;
  if (!csrAllowed(h, csr, writes)) return illegal(h, word);
  const source = h.registerIndex(field);
  const srcLo = immediate ? field : h.words[source]!;
  const srcHi = immediate ? 0 : h.words[source + 1]!;
  if (reads) readCsr(h, csr, old);
  let status: Status = DONE;
  if (writes) status = modify(h, csr, operation, srcLo, srcHi);
  if (reads && rd !== 0) h.setRegister(rd, old.lo, old.hi);
  if (!writes) return status;
  if (h.events.csr !== undefined) {
    readCsr(h, csr, base);
    h.events.csr({ hart: h.id, csr, lo: base.lo, hi: base.hi });
  }
  if (h.awaited !== 0 && status === REFETCH) {
    const { pcLo, pcHi } = h;
    h.setPc(h.nextPcLo, h.nextPcHi);
    if (takeInterrupt(h)) return TRAPPED;
    h.setPc(pcLo, pcHi);
  }
  return status;
}

function modify(h: Hart, csr: number, operation: CsrOperation, srcLo: number, srcHi: number): Status {
  if (operation === WRITE) {
    writeCsr(h, csr, srcLo, srcHi);
  } else {
    readForModify(h, csr, base);
    if (operation === SET) writeCsr(h, csr, base.lo | srcLo, base.hi | srcHi);
    else writeCsr(h, csr, base.lo & ~srcLo, base.hi & ~srcHi);
  }
  return csrWriteMatters(csr) ? REFETCH : DONE;
}

/** Word index of VALUE in a hart's block. */
export const valueIndex = (h: Hart): number => (h.base + VALUE) >> 2;
