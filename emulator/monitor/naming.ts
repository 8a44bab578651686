// Addresses as names: function and offset, file and line, whichever program's symbols are right at that place.

import { SUPERVISOR } from "../mmu/walk.ts";
import { hex } from "./format.ts";
import type { Space } from "./look.ts";
import type { SymbolSpace } from "./symbols/space.ts";
import type { Symbols } from "./symbols/symbols.ts";
import type { ReadMemory } from "./symbols/value.ts";

/** Further from its symbol than this, an address is not named after it. */
const NEAR = 0x10000n;
/** Names for completion, at most. */
const OFFERED = 100;
/** What kernels call their table of system calls: pointers to functions sys_…, by number. */
const CALL_TABLES = ["syscalls", "handlers"] as const;
const MOST_CALLS = 1024;

export class Naming {
  private readonly space: SymbolSpace;
  private readonly readKernel: ReadMemory;
  private calls: readonly (string | undefined)[] | undefined;

  constructor(space: SymbolSpace, readKernel: ReadMemory) {
    this.space = space;
    this.readKernel = readKernel;
  }

  get kernel(): Symbols | undefined {
    return this.space.kernel;
  }

  /** The symbols that are right at an address. */
  source(va: bigint, space: Space): Symbols | undefined {
    return this.space.at(space.privilege, space.pid, va);
  }

  /** "main+0x3c", or "" where nothing is known. */
  name(va: bigint, space: Space): string {
    return nameFrom(this.source(va, space), va);
  }

  /** The same for code of the kernel. */
  kernelName(va: bigint): string {
    return nameFrom(this.space.at(SUPERVISOR, undefined, va), va);
  }

  /** Name and line: "threetest+0x3c cowtest.c:41"; the address where nothing is known. */
  place(va: bigint, space: Space): string {
    const name = this.name(va, space);
    return [name === "" ? hex(va) : name, this.line(va, space)].filter((t) => t !== "").join(" ");
  }

  /** "guest-kernel/vm/pmap.c:212", or "". */
  line(va: bigint, space: Space): string {
    const at = this.lineOf(va, space);
    return at === undefined ? "" : `${at.file}:${at.line}`;
  }

  lineOf(va: bigint, space: Space): { readonly file: string; readonly line: number } | undefined {
    return this.source(va, space)?.lineAt(va);
  }

  /** The function around an address. */
  function(va: bigint, space: Space): { readonly name: string; readonly start: bigint; readonly end: bigint } | undefined {
    return this.source(va, space)?.functionAt(va);
  }

  /** Address of a name: of the programs of the process, else of the kernel; the kernel's first where that runs. */
  addressOf(name: string, space: Space): bigint | undefined {
    const kernel = this.kernel?.addressOf(name);
    if (space.privilege !== 0 && kernel !== undefined) return kernel;
    return this.space.addressOf(name, space.pid);
  }

  /** Where a line of source has code: in the programs of the process, or the kernel. `file` may be the end of a path. */
  addressesOfLine(file: string, line: number, pid: number | undefined): bigint[] {
    for (const symbols of [...this.space.modules(pid), ...(this.kernel === undefined ? [] : [this.kernel])]) {
      const found = symbols.addressesOfLine(file, line);
      if (found.length > 0) return found;
    }
    return [];
  }

  /** Names of the kernel's symbols that begin so, a hundred at most. */
  beginningWith(prefix: string): string[] {
    const found: string[] = [];
    for (const s of this.kernel?.symbols() ?? []) {
      if (s.name.startsWith(prefix)) found.push(s.name);
      if (found.length >= OFFERED) break;
    }
    return found;
  }

  /** Name of a system call by number, as the kernel's table has it; undefined where that is not known. */
  systemCall(number: number): string | undefined {
    return this.systemCalls()[number];
  }

  systemCallNumber(name: string): number | undefined {
    const n = this.systemCalls().indexOf(name);
    return n < 0 ? undefined : n;
  }

  private systemCalls(): readonly (string | undefined)[] {
    if (this.calls !== undefined) return this.calls;
    for (const name of CALL_TABLES) {
      const table = this.kernel?.variable(name);
      const n = Math.min(table?.type.bare.count ?? 0, MOST_CALLS);
      const names = table === undefined ? [] : Array.from({ length: n }, (_, i) => this.callAt(table.address + BigInt(8 * i)));
      if (names.some((c) => c !== undefined)) return (this.calls = names);
    }
    return (this.calls = []);
  }

  private callAt(address: bigint): string | undefined {
    const bytes = this.kernel?.image(address, 8) ?? this.readKernel(address, 8);
    if (bytes === undefined || bytes.length < 8) return undefined;
    const hit = this.kernel?.symbolAt(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    return hit?.offset === 0n && hit.name.startsWith("sys_") && hit.name !== "sys_unimplemented" ? hit.name.slice(4) : undefined;
  }
}

function nameFrom(source: Symbols | undefined, va: bigint): string {
  const symbol = source?.symbolAt(va);
  if (symbol === undefined || symbol.offset > NEAR) return "";
  return symbol.offset === 0n ? symbol.name : `${symbol.name}+${hex(symbol.offset)}`;
}
