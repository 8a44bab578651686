// What a command line asks for, whichever dialect it was written in, and how its values are read.
import { EVENT_NAMES, type EventName } from "../events.ts";
import { ENGINE_NAMES, MEMORY_LIMITS, type EngineName } from "../machine.ts";
import { MAX_HARTS, VIRTIO_SLOTS } from "../memory-map.ts";
import { UsageError } from "./errors.ts";

/** A disk image on the host. */
export interface DiskSetting {
  readonly file: string;
  /** The guest may only read. */
  readonly readOnly?: boolean;
  /** What the guest writes is kept in memory and forgotten at the end. */
  readonly snapshot?: boolean;
}

/** Everything needed to build a machine and to run it. File names are as the person wrote them. */
export interface Settings {
  /** Undefined: the kernel of this checkout (or none, behind firmware). */
  kernel: string | undefined;
  /** Firmware; null for none. */
  bios: string | null;
  initrd: string | undefined;
  /** Parts of the kernel's command line, to be joined by spaces. */
  append: string[];
  /** By virtio slot; null is an empty slot. Undefined: this checkout's default disk in slot 0. */
  disks: (DiskSetting | null)[] | undefined;
  /** Bytes of RAM. */
  memory: number;
  harts: number;
  engine: EngineName;
  adUpdate: "hardware" | "fault";
  trace: EventName[];
  /** Where trace lines go; undefined: standard error. */
  traceFile: string | undefined;
  /** A command line for the guest's shell: run it without a terminal and end with its status. */
  run: string | undefined;
  /** Start again when the guest resets the machine; otherwise end with status 0. */
  reboot: boolean;
  /** TCP port on which gdb is served, on this computer only; 0: one that is free. Undefined: gdb is not served. */
  gdb: number | undefined;
  /** Nothing runs before a debugger says so. */
  wait: boolean;
  /** Begin with the monitor's prompt, before anything runs. */
  monitor: boolean;
  /** A file of monitor commands to carry out, without a terminal. */
  script: string | undefined;
  /** Where to write a recording of the run, at its end. */
  record: string | undefined;
  /** A recording that is the beginning of the run. */
  replay: string | undefined;
  /** A debug client talks to us over standard input and output, and says what to run. */
  dap: boolean;
}

/** Where gdb is served unless told otherwise: as QEMU's -s. */
export const GDB_PORT = 1234;

/** What holds when nothing is asked for. */
export function defaultSettings(): Settings {
  return {
    kernel: undefined, bios: null, initrd: undefined, append: [], disks: undefined, memory: 128 * 2 ** 20, harts: 1,
    engine: "interpreter", adUpdate: "hardware", trace: [], traceFile: undefined, run: undefined, reboot: true,
    gdb: undefined, wait: false, monitor: false, script: undefined, record: undefined, replay: undefined, dap: false,
  };
}

const UNITS: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** Bytes of a size such as 128M or 1G; a number alone counts MiB. `option` is what the person wrote before it. */
export function memorySize(text: string, option: string): number {
  const [, digits, unit] = /^(\d+)([KMGT]?)(?:i?B)?$/i.exec(text) ?? [];
  if (digits === undefined) throw new UsageError(`${option} ${text}: not a size of memory (128M and 1G are)`);
  const bytes = Number(digits) * UNITS[unit === "" ? "M" : unit!.toUpperCase()]!;
  if (!(bytes >= MEMORY_LIMITS.least && bytes <= MEMORY_LIMITS.most)) {
    throw new UsageError(`${option} ${text}: a machine has ${MEMORY_LIMITS.least / 2 ** 20}M to ${MEMORY_LIMITS.most / 2 ** 30}G of memory`);
  }
  if (bytes % 4096 !== 0) throw new UsageError(`${option} ${text}: not a multiple of 4 KiB`);
  return bytes;
}

/** A number of harts. */
export function hartCount(text: string, option: string): number {
  const n = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(n >= 1 && n <= MAX_HARTS)) throw new UsageError(`${option} ${text}: a machine has 1 to ${MAX_HARTS} harts`);
  return n;
}

/** A TCP port. */
export function portNumber(text: string, option: string): number {
  const n = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (!(n <= 65535)) throw new UsageError(`${option} ${text}: not a TCP port (0 to 65535)`);
  return n;
}

/** One of a few words. */
export function oneOf<T extends string>(words: readonly T[], text: string, option: string): T {
  const found = words.find((w) => w === text);
  if (found === undefined) throw new UsageError(`${option} ${text}: must be ${words.join(" or ")}`);
  return found;
}

export const engineName = (text: string, option: string): EngineName => oneOf(ENGINE_NAMES, text, option);

/** A list of event names with commas between them; `all` stands for every one but single instructions. */
export function eventNames(text: string, option: string): EventName[] {
  return text.split(",").flatMap((word) => {
    if (word === "all") return EVENT_NAMES.filter((name) => name !== "instruction");
    if (!(EVENT_NAMES as readonly string[]).includes(word)) {
      throw new UsageError(`${option} ${text}: there is no event ${word === "" ? "without a name" : word}; there are ${EVENT_NAMES.join(", ")}, and all`);
    }
    return [word as EventName];
  });
}

/** Throws when the machine would wait for ever. */
export function checkWait({ gdb, wait }: Settings, option: string): void {
  if (wait && gdb === undefined) throw new UsageError(`${option}: nothing would ever start the machine; serve gdb too`);
}

/** Throws when there are more disks than slots. */
export function checkDiskCount(count: number): void {
  if (count > VIRTIO_SLOTS) throw new UsageError(`${count} disks: a machine has ${VIRTIO_SLOTS} slots for them`);
}
