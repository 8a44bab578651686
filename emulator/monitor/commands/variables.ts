// print, locals: variables of the kernel and of programs, as C sees them.

import { MonitorError, type Answer, type Args, type Command } from "../command.ts";
import { frameScope, variablesOfCall } from "../frame-scope.ts";
import type { Monitor } from "../monitor.ts";
import { stackOfHart, stackOfProcess } from "../stack.ts";
import type { StackFrame } from "../symbols/backtrace.ts";
import { evaluate, ExpressionError } from "../symbols/c-expression.ts";
import { SymbolsError } from "../symbols/errors.ts";
import { attempt, valueText } from "../symbols/value-text.ts";
import type { Value } from "../symbols/value.ts";

/** Elements of an array that are printed. */
const MOST_ELEMENTS = 64;

/** One of the calls that bt numbers. */
interface Call {
  readonly stack: StackFrame;
  /** Which of the stack frame's functions. */
  readonly level: number;
  readonly name: string;
  /** Whose CSRs are meant. */
  readonly hart: number | undefined;
}

/** Call `number` of a stack as bt counts them. Throws MonitorError. */
function callAt(m: Monitor, where: string | undefined, number: number): Call {
  const hart = where === undefined ? m.hart : /^hart(\d+)$/.exec(where)?.[1];
  const pid = hart === undefined ? m.look.number(where!, "PID") : undefined;
  const frames = pid === undefined ? stackOfHart(m, Number(hart)) : stackOfProcess(m, pid);
  const own = pid === undefined ? Number(hart) : m.look.process(pid).hart;
  const calls = frames.flatMap((stack): Call[] =>
    (stack.calls.length === 0 ? [{ function: "" }] : stack.calls).map((call, level) => ({ stack, level, name: call.function, hart: own })));
  const call = calls[number];
  if (call === undefined) throw new MonitorError(calls.length === 0 ? "the stack cannot be followed" : `there is no frame ${number}: bt shows ${calls.length}`);
  return call;
}

/** "frame N" and "in PID" behind an expression, and what stands before them. */
function places(line: string): { expression: string; where: string | undefined; frame: number } {
  const [, expression = "", , frame = "0", , where] = /^\s*(.*?)(\s+frame\s+(\d+))?(\s+in\s+(\S+))?\s*$/s.exec(line) ?? [];
  return { expression, where, frame: Number(frame) };
}

/** What goes wrong in an expression is for the person who typed it. */
function asked<T>(what: () => T): T {
  try {
    return what();
  } catch (error) {
    if (error instanceof ExpressionError || error instanceof SymbolsError) throw new MonitorError(error.message);
    throw error;
  }
}

/** The value as text: of structures and arrays a line for each part. */
function wholeText(value: Value, format: string): string {
  const type = value.type.bare;
  if (type.kind === "struct" || type.kind === "union") return bracketed(value.members().map(({ name, value: v }) => [name === "" ? "(anonymous)" : name, v]), format);
  if (type.kind === "array" && !type.target.bare.encoding.endsWith("char")) {
    const length = Math.min(value.length, MOST_ELEMENTS);
    const more = value.length > length ? [`  … ${value.length - length} more`] : [];
    return bracketed(Array.from({ length }, (_, i) => [`[${i}]`, value.at(i)]), format, more);
  }
  return oneLine(value, format);
}

function bracketed(parts: readonly (readonly [string, Value])[], format: string, more: readonly string[] = []): string {
  const width = Math.min(24, Math.max(0, ...parts.map(([name]) => name.length)));
  return ["{", ...parts.map(([name, value]) => `  ${name.padEnd(width)} ${attempt(() => oneLine(value, format))}`), ...more, "}"].join("\n");
}

function oneLine(value: Value, format: string): string {
  if (format === "" || !value.type.isNumber) return valueText(value);
  const number = value.big();
  switch (format) {
    case "x": return `0x${BigInt.asUintN(value.type.size * 8, number).toString(16)}`;
    case "d": return number.toString();
    default: throw new MonitorError(`print/${format}: x (hexadecimal) and d (decimal) are the formats`);
  }
}

/** For programs: numbers as such, structures by their members one level deep. */
function json(value: Value): unknown {
  const number = value.type.isNumber ? attempt(() => value.big().toString()) : undefined;
  const members = value.type.fields.length === 0 ? undefined : Object.fromEntries(value.members().map(({ name, value: v }) => [name, valueText(v)]));
  return { type: value.type.text, address: value.address, number, text: valueText(value), members };
}

export const print: Command = {
  name: "print",
  aliases: ["p"],
  usage: "print[/x|/d] EXPR [frame N] [in PID | hartN]",
  summary: "the value of a C expression: variables, members, elements, casts, sizeof, registers",
  help: "Names are looked for among the variables of the call (frame N as bt numbers them, 0 when left out), then in its program, then in the kernel.\nRegisters are $a0, CSRs $satp. Examples: print proc[3].state    print *p->map in 7    print/x ((struct proc *)$s1)->trapframe->epc",
  family: "look",
  words: ["symbol"],
  slash: true,
  run(m: Monitor, args: Args): Answer {
    const { format } = args;
    const { expression, where, frame } = places(args.verbatim());
    if (expression === "") throw new MonitorError("EXPR is missing; the form is: print EXPR [frame N] [in PID | hartN]");
    const call = callAt(m, where, frame);
    return asked(() => {
      const value = evaluate(expression, frameScope(m, call.stack, call.level, call.hart));
      return { text: `${expression} = ${wholeText(value, format)}`, json: json(value) };
    });
  },
};

export const locals: Command = {
  name: "locals",
  usage: "locals [N] [in PID | hartN]",
  summary: "parameters and local variables of a call",
  help: "N is the call's number in bt, 0 when left out. A variable that the compiler has optimised away says why it cannot be told. Example: locals 2 in 7",
  family: "look",
  words: ["pid", "'hart0'"],
  run(m: Monitor, args: Args): Answer {
    const where = args.after("in");
    const number = args.left === 0 ? 0 : Number(m.look.number(args.next()!, "N"));
    args.end();
    const call = callAt(m, where, number);
    const variables = asked(() => variablesOfCall(call.stack, call.level));
    const lines = variables.map(({ name, type, value, problem }) => `${type.declare(name)} = ${value === undefined ? `<${problem ?? "optimised out"}>` : valueText(value)}`);
    const text = lines.length > 0 ? lines.join("\n") : call.name === "" ? "nothing is known about the code there" : `${call.name} has no variables there`;
    return { text, json: variables.map((v) => ({ name: v.name, scope: v.scope, problem: v.problem, ...(v.value === undefined ? {} : (json(v.value) as object)) })) };
  },
};
