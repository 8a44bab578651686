// Stack frames and what is in them, under the numbers that the client knows them by. Numbers are good until the machine
// moves.

import { SLOT } from "../hart/layout.ts";
import { wide } from "../events.ts";
import { MACHINE } from "../mmu/walk.ts";
import { frameScope, variablesOfCall } from "../monitor/frame-scope.ts";
import type { Monitor } from "../monitor/monitor.ts";
import { stackOfHart } from "../monitor/stack.ts";
import type { StackFrame } from "../monitor/symbols/backtrace.ts";
import { placeOf } from "../monitor/symbols/frame.ts";
import type { Value } from "../monitor/symbols/value.ts";
import { evaluate, type Scope } from "../monitor/symbols/c-expression.ts";
import { csrRows, floatRows, pageTableRows, registerRows } from "./rows.ts";
import { valueRow, type Row } from "./values.ts";

/** A row of the client's call stack: an inlined call is one of its own. */
export interface Level {
  readonly id: number;
  readonly hart: number;
  readonly stack: StackFrame;
  /** Which of the stack frame's functions: 0 the innermost. */
  readonly level: number;
  readonly name: string;
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;
}

/** A group of variables beside a frame. */
export interface ScopeRow {
  readonly name: string;
  readonly hint: "locals" | "registers" | undefined;
  readonly expensive: boolean;
  readonly reference: number;
}

const MOST_LEVELS = 256;

/** The levels of a stack frame, not numbered yet. */
function levelsOf(hart: number, stack: StackFrame): Omit<Level, "id">[] {
  const at = placeOf(stack.frame);
  const outside = stack.link === "user" ? " (user mode)" : stack.link === "interrupted" ? " (interrupted)" : "";
  const symbol = stack.symbols?.symbolAt(at)?.name ?? `0x${stack.frame.pc.toString(16)}`;
  const calls = stack.calls.length === 0 ? [{ function: symbol, inlined: false }] : stack.calls;
  return calls.map((call, level) => {
    const place: { file?: string; line?: number; column?: number } = call;
    return { hart, stack, level, name: call.function + outside, file: place.file, line: place.line, column: place.column };
  });
}

export class Frames {
  private readonly monitor: Monitor;
  private levels: Level[] = [];
  private readonly stacks = new Map<number, Level[]>();
  private references: (() => Row[])[] = [];

  constructor(monitor: Monitor) {
    this.monitor = monitor;
  }

  /** The machine has moved: every number that was given away means nothing any more. */
  forget(): void {
    this.levels = [];
    this.stacks.clear();
    this.references = [];
  }

  /** The call stack of a hart, innermost first. */
  stack(hart: number): readonly Level[] {
    return this.stacks.get(hart) ?? this.read(hart, []);
  }

  /** Something was changed from outside: the same numbers, as far as stacks are as deep as they were, with what is there now. */
  refresh(): void {
    for (const [hart, before] of [...this.stacks]) this.read(hart, before.map(({ id }) => id));
  }

  /** Read the stack of a hart, and number its levels: with `ids` as far as they go. */
  private read(hart: number, ids: readonly number[]): Level[] {
    const found = stackOfHart(this.monitor, hart, MOST_LEVELS).flatMap((frame) => levelsOf(hart, frame)).slice(0, MOST_LEVELS);
    const stack = found.map((level, i) => ({ ...level, id: ids[i] ?? this.levels.length + 1 + i }));
    for (const level of stack) this.levels[level.id - 1] = level;
    this.stacks.set(hart, stack);
    return stack;
  }

  /** Throws an Error of one line when the machine has moved since the number was given. */
  level(id: number): Level {
    const level = this.levels[id - 1];
    if (level === undefined) throw new Error(`there is no frame ${id}: the machine has moved`);
    return level;
  }

  /** The groups of variables beside a frame. */
  scopes(id: number): ScopeRow[] {
    const level = this.level(id);
    const h = this.monitor.machine.harts[level.hart]!;
    const scope = (name: string, rows: () => Row[], hint?: ScopeRow["hint"], expensive = false): ScopeRow =>
      ({ name, hint, expensive, reference: this.open(rows) });
    const out = [scope("Locals", () => this.locals(this.level(id)), "locals"), scope("Registers", () => registerRows(this.monitor, this.level(id).stack.frame), "registers")];
    out.push(scope("Floating point", () => floatRows(this.monitor, level.hart), "registers", true));
    out.push(scope("CSRs", () => csrRows(this.monitor, level.hart), "registers", true));
    const process = this.monitor.view.current(level.hart);
    const satp = wide(h.low(SLOT.satp), h.high(SLOT.satp));
    const own = h.privilege !== MACHINE && satp >> 60n === 8n ? Number(satp & ((1n << 44n) - 1n)) : undefined;
    if (own !== undefined) out.push(scope("Page table", () => pageTableRows(this.monitor, own), undefined, true));
    if (process?.root !== undefined && process.root !== own) {
      const { root } = process;
      out.push(scope(`Page table of pid ${process.pid}`, () => pageTableRows(this.monitor, root), undefined, true));
    }
    return out;
  }

  /** A number under which the client can ask for rows. */
  open(rows: () => Row[]): number {
    return this.references.push(rows);
  }

  /** The rows behind a number. Throws an Error of one line when the machine has moved since. */
  rows(reference: number): Row[] {
    const rows = this.references[reference - 1];
    if (rows === undefined) throw new Error("the machine has moved since");
    return rows();
  }

  /** The row called `name` behind a number. */
  row(reference: number, name: string): Row | undefined {
    return this.rows(reference).find((row) => row.name === name);
  }

  private locals(level: Level): Row[] {
    return variablesOfCall(level.stack, level.level).map(({ name, type, value, problem }) =>
      (value === undefined ? { name, type: type.text, value: `<${problem ?? "optimised out"}>` } : valueRow(name, value, name)));
  }

  /** The value of an expression in a frame (the innermost one of `hart` when there is no number). Throws an Error of one line. */
  value(expression: string, id: number | undefined, hart: number): Value {
    const level = id === undefined ? this.stack(hart)[0] : this.level(id);
    if (level === undefined) throw new Error("the stack cannot be followed");
    return evaluate(expression, this.scopeOf(level));
  }

  /** The same, as a row. */
  evaluate(expression: string, id: number | undefined, hart: number): Row {
    return valueRow(expression, this.value(expression, id, hart), expression);
  }

  /** What names stand for in a frame: its variables, then the program's. */
  scopeOf({ stack, level, hart }: Level): Scope {
    return frameScope(this.monitor, stack, level, hart);
  }
}
