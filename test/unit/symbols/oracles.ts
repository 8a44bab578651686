// What other tools say about a program's debug information, in the form that Symbols gives it.

import { output } from "../../support/tools.ts";
import type { Symbols } from "../../../emulator/monitor/symbols/symbols.ts";

/** Every second address of every function. */
export function codeAddresses(symbols: Symbols): bigint[] {
  const found: bigint[] = [];
  for (const f of symbols.symbols()) {
    if (f.kind === "function") for (let a = f.address; a < f.address + f.size; a += 2n) found.push(a);
  }
  return found;
}

/** "sum main.c:26:21" for each call at an address, innermost first; a line that is not known is left out. */
export const framesText = (symbols: Symbols, address: bigint): string =>
  symbols.framesAt(address).map((f) => (f.line === undefined ? f.function : `${f.function} ${f.file}:${f.line}:${f.column}`)).join(" < ");

interface Symbolized {
  readonly Address: string;
  readonly Symbol: { readonly FunctionName: string; readonly FileName: string; readonly Line: number; readonly Column: number }[];
}

/** Whether two such texts say the same, where the second may leave out a function's name. */
export function sameFrames(ours: string, theirs: string): boolean {
  const [a, b] = [ours.split(" < "), theirs.split(" < ")];
  return a.length === b.length && b.every((frame, i) => frame === a[i] || frame === a[i]!.replace(/^\S+ ?/, ""));
}

/** The same by llvm-symbolizer. Compilers' suffixes (.part.0) go; where it names a label (.L1) in place of the function, the name is left out. */
export function llvmFrames(path: string, addresses: readonly bigint[]): Map<bigint, string> {
  const text = output("llvm-symbolizer", [`--obj=${path}`, "--inlines", "--output-style=JSON", ...addresses.map((a) => `0x${a.toString(16)}`)]);
  const frame = ({ FunctionName, FileName, Line, Column }: Symbolized["Symbol"][number]): string => {
    const name = FunctionName.startsWith(".L") ? "" : FunctionName.replace(/\.(part|constprop|isra|cold)\.\d+$/, "");
    return (Line === 0 ? name : `${name} ${FileName.replace(/^(\.\/)+/, "")}:${Line}:${Column}`).trimStart();
  };
  return new Map((JSON.parse(text) as Symbolized[]).map((s) => [BigInt(s.Address), s.Symbol.map(frame).join(" < ")]));
}

/** Members of structures and unions as gdb's ptype /o has them: "offset[:bit] size" each, and the whole size. */
export function gdbLayouts(path: string, names: readonly string[]): Map<string, { members: string[]; size: number }> {
  const commands = names.flatMap((name) => ["-ex", `echo @@@${name}\\n`, "-ex", `ptype /o ${name}`]);
  const parts = output("gdb-multiarch", ["-nx", "-batch", ...commands, path]).split("@@@").slice(1);
  return new Map(parts.map((part) => layout(part.split("\n"))));
}

function layout([name = "", ...lines]: string[]): [string, { members: string[]; size: number }] {
  const members: string[] = [];
  let [depth, size] = [0, -1];
  for (const line of lines) {
    const total = /total size \(bytes\):\s*(\d+)/.exec(line);
    if (total !== null) {
      if (depth === 1) size = Number(total[1]);
      continue;
    }
    const member = /^\/\*\s*(\d+)(?::\s*(\d+))?\s*\|\s*(\d+)\s*\*\//.exec(line) ?? /^\/\*()()\s+(\d+)\s*\*\//.exec(line);
    const code = line.replace(/^\/\*.*?\*\//, "");
    // A nested structure's line opens it and gives offset and size at its end.
    if (member !== null && depth === 1 && !/XXX/.test(line)) members.push(`${member[1]}${member[2] === undefined || member[2] === "" ? "" : `:${member[2]}`} ${member[3]}`);
    if (code.includes("{")) depth++;
    if (code.includes("}")) depth--;
  }
  return [name, { members, size }];
}

/** The same by our own types. */
export function ownLayout(symbols: Symbols, name: string): { members: string[]; size: number } {
  const type = symbols.type(name)!;
  const isUnion = name.startsWith("union");
  const members = type.fields.map((f) => `${isUnion ? "" : f.offset}${f.bits === undefined ? "" : `:${f.bits.shift}`} ${f.type.size}`);
  return { members, size: type.size };
}
