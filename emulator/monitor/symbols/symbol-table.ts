// The names of an ELF file's symbol table by address, and back.

import type { ElfSymbol } from "../../boot/elf-file.ts";
import { countBefore } from "./search.ts";
import { type Sections, wideAddress } from "./sections.ts";

/** A name of the symbol table. */
export interface ElfName {
  readonly name: string;
  /** As linked (no bias). */
  readonly address: bigint;
  /** Bytes; 0 when unknown, as for labels in assembly. */
  readonly size: bigint;
  readonly kind: "function" | "object" | "label";
}

interface Entry extends ElfName {
  /** Which of several names at one address is the best: the smallest. */
  readonly rank: number;
  /** Where the section ends: a label without a size reaches no further. */
  readonly end: bigint;
}

const OBJECT = 1;
const FUNC = 2;
const ABSOLUTE = 0xfff1;
/** Marks of a linker script or of a page (xv6's trampoline), which no person would use for the code that begins there. */
const MARK = /^(__.*|.*_(start|begin|end)|etext|edata|end|_?trampoline)$/;
/** Enclosing symbols are looked for so many names back. */
const BACK = 32;

/** Names sorted by address; made once a file. */
export class SymbolTable {
  private readonly byAddress: readonly Entry[];
  private readonly byName = new Map<string, ElfName>();

  constructor(sections: Sections) {
    const places = new Map(sections.allocated().map((part) => [part.index, part]));
    const entries: Entry[] = [];
    for (const symbol of sections.symbols()) {
      const place = places.get(symbol.section);
      const address = wideAddress(symbol.value);
      if (!isName(symbol)) continue;
      if (place === undefined && symbol.section !== ABSOLUTE) continue;
      const entry = { name: symbol.name, address, size: BigInt(symbol.size), kind: kindOf(symbol), rank: rankOf(symbol), end: place?.end ?? address };
      const same = this.byName.get(symbol.name) as Entry | undefined;
      if (same === undefined || entry.rank < same.rank) this.byName.set(symbol.name, entry);
      if (place !== undefined) entries.push(entry);
    }
    this.byAddress = entries.sort((a, b) => (a.address !== b.address ? (a.address < b.address ? -1 : 1) : b.rank - a.rank || (a.name < b.name ? 1 : -1)));
  }

  /** Every name, by address. */
  all(): readonly ElfName[] {
    return this.byAddress;
  }

  find(name: string): ElfName | undefined {
    return this.byName.get(name);
  }

  /** What contains the address: a function or object by its size, a label up to the next name. */
  at(address: bigint): ElfName | undefined {
    const list = this.byAddress;
    const behind = countBefore(list.length, (i) => list[i]!.address <= address);
    for (let i = behind - 1; i >= Math.max(0, behind - BACK); i--) {
      const { address: start, size, end } = list[i]!;
      if (size === 0n ? address < end && list[behind - 1]!.address === start : address < start + size) return list[i];
    }
    return undefined;
  }
}

/** Whether it names something: no section, no file, none of the marks that tools leave ($x, .L12). */
function isName({ name, type, section }: ElfSymbol): boolean {
  return type <= FUNC && section !== 0 && name !== "" && !name.startsWith("$") && !name.startsWith(".L");
}

const kindOf = ({ type }: ElfSymbol): ElfName["kind"] => (type === FUNC ? "function" : type === OBJECT ? "object" : "label");

/** Functions before objects before labels before a linker script's marks; among these the global ones first. */
function rankOf({ name, type, binding }: ElfSymbol): number {
  const class_ = type === FUNC ? 0 : type === OBJECT ? 1 : MARK.test(name) ? 3 : 2;
  return class_ * 2 + (binding === 0 ? 1 : 0);
}
