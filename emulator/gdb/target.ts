// What a gdb connection needs of the world below it: the machine to look at, ways to change it, to stop it and to set it going.

import type { Machine } from "../machine.ts";
import type { Report, RunControl } from "../monitor/run-control.ts";
import type { AddressSpace } from "../monitor/address-space.ts";

/** Z packets by number: software and hardware breakpoints, and watchpoints on writes, reads and both. */
export const STOP_KINDS = ["breakpoint", "hardware breakpoint", "write", "read", "access"] as const;
export type StopKind = (typeof STOP_KINDS)[number];

export interface GdbTarget {
  readonly machine: Machine;
  readonly control: RunControl;
  /** Whether it can go back. */
  readonly hasHistory: boolean;
  /** Put something to stop at into the machine; the number that reports name it by. Throws an Error of one line. */
  insert(kind: StopKind, address: bigint, length: number, physical: boolean): number;
  /** Take it out again. */
  remove(id: number): void;
  /** Each of these changes the machine; false when that cannot be. */
  writeRegister(hart: number, register: number, value: bigint): boolean;
  writeMemory(space: AddressSpace, address: bigint, bytes: Uint8Array): boolean;
  /** Why a hart cannot run from where its pc is, as a sentence; undefined when it can, or when a program's page may only have to be brought in. */
  cannotRun(hart: number): string | undefined;
  /** The addresses that a hart sees now. */
  space(hart: number): AddressSpace;
  /** Carry out a line of the monitor's, about this hart unless it names another, and give its text, errors included. */
  monitor(line: string, hart: number): Promise<string>;
  /** A stop that is none of gdb's own in words: an alarm, a catch or breakpoint of the monitor's; "" for others. `own` knows gdb's points by number. */
  explain(report: Report, own: (id: number) => boolean): string;
  /** What the hart runs now, such as "pid 7 cowtest", where that is known. */
  processOf(hart: number): string | undefined;
  /** What gdb may read as files, by name; KERNEL_FILE among them if the kernel is an ELF file. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** gdb asked for the end of the machine. */
  kill(): void;
}
