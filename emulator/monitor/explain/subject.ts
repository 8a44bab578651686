// What an explanation is about: a fault that happened, or an access that somebody asks about.

import { exceptionName } from "../../hart/cause-names.ts";
import { FETCH, LOAD, MACHINE, STORE, type Access, type Privilege } from "../../mmu/walk.ts";
import type { Fault } from "../fault-log.ts";
import { satpParts } from "../kernel-view/hardware.ts";
import type { Monitor } from "../monitor.ts";
import { ACCESS_NAMES } from "../pte.ts";
import type { Exception } from "./trap-log.ts";

/** An access, whose it was and when. */
export interface Subject {
  /** "store page fault", or "a store". */
  readonly title: string;
  /** The state just before this step is what counts. */
  readonly moment: number;
  readonly hart: number;
  /** 0: none, or not known. */
  readonly pid: number;
  readonly access: Access;
  /** In whose name the access was made: under MPRV not that of the code. */
  readonly privilege: Privilege;
  readonly va: bigint;
  /** The instruction; undefined when none was asked about. */
  readonly pc: bigint | undefined;
  /** Privilege of the code. */
  readonly code: Privilege;
  /** Page number of the root table; undefined: nothing is translated. */
  readonly root: number | undefined;
  readonly sum: boolean;
  readonly mxr: boolean;
  /** The fault, if it was one, or another exception. */
  readonly fault: Fault | undefined;
  readonly exception: Exception | undefined;
}

const CAUSES: Readonly<Record<Access, number>> = { [LOAD]: 13, [STORE]: 15, [FETCH]: 12 };
/** A walk that may not read or write its entry ends in an access fault. */
const ACCESS_FAULTS: Readonly<Record<Access, number>> = { [LOAD]: 5, [STORE]: 7, [FETCH]: 1 };

/** mstatus: SUM, MXR, MPRV, MPP. */
const SUM = 1n << 18n;
const MXR = 1n << 19n;
const MPRV = 1n << 17n;

/** What a hart's status register says about accesses to data made by code of this privilege. */
export function contextOf(m: Monitor, hart: number, access: Access, code: Privilege): { privilege: Privilege; sum: boolean; mxr: boolean } {
  const status = m.machine.inspect.csr(hart, "mstatus");
  const lent = code === MACHINE && access !== FETCH && (status & MPRV) !== 0n;
  return { privilege: lent ? (Number((status >> 11n) & 3n) as Privilege) : code, sum: (status & SUM) !== 0n, mxr: (status & MXR) !== 0n };
}

/** A page fault of the log, as a subject. The machine stands at its moment. */
export function faultSubject(m: Monitor, fault: Fault): Subject {
  const { moment, hart, pid, access, va, pc, reason } = fault;
  const causes = reason === "pte-unreadable" || reason === "pte-unwritable" ? ACCESS_FAULTS : CAUSES;
  return {
    title: exceptionName(causes[access]), moment, hart, pid, access, va, pc, code: fault.privilege, ...contextOf(m, hart, access, fault.privilege),
    root: satpParts(fault.satp)?.root, fault, exception: undefined,
  };
}

/** Access that an exception was about, by its cause. */
const ACCESS_OF: Readonly<Record<number, Access>> = { 0: FETCH, 1: FETCH, 2: FETCH, 3: FETCH, 4: LOAD, 5: LOAD, 6: STORE, 7: STORE };

/** Another exception, as a subject. The machine stands at its moment. */
export function exceptionSubject(m: Monitor, exception: Exception): Subject {
  const { moment, hart, pid, cause, pc } = exception;
  const access = ACCESS_OF[cause] ?? FETCH;
  const context = contextOf(m, hart, access, exception.privilege);
  return {
    title: exceptionName(cause), moment, hart, pid, access, va: cause === 2 || cause === 3 ? pc : exception.value, pc, code: exception.privilege, ...context,
    root: context.privilege === MACHINE ? undefined : satpParts(m.look.satp(m.look.hart(hart)))?.root, fault: undefined, exception,
  };
}

/** A question: what would become of this access now? */
export function question(m: Monitor, va: bigint, access: Access | undefined, where: string | undefined): Subject {
  const space = where === undefined ? m.look.present() : m.look.space(where);
  const hart = m.hart;
  const wanted = access ?? LOAD;
  const context = contextOf(m, hart, wanted, space.privilege);
  return {
    title: `a ${ACCESS_NAMES[wanted]}`, moment: m.machine.steps, hart, pid: space.pid ?? 0, access: wanted, va, pc: undefined, code: space.privilege,
    privilege: space.privilege, sum: context.sum, mxr: context.mxr, root: space.root, fault: undefined, exception: undefined,
  };
}
