// What the real gdb makes of a moment in the kernel: registers and memory are given to it as a core file.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Machine, Registers } from "../../emulator/index.ts";
import type { ReadMemory } from "../../emulator/monitor/symbols/value.ts";
import { output } from "../support/tools.ts";

const RAM = 0x80000000;
const SP = 2;
/** A program header's, a note's and struct elf_prstatus's sizes, and where in that the registers stand (Linux's ABI). */
const PROGRAM_HEADER = 56;
const NOTE_HEADER = 20;
const PRSTATUS = 376;
const REGISTERS = 112;

interface Segment {
  readonly va: bigint;
  readonly bytes: Uint8Array;
}

/** An ELF core file with one thread. */
function coreFile(registers: Registers, segments: readonly Segment[]): Uint8Array {
  const note = new Uint8Array(NOTE_HEADER + PRSTATUS);
  const status = new DataView(note.buffer);
  [5, PRSTATUS, 1].forEach((word, i) => status.setUint32(4 * i, word, true));
  note.set(new TextEncoder().encode("CORE"), 12);
  registers.x.forEach((value, n) => status.setBigUint64(NOTE_HEADER + REGISTERS + 8 * n, n === 0 ? registers.pc : value, true));
  const headers = 64 + PROGRAM_HEADER * (segments.length + 1);
  const file = new Uint8Array(headers + note.length + segments.reduce((sum, { bytes }) => sum + bytes.length, 0));
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  [4, 243].forEach((half, i) => view.setUint16(16 + 2 * i, half, true));
  view.setUint32(20, 1, true);
  view.setBigUint64(32, 64n, true);
  [64, PROGRAM_HEADER, segments.length + 1, 64].forEach((half, i) => view.setUint16(52 + 2 * i, half, true));
  let at = headers;
  const put = (i: number, type: number, va: bigint, bytes: Uint8Array): void => {
    const header = 64 + PROGRAM_HEADER * i;
    view.setUint32(header, type, true);
    view.setUint32(header + 4, 7, true);
    [BigInt(at), va, 0n, BigInt(bytes.length), type === 1 ? BigInt(bytes.length) : 0n, 1n].forEach((wide, k) => view.setBigUint64(header + 8 + 8 * k, wide, true));
    file.set(bytes, at);
    at += bytes.length;
  };
  put(0, 4, 0n, note);
  segments.forEach(({ va, bytes }, i) => put(i + 1, 1, va, bytes));
  return file;
}

/** RAM where the kernel has it, and the pages of its stack. */
function segments(machine: Machine, registers: Registers, read: ReadMemory): Segment[] {
  const chunk = 4 * 2 ** 20;
  const found: Segment[] = [];
  for (let at = 0; at < machine.memory.plan.ramBytes; at += chunk) found.push({ va: BigInt(RAM + at), bytes: machine.inspect.physical(RAM + at, chunk)! });
  const page = registers.x[SP]! & ~4095n;
  for (const va of page < 1n << 32n ? [] : [page, page + 4096n]) {
    const bytes = read(va, 4096);
    if (bytes !== undefined) found.push({ va, bytes });
  }
  return found;
}

/** Lists each frame (but those that gdb invents for tail calls) and its variables: numbers in hexadecimal, others by address. */
const SCRIPT = `
import gdb
numbers = (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_ENUM, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_CHAR)
def said(symbol, frame):
  value = symbol.value(frame)
  if value.is_optimized_out: return "gone"
  if value.type.strip_typedefs().code in numbers: return "%x" % (int(value) & (1 << 64) - 1)
  return "held" if value.address is None else "at %x" % int(value.address)
def variables(frame):
  try: block = frame.block()
  except RuntimeError: return
  while block is not None and not block.is_global and not block.is_static:
    for symbol in block:
      if (symbol.is_argument or symbol.is_variable) and symbol.addr_class != gdb.SYMBOL_LOC_STATIC:
        try: print("variable|%s|%s" % (symbol.name, said(symbol, frame)))
        except Exception as error: print("variable|%s|%s" % (symbol.name, error))
    if block.function is not None: return
    block = block.superblock
frame = gdb.newest_frame()
while frame is not None:
  if frame.type() != gdb.TAILCALL_FRAME:
    print("frame|%s" % frame.name())
    variables(frame)
  try: frame = frame.older()
  except gdb.error: break
`;

/** Each frame's function and variables, innermost first. A variable that is in several blocks has several values. */
export function gdbVariables(kernel: string, registers: Registers, machine: Machine, read: ReadMemory): { function: string; variables: Map<string, string[]> }[] {
  const folder = mkdtempSync(join(tmpdir(), "pagewalk-core-"));
  try {
    const [core, script] = [join(folder, "core"), join(folder, "list.py")];
    writeFileSync(core, coreFile(registers, segments(machine, registers, read)));
    writeFileSync(script, SCRIPT);
    const said = output("gdb-multiarch", ["-nx", "-batch", "-ex", "set osabi GNU/Linux", "-ex", "set backtrace past-main on", "-ex", `file ${kernel}`, "-ex", `core-file ${core}`, "-x", script]);
    const frames: { function: string; variables: Map<string, string[]> }[] = [];
    for (const [kind, name = "", value = ""] of said.split("\n").map((line) => line.split("|"))) {
      if (kind === "frame") frames.push({ function: name, variables: new Map() });
      const variables = frames.at(-1)?.variables;
      if (kind === "variable") variables?.set(name, [...(variables.get(name) ?? []), value]);
    }
    return frames;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
