// What a machine is made from, what it takes from outside, and why it stops: the words that faces use.

import type { BlockBackend } from "./bus.ts";
import { planMemory, type MemoryPlan } from "./hart/layout.ts";
import { MAX_HARTS } from "./memory-map.ts";

export type EngineName = "interpreter" | "reference";
export const ENGINE_NAMES: readonly EngineName[] = ["interpreter", "reference"];

/** What to build. Images are the bytes of ELF files or raw images. */
export interface MachineOptions {
  /** Bytes of RAM, a multiple of 4096; default 128 MiB. */
  readonly memory?: number | undefined;
  /** Number of harts, 1 to 8; default 1. */
  readonly harts?: number | undefined;
  readonly engine?: EngineName | undefined;
  /** Firmware that runs first, in machine mode; absent: the kernel starts in machine mode. */
  readonly bios?: Uint8Array | null | undefined;
  readonly kernel?: Uint8Array | undefined;
  readonly initrd?: Uint8Array | undefined;
  /** The kernel's command line. */
  readonly append?: string | undefined;
  /** Disks, by virtio slot. */
  readonly disks?: readonly (BlockBackend | null)[] | undefined;
  /** Who sets a PTE's A and D bits: hardware (as QEMU), or software after a page fault (Svade). */
  readonly adUpdate?: "hardware" | "fault" | undefined;
  /** Seed of what the device tree calls rng-seed. */
  readonly seed?: number | undefined;
  /** Seconds since 1970 that the clock chip shows at virtual time 0. */
  readonly epoch?: number | undefined;
}

/** Why `run` came back. */
export type Stop =
  /** The steps asked for were taken. */
  | { readonly reason: "budget" }
  /** Every hart waits for an interrupt; the next alarm is at `wakeAt` ns (Infinity: only input can wake it). */
  | { readonly reason: "idle"; readonly wakeAt: number }
  /** The guest ended the run; code 0 is success. */
  | { readonly reason: "poweroff"; readonly code: number }
  /** The guest asked for a reset; `reset` does it. */
  | { readonly reason: "reset" }
  /** `pause` was called. */
  | { readonly reason: "paused" };

/** Something from outside. */
export interface Input {
  readonly kind: "console";
  readonly bytes: Uint8Array;
}

/** An input and the virtual time (ns) at which the machine took it in. */
export interface InputEntry extends Input {
  readonly at: number;
}

/** Smallest and largest RAM, in bytes. */
export const MEMORY_LIMITS = { least: 2 ** 20, most: 3 * 2 ** 30 } as const;
/** 2026-01-01T00:00:00Z: what the clock chip shows unless told otherwise, so that runs are alike. */
export const DEFAULT_EPOCH = 1_767_225_600;

/** Check the sizes asked for and lay out memory. */
export function planOf(options: MachineOptions): MemoryPlan {
  const harts = options.harts ?? 1;
  const memory = options.memory ?? 128 * 2 ** 20;
  if (!Number.isInteger(harts) || harts < 1 || harts > MAX_HARTS) throw new Error(`${harts} harts: there must be 1 to ${MAX_HARTS}`);
  if (!(memory >= MEMORY_LIMITS.least && memory <= MEMORY_LIMITS.most)) throw new Error(`${memory} bytes of memory: there must be 1 MiB to 3 GiB`);
  if (memory % 4096 !== 0) throw new Error(`${memory} bytes of memory: not a multiple of 4096`);
  if (options.engine !== undefined && !ENGINE_NAMES.includes(options.engine)) throw new Error(`there is no engine ${String(options.engine)}`);
  return planMemory(harts, memory);
}
