// Which symbols are right where: the kernel's, or those of the programs in a process.

import { USER, type Privilege } from "../../mmu/walk.ts";
import { modulesOf, type ProcessMemory } from "./modules.ts";
import type { ProgramFiles } from "./program-files.ts";
import type { Symbols } from "./symbols.ts";

export interface SymbolSpaceOptions {
  readonly kernel?: Symbols | undefined;
  /** Programs that a process may run. */
  readonly files?: ProgramFiles | undefined;
  /** The memory of a process by its number; undefined when there is none such. */
  readonly process?: ((pid: number) => ProcessMemory | undefined) | undefined;
  /** A number that changes whenever the guest may have changed: the machine's moment. */
  readonly moment?: (() => number) | undefined;
}

/** The page that kernels of xv6's kind show in every address space, at the top of the lower half. */
const TRAMPOLINE = (1n << 38n) - 4096n;
const PAGE_MASK = ~4095n;
/** What was found in a process is believed for so many steps, while its name stays the same. */
const BELIEVED = 100_000;

interface Known {
  readonly name: string;
  /** When it was looked at, and how long that is believed. */
  readonly moment: number;
  readonly until: number;
  readonly modules: readonly Symbols[];
}

export class SymbolSpace {
  readonly kernel: Symbols | undefined;
  private readonly options: SymbolSpaceOptions;
  private readonly trampoline: Symbols | undefined;
  private readonly processes = new Map<number, Known>();
  /** What a person has added, for every process or one. */
  private readonly added: { readonly symbols: Symbols; readonly pid: number | undefined }[] = [];

  constructor(options: SymbolSpaceOptions) {
    this.options = options;
    this.kernel = options.kernel;
    const vector = this.kernel?.addressOf("uservec");
    if (vector !== undefined) this.trampoline = this.kernel!.at(this.kernel!.bias + TRAMPOLINE - (vector & PAGE_MASK), this.kernel!.name, { start: TRAMPOLINE, end: TRAMPOLINE + 4096n });
  }

  /**
   * The symbols for an address as code in this mode would mean it: in user mode those of the programs in process `pid`,
   * else the kernel's first. Undefined where none are known.
   */
  at(privilege: Privilege, pid: number | undefined, address: bigint): Symbols | undefined {
    if (privilege !== USER) {
      if (this.kernel?.contains(address) === true) return this.kernel;
      if (this.trampoline?.contains(address) === true) return this.trampoline;
    }
    const holds = (symbols: Symbols): boolean => symbols.contains(address);
    const found = this.modules(pid).find(holds);
    if (found !== undefined || pid === undefined || !this.mayHaveChanged(pid)) return found;
    this.processes.delete(pid);
    return this.modules(pid).find(holds);
  }

  /** The programs in a process, its own first, and what was added. */
  modules(pid: number | undefined): readonly Symbols[] {
    const added = this.added.filter((a) => a.pid === undefined || a.pid === pid).map((a) => a.symbols);
    return pid === undefined ? added : [...added, ...this.found(pid)];
  }

  /** Adds symbols by hand: for one process, or for whatever runs in user mode. */
  add(symbols: Symbols, pid?: number): void {
    this.added.push({ symbols, pid });
  }

  /** A name's address: in the process if it is known there, else in the kernel. */
  addressOf(name: string, pid?: number): bigint | undefined {
    for (const symbols of this.modules(pid)) {
      const address = symbols.addressOf(name);
      if (address !== undefined) return address;
    }
    return this.kernel?.addressOf(name);
  }

  /** Forgets what was found in processes: memory has been changed from outside, or time has gone back. */
  forget(): void {
    this.processes.clear();
  }

  /** Whether the guest has moved on since the process was looked at: a library may have come. */
  private mayHaveChanged(pid: number): boolean {
    const known = this.processes.get(pid);
    return known !== undefined && known.moment !== (this.options.moment?.() ?? 0);
  }

  private found(pid: number): readonly Symbols[] {
    const { files, process } = this.options;
    const moment = this.options.moment?.() ?? 0;
    const known = this.processes.get(pid);
    if (known?.moment === moment) return known.modules;
    const memory = files === undefined ? undefined : process?.(pid);
    if (files === undefined || memory === undefined) return [];
    if (known?.name === memory.name && moment < known.until && moment > known.moment) return known.modules;
    const found = modulesOf(memory, files, this.kernel);
    // What is not proved yet is looked at again as soon as the guest has moved.
    const until = found.some(({ unproved }) => unproved) ? moment : moment + BELIEVED;
    const modules = found.map(({ symbols }) => symbols);
    this.processes.set(pid, { name: memory.name, moment, until, modules });
    return modules;
  }
}
