// Expressions of C as people type them into a debugger: names, members, elements, *, &, casts, sizeof, registers as $a0,
// sums and comparisons. They read memory through the values' own reader, and change nothing.

import { Type } from "./type.ts";
import { Value, type ReadMemory } from "./value.ts";

/** What names stand for at some place of a program. */
export interface Scope {
  variable(name: string): Value | undefined;
  /** A register or CSR of the hart, by name without $. */
  register(name: string): bigint | undefined;
  /** "struct proc", "uint64" … */
  type(name: string): Type | undefined;
  /** Memory that pointers lead to. */
  readonly read: ReadMemory;
}

/** Why an expression has no value: one line. */
export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
}

const TOKEN = /\s*(0x[0-9a-f]+|\d+|'(?:[^'\\]|\\.)'|\$?[a-z_]\w*|->|==|!=|<=|>=|<<|>>|&&|\|\||[-+*&|^!~.<>()[\]])/iy;
/** How deep an expression may nest. */
const DEEPEST = 64;
const LONGEST = 1000;

/** Plain numbers are 64-bit. */
const LONG = new Type({ kind: "base", name: "long", size: 8, encoding: "signed" });
const UNSIGNED_LONG = new Type({ kind: "base", name: "unsigned long", size: 8, encoding: "unsigned" });

const readNothing = (): undefined => undefined;

/** A number as eight bytes, lowest first. */
function word(n: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, n), true);
  return bytes;
}

const constant = (n: bigint, type = n > 0x7fffffffffffffffn ? UNSIGNED_LONG : LONG): Value => Value.of(type, word(n), readNothing);

/** The value of an expression. Throws ExpressionError, or SymbolsError where memory or a member is missing. */
export function evaluate(text: string, scope: Scope): Value {
  if (text.length > LONGEST) throw new ExpressionError("the expression is too long");
  const parser = new Parser(tokens(text), scope);
  const value = parser.binary(0, 0);
  parser.end();
  return value;
}

/** Whether an expression holds: its value is not zero. Throws as `evaluate` does. */
export const holds = (text: string, scope: Scope): boolean => evaluate(text, scope).big() !== 0n;

function tokens(text: string): string[] {
  const out: string[] = [];
  for (TOKEN.lastIndex = 0; text.slice(TOKEN.lastIndex).trim() !== ""; ) {
    const from = TOKEN.lastIndex;
    const m = TOKEN.exec(text);
    if (m === null) throw new ExpressionError(`"${text.slice(from).trim()}" is not understood`);
    out.push(m[1]!);
  }
  return out;
}

/** Binary operators, loosest first. */
const LEVELS: readonly (readonly string[])[] = [["||"], ["&&"], ["|"], ["^"], ["&"], ["==", "!="], ["<", ">", "<=", ">="], ["<<", ">>"], ["+", "-"], ["*"]];
const truth = (b: boolean): bigint => (b ? 1n : 0n);
const ARITHMETIC: Readonly<Record<string, (a: bigint, b: bigint) => bigint>> = {
  "||": (a, b) => truth(a !== 0n || b !== 0n), "&&": (a, b) => truth(a !== 0n && b !== 0n),
  "|": (a, b) => a | b, "^": (a, b) => a ^ b, "&": (a, b) => a & b,
  "==": (a, b) => truth(a === b), "!=": (a, b) => truth(a !== b),
  "<": (a, b) => truth(a < b), ">": (a, b) => truth(a > b), "<=": (a, b) => truth(a <= b), ">=": (a, b) => truth(a >= b),
  "<<": (a, b) => a << (b & 63n), ">>": (a, b) => a >> (b & 63n), "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b,
};
const isWord = (token: string | undefined): token is string => token !== undefined && /^[a-z_]/i.test(token);

class Parser {
  readonly #tokens: readonly string[];
  readonly #scope: Scope;
  #at = 0;

  constructor(words: readonly string[], scope: Scope) {
    this.#tokens = words;
    this.#scope = scope;
  }

  end(): void {
    const left = this.#tokens[this.#at];
    if (left !== undefined) throw new ExpressionError(`"${left}" does not fit there`);
  }

  binary(level: number, depth: number): Value {
    const operators = LEVELS[level];
    if (operators === undefined) return this.#unary(depth);
    let left = this.binary(level + 1, depth);
    for (;;) {
      const operator = this.#tokens[this.#at];
      if (operator === undefined || !operators.includes(operator)) return left;
      this.#at++;
      left = combine(operator, left, this.binary(level + 1, depth), this.#scope.read);
    }
  }

  #unary(depth: number): Value {
    if (depth > DEEPEST) throw new ExpressionError("the expression is nested too deeply");
    switch (this.#tokens[this.#at]) {
      case "*": this.#at++; return this.#unary(depth + 1).deref();
      case "&": this.#at++; return addressOf(this.#unary(depth + 1), this.#scope.read);
      case "-": this.#at++; return constant(-this.#unary(depth + 1).big());
      case "~": this.#at++; return constant(~this.#unary(depth + 1).big());
      case "!": this.#at++; return constant(truth(this.#unary(depth + 1).big() === 0n));
      case "sizeof": this.#at++; return constant(BigInt(this.#sizeof(depth)), UNSIGNED_LONG);
      default: return this.#cast(depth) ?? this.#postfix(this.#primary(depth), depth);
    }
  }

