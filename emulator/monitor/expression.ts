// Numbers and addresses as people type them: 0x80001234, 18,204,511, $sp, $satp, main, main+0x3c, *0x80001000,
// sums and differences of these, and for conditions comparisons, && and ||. All values have 64 bits and no sign.

import { CSR } from "../isa/csr-names.ts";
import { FLOAT_REGISTER_NAMES, REGISTER_NAMES } from "../isa/disassemble.ts";
import { MonitorError } from "./command.ts";

/** What names stand for. */
export interface Names {
  /** Address of a symbol. */
  symbol(name: string): bigint | undefined;
  /** Value of a register or CSR of the hart looked at; of a floating-point register the bits. */
  register(name: string): bigint | undefined;
  /** The 8 bytes at a virtual address. */
  memory(va: bigint): bigint | undefined;
}

const TOKEN = /\s*(?:(0x[0-9a-f_]+)|(\d{1,3}(?:,\d{3})+|\d[\d_]*)|\$([a-z_][a-z0-9_]*)|([a-z_.][\w.$@:]*)|(==|!=|<=|>=|&&|\|\||[-+*()<>&]))/iy;
/** How deep parentheses and stars may nest: a line is typed by a person, or by anybody through gdb. */
const DEEPEST = 50;

/** Value of an expression, modulo 2^64; comparisons give 0 or 1. Throws MonitorError. */
export function evaluate(text: string, names: Names): bigint {
  const parser = new Parser(text, names);
  const value = parser.choice(0);
  parser.end();
  return value;
}

const COMPARE: Readonly<Record<string, (a: bigint, b: bigint) => boolean>> = {
  "==": (a, b) => a === b, "!=": (a, b) => a !== b, "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b,
};
const bit = (b: boolean): bigint => (b ? 1n : 0n);

class Parser {
  private readonly text: string;
  private readonly names: Names;
  private readonly tokens: RegExpExecArray[] = [];
  private at = 0;

  constructor(text: string, names: Names) {
    this.text = text;
    this.names = names;
    let from = 0;
    while (from < text.length && text.slice(from).trim() !== "") {
      TOKEN.lastIndex = from;
      const m = TOKEN.exec(text);
      if (m === null) throw new MonitorError(`"${text}" is not an address: "${text.slice(from).trim()}" is not understood`);
      this.tokens.push(m);
      from = TOKEN.lastIndex;
    }
  }

  /** a || b; both sides are evaluated. */
  choice(depth: number): bigint {
    let value = this.both(depth);
    while (this.accept("||")) value = bit([this.both(depth), value].some((v) => v !== 0n));
    return value;
  }

  private both(depth: number): bigint {
    let value = this.comparison(depth);
    while (this.accept("&&")) value = bit([this.comparison(depth), value].every((v) => v !== 0n));
    return value;
  }

  private comparison(depth: number): bigint {
    const left = this.masked(depth);
    const compare = COMPARE[this.operator() ?? ""];
    if (compare === undefined) return left;
    this.at++;
    return bit(compare(left, this.masked(depth)));
  }

  private masked(depth: number): bigint {
    let value = this.sum(depth);
    while (this.accept("&")) value &= this.sum(depth);
    return value;
  }

  private accept(operator: string): boolean {
    if (this.operator() !== operator) return false;
    this.at++;
    return true;
  }

  private sum(depth: number): bigint {
    let value = this.term(depth);
    for (let op = this.operator(); op === "+" || op === "-"; op = this.operator()) {
      this.at++;
      const right = this.term(depth);
      value = BigInt.asUintN(64, op === "+" ? value + right : value - right);
    }
    return value;
  }

  end(): void {
    if (this.at < this.tokens.length) throw new MonitorError(`"${this.text}" is not an address: "${this.tokens[this.at]![0].trim()}" does not fit there`);
  }

  private operator(): string | undefined {
    return this.tokens[this.at]?.[5];
  }

  private term(depth: number): bigint {
    const token = this.tokens[this.at++];
    if (token === undefined || depth > DEEPEST) throw new MonitorError(`"${this.text}" is not an address`);
    const [, hexadecimal, decimal, register, name, operator] = token;
    if (hexadecimal !== undefined) return this.number(hexadecimal.replaceAll("_", ""));
    if (decimal !== undefined) return this.number(decimal.replace(/[,_]/g, ""));
    if (register !== undefined) return this.known(this.names.register(register.toLowerCase()), `there is no register $${register}`);
    if (name !== undefined) return this.known(this.names.symbol(name), `there is no symbol ${name}`);
    if (operator === "-") return BigInt.asUintN(64, -this.term(depth + 1));
    if (operator === "*") {
      const va = this.term(depth + 1);
      return this.known(this.names.memory(va), `there is no memory at 0x${va.toString(16)}`);
    }
    if (operator === "(") {
      const value = this.choice(depth + 1);
      if (this.operator() !== ")") throw new MonitorError(`"${this.text}" is not an address: a parenthesis is not closed`);
      this.at++;
      return value;
    }
    throw new MonitorError(`"${this.text}" is not an address: "${token[0].trim()}" does not fit there`);
  }

  private number(digits: string): bigint {
    if (digits === "0x") throw new MonitorError(`"${this.text}" is not an address`);
    const value = BigInt(digits);
    if (value >= 2n ** 64n) throw new MonitorError(`${digits} has more than 64 bits`);
    return value;
  }

  private known(value: bigint | undefined, sentence: string): bigint {
    if (value === undefined) throw new MonitorError(sentence);
    return BigInt.asUintN(64, value);
  }
}

/** Number of a register by its ABI name, by fp, or as x0 … x31; undefined for another word. */
export function registerNumber(name: string): number | undefined {
  const number = /^x(\d|[12]\d|3[01])$/.exec(name)?.[1];
  if (number !== undefined) return Number(number);
  const at = REGISTER_NAMES.indexOf(name === "fp" ? "s0" : name);
  return at < 0 ? undefined : at;
}

/** Number of a floating-point register by its ABI name or as f0 … f31; undefined for another word. */
export function floatRegisterNumber(name: string): number | undefined {
  const number = /^f(\d|[12]\d|3[01])$/.exec(name)?.[1];
  if (number !== undefined) return Number(number);
  const at = FLOAT_REGISTER_NAMES.indexOf(name);
  return at < 0 ? undefined : at;
}

export const isCsr = (name: string): boolean => Object.hasOwn(CSR, name);
