// The programs whose symbols can be had: their files, by name and by the headers that stand at their start.

import { isElf } from "../../boot/elf-file.ts";
import { Symbols } from "./symbols.ts";

/** A program or library, as the host has it. */
export interface ProgramFile {
  /** Its path on the guest's disk without the first slash: "ls", "lib/libc.so". */
  readonly name: string;
  readonly elf: () => Uint8Array;
  /** The debug file that belongs to it, if there is one. */
  readonly debug?: () => Uint8Array | undefined;
}

/** ELF header and first program header: they say how long each part is, so that two files seldom share them. */
const HEADER = 120;

/** Files by name and by header; each is read, and opened, when it is first wanted. A file that is damaged is left out. */
export class ProgramFiles {
  private readonly byName = new Map<string, ProgramFile>();
  private readonly opened = new Map<ProgramFile, Symbols | undefined>();
  private headers: Map<string, ProgramFile> | undefined;

  constructor(files: Iterable<ProgramFile>) {
    for (const file of files) this.byName.set(file.name, file);
  }

  /** The file called so: "/lib/libc.so", "libc.so", "sh" or "/bin/sh" when there is just a "sh". */
  named(path: string): ProgramFile | undefined {
    const name = path.replace(/^\/+/, "");
    const last = name.split("/").at(-1)!;
    return this.byName.get(name) ?? this.byName.get(last) ?? this.byName.get(`lib/${last}`);
  }

  /** The file that begins with these bytes (HEADER_BYTES of them are looked at). */
  withHeader(bytes: Uint8Array): ProgramFile | undefined {
    this.headers ??= new Map([...this.byName.values()].map((file) => [keyOf(file.elf()), file]));
    return this.headers.get(keyOf(bytes));
  }

  /** Its symbols, at the addresses of the file; undefined when it is damaged. */
  symbols(file: ProgramFile): Symbols | undefined {
    if (this.opened.has(file)) return this.opened.get(file);
    let symbols: Symbols | undefined;
    try {
      const debug = file.debug?.();
      symbols = Symbols.fromElf(file.elf(), { name: file.name, ...(debug === undefined ? {} : { debug }) });
    } catch {
      symbols = undefined; // no ELF file, or a damaged one: the program runs without names
    }
    this.opened.set(file, symbols);
    return symbols;
  }
}

/** How many bytes `withHeader` wants. */
export const HEADER_BYTES = HEADER;

const keyOf = (bytes: Uint8Array): string => (isElf(bytes) ? bytes.subarray(0, HEADER).join() : "");
