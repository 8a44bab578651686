// The functions of an ELF64 file with their addresses, for the kernel's own symbol table.

/** A function: where it starts and what it is called. */
export interface FunctionSymbol {
  readonly address: bigint;
  readonly name: string;
}

const SHT_SYMTAB = 2;
const SHF_EXECINSTR = 4n;
const STT_NOTYPE = 0;
const STT_FUNC = 2;
const STB_LOCAL = 0;
const SYMBOL_SIZE = 24;

interface Section {
  readonly type: number;
  readonly flags: bigint;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

/** Section headers of an ELF64 little-endian file that a linker has just written. */
function sectionsOf(view: DataView): Section[] {
  if (view.getUint32(0) !== 0x7f454c46 || view.getUint8(4) !== 2) throw new Error("not an ELF64 file");
  const start = Number(view.getBigUint64(40, true));
  const count = view.getUint16(60, true);
  return Array.from({ length: count }, (_, i) => {
    const at = start + i * 64;
    return {
      type: view.getUint32(at + 4, true),
      flags: view.getBigUint64(at + 8, true),
      offset: Number(view.getBigUint64(at + 24, true)),
      size: Number(view.getBigUint64(at + 32, true)),
      link: view.getUint32(at + 40, true),
    };
  });
}

function stringAt(bytes: Uint8Array, offset: number): string {
  let end = offset;
  while (bytes[end] !== 0) end++;
  return new TextDecoder().decode(bytes.subarray(offset, end));
}

/**
 * Every function, sorted by address, one name an address (a function's before a mere label's, a global before a local one, then by name).
 * Assembly labels without a type count when they are global and stand in executable code.
 */
export function functionsOf(elf: Uint8Array): FunctionSymbol[] {
  const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
  const sections = sectionsOf(view);
  const table = sections.find((section) => section.type === SHT_SYMTAB);
  if (table === undefined) throw new Error("the ELF file has no symbol table");
  const strings = sections[table.link]!;
  const found: (FunctionSymbol & { rank: number })[] = [];
  for (let at = table.offset; at < table.offset + table.size; at += SYMBOL_SIZE) {
    const type = view.getUint8(at + 4) & 15;
    const local = view.getUint8(at + 4) >> 4 === STB_LOCAL;
    const section = sections[view.getUint16(at + 6, true)];
    const inCode = section !== undefined && (section.flags & SHF_EXECINSTR) !== 0n;
    if (!inCode || !(type === STT_FUNC || (type === STT_NOTYPE && !local))) continue;
    const rank = (type === STT_FUNC ? 0 : 2) + (local ? 1 : 0);
    found.push({ address: view.getBigUint64(at + 8, true), name: stringAt(elf, strings.offset + view.getUint32(at, true)), rank });
  }
  found.sort((a, b) =>
    a.address !== b.address ? (a.address < b.address ? -1 : 1) : a.rank !== b.rank ? a.rank - b.rank : a.name < b.name ? -1 : 1,
  );
  return found.filter((symbol, i) => i === 0 || symbol.address !== found[i - 1]!.address).map(({ address, name }) => ({ address, name }));
}
