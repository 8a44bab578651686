// Where the address of a fault came from: the load that brought it into its register, and who wrote that memory last.
// Found by running the last steps before the fault again, one by one.

import { wide } from "../../events.ts";
import type { Privilege } from "../../mmu/walk.ts";
import { registerNumber } from "../expression.ts";
import { count, hex, plural } from "../format.ts";
import type { Space } from "../look.ts";
import type { Monitor } from "../monitor.ts";
import { at } from "../past.ts";
import { unsigned } from "../symbols/value.ts";
import { codeSpace, type Facts } from "./facts.ts";
import type { Subject } from "./subject.ts";
import { writerOf, writerText, type Writer } from "./writer.ts";

/** Steps before a fault that are looked through. */
const STEPS = 400;
/** Loads have these sizes. */
const SIZES: Readonly<Record<string, number>> = { b: 1, h: 2, w: 4, d: 8 };
const LOAD = /^l([bhwd])u?\s+(\w+),(-?\w+)\((\w+)\)$/;
/** Instructions that hand a register on, perhaps with something added. */
const COPY = /^(?:mv|addi|addiw|sext\.w)\s+(\w+),(\w+)/;
/** Instructions that write no register that they name first. */
const WRITES_NONE = /^(s[bhwd]|fs[wd]|b\w+|j|jr|ret|ecall|ebreak|fence\S*|sfence\S*|wfi|csr[wsc]i?|nop)\b/;

/** The value went through so many cells at most. */
const HOPS = 3;
const STORE = /^s[bhwd]\s+(\w+),/;

/** A cell of memory that the address of a fault was in. */
export interface Cell {
  readonly va: bigint;
  readonly pa: number;
  /** The load from it, and what it loaded. */
  readonly moment: number;
  readonly value: bigint;
  /** The page table led elsewhere: the load went through an old translation. */
  readonly stale: boolean;
  /** In words, with who wrote the cell last. */
  readonly text: string;
}

/** Code at a moment: where a value is looked for. */
interface Place {
  readonly hart: number;
  readonly pid: number;
  readonly privilege: Privilege;
  readonly moment: number;
  readonly space: Space;
}

/**
 * The cells that the register which a faulting access built its address from was loaded from: its own, the one that
 * this was copied from, and so on. Empty where it was not loaded in the last steps, or history does not reach there.
 */
export function originOf(m: Monitor, s: Subject, facts: Facts): Cell[] {
  const register = facts.instruction?.base?.register;
  if (m.timeline === undefined || register === undefined || s.pc === undefined || register === "sp") return [];
  const cells: Cell[] = [];
  let place: Place = { hart: s.hart, pid: s.pid, privilege: s.code, moment: s.moment, space: codeSpace(s) };
  for (let wanted: string | undefined = register; wanted !== undefined && cells.length < HOPS;) {
    const [cell, writer]: Partial<readonly [Cell, Writer | undefined]> = cellOf(m, place, wanted, s.moment, cells.length === 0 ? wanted : "that") ?? [];
    if (cell === undefined) break;
    cells.push(cell);
    if (writer === undefined || writer.by !== "cpu" || writer.hart === null) break;
    [place, wanted] = storeOf(m, writer, writer.hart);
  }
  return cells;
}

/** Where a store was, and the register that it stored; undefined where the instruction is no plain store. */
function storeOf(m: Monitor, { pid, moment, pc }: Writer, hart: number): [Place, string | undefined] {
  return at(m, moment, () => {
    const h = m.look.hart(hart);
    const space = m.look.present(h);
    return [{ hart, pid, moment, privilege: h.privilege, space }, STORE.exec(m.look.instruction(space, pc)?.text ?? "")?.[1]];
  });
}

/** The cell that a register was loaded from before a moment, and who wrote it; `what` names the value. */
function cellOf(m: Monitor, place: Place, register: string, now: number, what: string): [Cell, Writer | undefined] | undefined {
  const load = findLoad(m, place, register);
  if (load === undefined) return undefined;
  const { moment, base, offset, size, into } = load;
  const found = at(m, moment, () => {
    const x = m.machine.inspect.registers(place.hart).x[registerNumber(base)!]!;
    const va = BigInt.asUintN(64, x + offset);
    const pa = m.look.physical(place.space, va);
    const whole = Number(va & 4095n) + size <= 4096;
    const bytes = pa === undefined || !whole ? null : m.machine.memory.view(pa, size);
    return bytes === null ? undefined : { va, pa: pa!, value: unsigned(bytes) };
  });
  if (found === undefined) return undefined;
  const { va, pa, value } = found;
  const loaded = BigInt.asUintN(8 * size, at(m, moment + 1, () => m.machine.inspect.registers(place.hart).x[registerNumber(into)!]!));
  const where = `${what} was loaded from ${hex(va)}, ${plural(now - moment, "instruction")} earlier   [goto t=${count(moment)}]`;
  if (loaded !== value) return [{ va, pa, moment, value: loaded, stale: true, text: `${where}; the page table leads to ${hex(value)} there, and ${hex(loaded)} was loaded: through an old translation (the alarm stale tells which)` }, undefined];
  const w = writerOf(m, pa, size, moment);
  const by = w === undefined ? "nobody has written there since history begins" : `last written by ${writerText(w, now)}`;
  return [{ va, pa, moment, value, stale: false, text: `${where}; ${by}` }, w];
}

/** The load that brought the value of a register: its moment and operands. */
function findLoad(m: Monitor, place: Place, first: string): { moment: number; base: string; offset: bigint; size: number; into: string } | undefined {
  let register = first;
  for (const { moment, pc } of stepsBefore(m, place).reverse()) {
    const text = m.look.instruction(place.space, pc)?.text ?? "";
    if (WRITES_NONE.test(text)) continue;
    const load = LOAD.exec(text);
    if (load?.[2] === register) return { moment, base: load[4]!, offset: signed(load[3]!), size: SIZES[load[1]!]!, into: register };
    const copy = COPY.exec(text);
    if (copy?.[1] === register) register = copy[2]!;
    else if (new RegExp(`^\\S+\\s+${register}\\b`).test(text)) return undefined;
  }
  return undefined;
}

const signed = (text: string): bigint => (text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text));

/** The last steps of code before a moment: of the same hart, process and privilege. */
function stepsBefore(m: Monitor, place: Place): Step[] {
  const steps: Step[] = [];
  const { machine, view: { probe } } = m;
  m.timeline!.scan(Math.max(m.timeline!.start.steps, place.moment - STEPS), place.moment, () => machine.events.on("instruction", (e) => {
    const h = machine.harts[e.hart]!;
    if (e.hart === place.hart && h.privilege === place.privilege && (place.pid === 0 || probe?.pidOf(e.hart) === place.pid)) steps.push({ moment: machine.moment, pc: wide(e.pcLo, e.pcHi) });
  }));
  return steps;
}

/** One step of that code. */
interface Step {
  readonly moment: number;
  readonly pc: bigint;
}
