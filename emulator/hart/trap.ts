// Taking and leaving traps: delegation, the status stacks, vectors, and which interrupt goes first
// (Privileged ISA, chapters "Machine-Level ISA" and "Supervisor-Level ISA").

import { MACHINE, SUPERVISOR, USER, type Privilege } from "../mmu/walk.ts";
import {
  MEI, MSI, MTI, SEI, SSI, STI, STATUS_MIE, STATUS_MPIE, STATUS_MPP, STATUS_MPP_SHIFT, STATUS_MPRV, STATUS_SIE, STATUS_SPIE, STATUS_SPP,
} from "./bits.ts";
import type { Hart } from "./hart.ts";
import { SLOT } from "./layout.ts";

/** Interrupts from first to last. */
const PRIORITY = [MEI, MSI, MTI, SEI, SSI, STI] as const;

/** Take a synchronous exception at the current pc; `valueLo` and `valueHi` go to xtval. It counts as a step that retires nothing. */
export function raiseException(h: Hart, cause: number, valueLo: number, valueHi: number): void {
  h.traps++;
  const from = h.privilege;
  const { pcLo, pcHi } = h;
  const delegated = from !== MACHINE && ((h.low(SLOT.medeleg) >>> cause) & 1) !== 0;
  const to = delegated ? SUPERVISOR : MACHINE;
  enter(h, to, cause, 0, pcLo, pcHi, valueLo, valueHi);
  if (h.events.trap !== undefined) h.events.trap({ hart: h.id, cause, from, to, pcLo, pcHi, valueLo, valueHi });
}

/** Take the first interrupt that is pending, enabled, and allowed at this privilege. True when one was taken. */
export function takeInterrupt(h: Hart): boolean {
  const awaited = h.awaited;
  if (awaited === 0) return false;
  const delegation = h.low(SLOT.mideleg);
  const status = h.low(SLOT.mstatus);
  const forMachine = h.privilege < MACHINE || (status & STATUS_MIE) !== 0 ? awaited & ~delegation : 0;
  const supervisorOpen = h.privilege < SUPERVISOR || (h.privilege === SUPERVISOR && (status & STATUS_SIE) !== 0);
  const forSupervisor = supervisorOpen ? awaited & delegation : 0;
  const open = forMachine !== 0 ? forMachine : forSupervisor;
  if (open === 0) return false;
  const bit = PRIORITY.find((b) => (open & b) !== 0);
  if (bit === undefined) return false;
  const cause = 31 - Math.clz32(bit);
  const to = forMachine !== 0 ? MACHINE : SUPERVISOR;
  const from = h.privilege;
  const { pcLo, pcHi } = h;
  h.waiting = false;
  enter(h, to, cause, -0x80000000, pcLo, pcHi, 0, 0);
  if (h.events.interrupt !== undefined) h.events.interrupt({ hart: h.id, cause, from, to, pcLo, pcHi });
  return true;
}

/** The common part: save pc, cause and value; push the status stack; jump to the vector. */
function enter(h: Hart, to: Privilege, cause: number, causeHi: number, pcLo: number, pcHi: number, valueLo: number, valueHi: number): void {
  const status = h.low(SLOT.mstatus);
  const machine = to === MACHINE;
  h.set(machine ? SLOT.mepc : SLOT.sepc, pcLo, pcHi);
  h.set(machine ? SLOT.mcause : SLOT.scause, cause, causeHi);
  h.set(machine ? SLOT.mtval : SLOT.stval, valueLo, valueHi);
  let next: number;
  if (machine) {
    next = status & ~(STATUS_MPP | STATUS_MPIE | STATUS_MIE);
    next |= (h.privilege << STATUS_MPP_SHIFT) | ((status & STATUS_MIE) !== 0 ? STATUS_MPIE : 0);
  } else {
    next = status & ~(STATUS_SPP | STATUS_SPIE | STATUS_SIE);
    next |= (h.privilege === USER ? 0 : STATUS_SPP) | ((status & STATUS_SIE) !== 0 ? STATUS_SPIE : 0);
  }
  h.set(SLOT.mstatus, next, h.high(SLOT.mstatus));
  h.privilege = to;
  const vector = machine ? SLOT.mtvec : SLOT.stvec;
  const base = h.low(vector);
  const offset = (base & 1) !== 0 && causeHi !== 0 ? 4 * cause : 0;
  const sum = ((base & ~3) >>> 0) + offset;
  h.setPc(sum | 0, h.high(vector) + (sum >= 2 ** 32 ? 1 : 0));
  h.refreshContext();
}

/** mret: back to the privilege and interrupt state that the trap left. */
export function returnFromMachine(h: Hart): void {
  const status = h.low(SLOT.mstatus);
  const to = ((status & STATUS_MPP) >> STATUS_MPP_SHIFT) as Privilege;
  let next = status & ~(STATUS_MPP | STATUS_MPIE | STATUS_MIE);
  next |= STATUS_MPIE | ((status & STATUS_MPIE) !== 0 ? STATUS_MIE : 0);
  if (to !== MACHINE) next &= ~STATUS_MPRV;
  goBack(h, to, next, SLOT.mepc);
}

/** sret. */
export function returnFromSupervisor(h: Hart): void {
  const status = h.low(SLOT.mstatus);
  const to = (status & STATUS_SPP) !== 0 ? SUPERVISOR : USER;
  let next = status & ~(STATUS_SPP | STATUS_SPIE | STATUS_SIE | STATUS_MPRV);
  next |= STATUS_SPIE | ((status & STATUS_SPIE) !== 0 ? STATUS_SIE : 0);
  goBack(h, to, next, SLOT.sepc);
}

/** The common part of both: state, privilege, pc, and the word of it. */
function goBack(h: Hart, to: Privilege, status: number, epc: number): void {
  const from = h.privilege;
  h.set(SLOT.mstatus, status, h.high(SLOT.mstatus));
  h.privilege = to;
  h.setPc(h.low(epc), h.high(epc));
  h.refreshContext();
  if (h.events.trapReturn !== undefined) h.events.trapReturn({ hart: h.id, from, to, pcLo: h.pcLo, pcHi: h.pcHi });
}
