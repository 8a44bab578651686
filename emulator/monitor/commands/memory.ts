// x, xp, disas: memory as numbers, characters and instructions.

import type { Args} from "../command.ts";
import { MonitorError, type Answer, type Command } from "../command.ts";
import { ascii, count, hex, table } from "../format.ts";
import type { Instruction, Space } from "../look.ts";
import type { Monitor } from "../monitor.ts";

/** What x/4xg means: how many, as what, of which size. */
interface Format {
  readonly count: number;
  readonly letter: string;
  readonly size: number;
}

const SIZES: Readonly<Record<string, number>> = { b: 1, h: 2, w: 4, g: 8 };
const MOST = 65536;
const SIZE_OF_LETTER: Readonly<Record<string, number>> = { c: 1, s: 1, i: 4 };

/** Reads "8xg". Throws MonitorError. */
function parseFormat(text: string): Format {
  const m = /^(\d*)([a-z]*)$/.exec(text);
  const letters = m?.[2] ?? "?";
  const size = [...letters].find((l) => l in SIZES);
  const letter = [...letters].find((l) => "xduocsi".includes(l)) ?? "x";
  if (m === null || [...letters].some((l) => !(l in SIZES) && !"xduocsi".includes(l))) {
    throw new MonitorError(`"${text}" is no format: a count, then x d u o c s or i, then b h w or g`);
  }
  const n = m[1] === "" ? (letter === "x" || letter === "d" || letter === "u" || letter === "o" ? 8 : 1) : Number(m[1]);
  if (n > MOST) throw new MonitorError(`${count(n)} are too many at once: at most ${count(MOST)}`);
  return { count: n, letter, size: size === undefined ? (SIZE_OF_LETTER[letter] ?? 8) : SIZES[size]! };
}

function numberText(bytes: Uint8Array, f: Format): string {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  const bits = 8 * f.size;
  switch (f.letter) {
    case "d": return BigInt.asIntN(bits, value).toString();
    case "u": return value.toString();
    case "o": return `0${value.toString(8)}`;
    case "c": return `'${ascii(bytes)}'`;
    default: return hex(value, bits / 4);
  }
}

/** Memory in a format, rows of 16 bytes. */
function dump(m: Monitor, space: Space, va: bigint, f: Format): Answer {
  if (f.letter === "i") return listing(m, space, va, f.count);
  if (f.letter === "s") return strings(m, space, va, f.count);
  const perRow = f.letter === "c" ? 16 : Math.max(1, 16 / f.size);
  const rows: string[][] = [];
  const values: string[] = [];
  for (let i = 0; i < f.count; i += perRow) {
    const at = BigInt.asUintN(64, va + BigInt(i * f.size));
    const row = [hex(at, 8)];
    for (let k = i; k < Math.min(f.count, i + perRow); k++) {
      const bytes = m.look.read(space, BigInt.asUintN(64, va + BigInt(k * f.size)), f.size);
      const text = bytes === undefined ? "?".repeat(2 + 2 * f.size) : numberText(bytes, f);
      row.push(text);
      values.push(bytes === undefined ? "" : text);
    }
    rows.push(row);
  }
  const missing = values.includes("");
  if (missing && !values.some((v) => v !== "")) throw new MonitorError(nothingAt(space, va));
  return { text: table(rows, "lrrrrrrrrrrrrrrrr") + (missing ? "\n? is where nothing is mapped" : ""), json: { address: va, values: values.map((v) => (v === "" ? null : v)) } };
}

const nothingAt = (space: Space, va: bigint): string =>
  (space.root === undefined ? `there is no memory at physical address ${hex(va)}` : `nothing is mapped at ${hex(va)} in ${space.name}; walk ${hex(va)} says why`);

/** Longest string that is shown. */
const STRING = 1024;

function strings(m: Monitor, space: Space, va: bigint, n: number): Answer {
  const out: { address: bigint; text: string }[] = [];
  for (let at = va; out.length < n;) {
    const bytes: number[] = [];
    for (let byte = m.look.read(space, at, 1); byte !== undefined && byte[0] !== 0 && bytes.length < STRING; byte = m.look.read(space, at + BigInt(bytes.length), 1)) bytes.push(byte[0]!);
    if (bytes.length === 0 && m.look.read(space, at, 1) === undefined) break;
    out.push({ address: at, text: new TextDecoder("latin1").decode(Uint8Array.from(bytes)) });
    at = BigInt.asUintN(64, at + BigInt(bytes.length + 1));
  }
  if (out.length === 0) throw new MonitorError(nothingAt(space, va));
  return { text: out.map((s) => `${hex(s.address, 8)}  ${JSON.stringify(s.text)}`).join("\n"), json: out };
}