  /** "(struct proc *) …", or undefined when what comes is none, and has been left where it was. */
  #cast(depth: number): Value | undefined {
    const start = this.#at;
    const type = this.#typeName();
    if (type === undefined) return undefined;
    if (this.#tokens[this.#at] === undefined) {
      this.#at = start;
      return undefined;
    }
    return convert(this.#unary(depth + 1), type, this.#scope.read);
  }

  /** The bytes of a type in parentheses, or of what an expression would be: none of its memory is read. */
  #sizeof(depth: number): number {
    const [open, tag, name] = this.#tokens.slice(this.#at);
    if (open === "(" && /^(struct|union|enum)$/.test(tag ?? "") && this.#scope.type(`${tag} ${name}`) === undefined) throw new ExpressionError(`there is no type ${tag} ${name ?? ""}`.trim());
    const variable = isWord(this.#tokens[this.#at + 1]) && this.#tokens[this.#at + 2] === ")" ? this.#scope.variable(this.#tokens[this.#at + 1]!) : undefined;
    const type = (variable === undefined ? this.#typeName() : undefined) ?? this.#unary(depth + 1).type;
    if (type.size === 0) throw new ExpressionError(`the size of ${type.text} is not known`);
    return type.size;
  }

  /** "(struct proc *)", or undefined when what comes is none, and has been left where it was. */
  #typeName(): Type | undefined {
    const start = this.#at;
    if (this.#tokens[this.#at] !== "(" || !isWord(this.#tokens[this.#at + 1])) return undefined;
    this.#at++;
    const words: string[] = [];
    while (isWord(this.#tokens[this.#at])) words.push(this.#tokens[this.#at++]!);
    let type = this.#scope.type(words.join(" "));
    for (; type !== undefined && this.#tokens[this.#at] === "*"; this.#at++) {
      const target: Type = type;
      type = new Type({ kind: "pointer", size: 8, target: () => target });
    }
    if (type !== undefined && this.#tokens[this.#at++] === ")") return type;
    this.#at = start;
    return undefined;
  }

  #primary(depth: number): Value {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new ExpressionError("the expression ends too soon");
    if (token === "(") {
      const value = this.binary(0, depth + 1);
      if (this.#tokens[this.#at++] !== ")") throw new ExpressionError("a parenthesis is not closed");
      return value;
    }
    if (/^\d/.test(token)) return constant(BigInt.asUintN(64, BigInt(token)));
    if (token.startsWith("'")) return constant(BigInt(token.codePointAt(token[1] === "\\" ? 2 : 1)!));
    if (token.startsWith("$")) return constant(this.#known(this.#scope.register(token.slice(1)), `there is no register ${token}`), UNSIGNED_LONG);
    if (isWord(token)) return this.#known(this.#scope.variable(token), `there is no variable ${token} here`);
    throw new ExpressionError(`"${token}" does not fit there`);
  }

  #postfix(first: Value, depth: number): Value {
    let value = first;
    for (;;) {
      switch (this.#tokens[this.#at]) {
        case ".":
        case "->": {
          this.#at++;
          const name = this.#tokens[this.#at++];
          if (!isWord(name)) throw new ExpressionError("a member's name is missing");
          value = value.field(name);
          break;
        }
        case "[": {
          this.#at++;
          const index = this.binary(0, depth + 1).number();
          if (this.#tokens[this.#at++] !== "]") throw new ExpressionError("a bracket is not closed");
          value = value.at(index);
          break;
        }
        default:
          return value;
      }
    }
  }

  #known<T>(value: T | undefined, sentence: string): T {
    if (value === undefined) throw new ExpressionError(sentence);
    return value;
  }
}

/** A pointer plus a number counts in what it points to, as in C. */
function combine(operator: string, left: Value, right: Value, read: ReadMemory): Value {
  if ((operator === "+" || operator === "-") && ["pointer", "array"].includes(left.type.bare.kind) && right.type.isNumber) {
    const offset = right.number();
    return addressOf(left.at(operator === "+" ? offset : -offset), read);
  }
  const signed = left.type.isSigned || right.type.isSigned;
  return constant(ARITHMETIC[operator]!(left.big(), right.big()), signed ? LONG : UNSIGNED_LONG);
}

function addressOf(value: Value, read: ReadMemory): Value {
  if (value.address === undefined) throw new ExpressionError("it has no address: it is in a register or was computed");
  const target = value.type;
  return Value.of(new Type({ kind: "pointer", size: 8, target: () => target }), word(value.address), read);
}

/** A cast: of numbers and pointers to numbers and pointers. */
function convert(value: Value, type: Type, read: ReadMemory): Value {
  if (!type.isNumber) throw new ExpressionError(`nothing is cast to ${type.text}`);
  const number = value.type.bare.kind === "array" ? value.address : value.big();
  if (number === undefined) throw new ExpressionError("it has no address: it is in a register or was computed");
  return Value.of(type, word(number).subarray(0, type.size), read);
}