/** Instructions from an address on, with names and lines of source where these change; the one at `pc` is marked. */
export function listing(m: Monitor, space: Space, from: bigint, n: number, end = 2n ** 64n, pc: bigint = m.look.pc(m.look.hart())): Answer {
  const lines: string[] = [];
  const json: unknown[] = [];
  let place = "";
  const pages = new Map<number, bigint>(); // register, and what the auipc just before left in it
  for (let at = from, i = 0; i < n && at < end; i++) {
    const instruction = m.look.instruction(space, at);
    if (instruction === undefined) {
      if (i === 0) throw new MonitorError(nothingAt(space, from));
      lines.push(`   ${hex(at, 8)}  nothing is mapped`);
      break;
    }
    const here = m.naming.line(at, space);
    if (here !== "" && here !== place) lines.push(`${here}:`);
    place = here;
    const far = farTarget(instruction, pages);
    const to = instruction.target ?? far;
    const target = to === undefined ? "" : m.naming.name(to, space);
    lines.push(`${at === pc ? "=>" : "  "} ${hex(at, 8)}  ${instruction.code.padEnd(8)}  ${instruction.text}${target === "" ? "" : ` <${target}>`}`);
    json.push({ address: at, code: instruction.code, text: instruction.text, ...(target === "" ? {} : { target }), ...(here === "" ? {} : { line: here }) });
    at = BigInt.asUintN(64, at + BigInt(instruction.length));
  }
  return { text: lines.join("\n"), json };
}

/** Where a jalr goes whose register an auipc directly before it has set: a far call. */
function farTarget({ va, code }: Instruction, pages: Map<number, bigint>): bigint | undefined {
  const word = code.length === 8 ? parseInt(code, 16) | 0 : 0;
  const base = pages.get((word >>> 15) & 31);
  pages.clear();
  if ((word & 0x7f) === 0x17) pages.set((word >>> 7) & 31, BigInt.asUintN(64, va + BigInt(word & -4096)));
  return (word & 0x707f) === 0x67 && base !== undefined ? BigInt.asUintN(64, base + BigInt(word >> 20)) : undefined;
}

const FORMAT_HELP = "The format is a count, a letter (x hexadecimal, d signed, u unsigned, o octal, c character, s string, i instruction) and a\nsize (b 1, h 2, w 4, g 8 bytes). ";

function examine(m: Monitor, args: Args, physical: boolean): Answer {
  const format = parseFormat(args.format);
  const word = args.after("in");
  const space = m.look.space(physical ? "physical" : word);
  const va = m.look.evaluate(args.expression("an address"));
  args.end();
  return dump(m, space, va, format);
}

export const x: Command = {
  name: "x",
  usage: "x[/FORMAT] ADDR [in PID|kernel|satp=VALUE]",
  summary: "memory at a virtual address",
  help: `${FORMAT_HELP}Rights do not matter: what is mapped is shown. Example: x/8xg $sp, x/s 0x14000 in 3`,
  family: "look",
  words: ["symbol", "'in'"],
  slash: true,
  run: (m, args) => examine(m, args, false),
};

export const xp: Command = {
  name: "xp",
  usage: "xp[/FORMAT] ADDR",
  summary: "memory at a physical address",
  help: `${FORMAT_HELP}Devices are looked at without effect. Example: xp/512xg 0x87f54000`,
  family: "look",
  slash: true,
  run: (m, args) => examine(m, args, true),
};

export const disas: Command = {
  name: "disas",
  aliases: ["disassemble"],
  usage: "disas [ADDR|FUNCTION [COUNT]] [in PID|kernel|satp=VALUE]",
  summary: "instructions, with lines of source",
  help: "Without an address: around the pc of the hart. A function's name gives the whole function. Example: disas vm_fault, disas 0x10000 20 in 3",
  family: "look",
  words: ["symbol", "'in'"],
  run(m, args) {
    const space = m.look.space(args.after("in"));
    const word = args.next();
    const n = args.next();
    args.end();
    const start = word === undefined ? m.look.pc(m.look.hart()) : m.look.evaluate(word);
    const known = m.naming.function(start, space);
    if (n === undefined && known !== undefined && known.end - known.start >= 8n && (word !== undefined ? known.start === start : known.end - known.start <= 400n)) {
      return listing(m, space, known.start, MOST, known.end);
    }
    return listing(m, space, start, n === undefined ? 16 : m.look.number(n, "number of instructions", MOST));
  },
};
