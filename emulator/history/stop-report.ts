// What the debugger says when the machine has stopped, and what it can be asked to stop at. Plain records.

import type { Accessor, WatchRange } from "../stops.ts";
import type { Access, WalkReason } from "../mmu/walk.ts";

/** An event to stop at; what is left out may be anything. */
export type CatchSpec =
  /** An exception, by cause number (Privileged ISA, mcause). */
  | { readonly kind: "trap"; readonly cause?: number | undefined }
  /** An interrupt, by number. */
  | { readonly kind: "interrupt"; readonly cause?: number | undefined }
  /** A failed walk: a page fault, or the access fault that it may become. */
  | { readonly kind: "page-fault"; readonly why?: WalkReason | undefined; readonly access?: Access | undefined }
  /** An ecall from user mode with this number in a7. */
  | { readonly kind: "syscall"; readonly number?: number | undefined }
  /** A CSR written by an instruction, by its address. */
  | { readonly kind: "csr"; readonly csr: number };

/** How a stop point is limited. */
export interface PointOptions {
  /** Asked at each hit with the machine exact; false: go on. Must not change the machine. One that throws holds. */
  readonly condition?: ((hart: number) => boolean) | undefined;
  /** Removed when it has stopped the machine once. */
  readonly temporary?: boolean | undefined;
  /** Only on this hart. */
  readonly hart?: number | undefined;
  /** Only where satp.PPN is this (an address space). */
  readonly root?: number | undefined;
  /** Hits to let pass first. */
  readonly ignore?: number | undefined;
  /** What the owner calls it, such as "panic". */
  readonly label?: string | undefined;
}

/** Where or at what to stop. */
export type PointPlace =
  | { readonly kind: "breakpoint"; readonly address: bigint }
  | ({ readonly kind: "watchpoint" } & WatchRange)
  | { readonly kind: "catch"; readonly what: CatchSpec };

/** A breakpoint, watchpoint or catchpoint. */
export interface Point {
  readonly id: number;
  readonly place: PointPlace;
  readonly options: PointOptions;
  readonly enabled: boolean;
  /** Times that it was met going forward, its condition holding. */
  readonly hits: number;
}

/** One thing that stopped the machine. `id` is that of the point. */
export type StopReason =
  | { readonly kind: "breakpoint"; readonly id: number; readonly address: bigint; readonly label?: string | undefined }
  | {
    readonly kind: "watchpoint"; readonly id: number; readonly access: "read" | "write"; readonly by: Accessor; readonly label?: string | undefined;
    /** What was accessed: physical address, virtual address (0 when no hart did it), bytes. */
    readonly pa: bigint; readonly va: bigint; readonly size: number;
    /** What the watched range holds (its first 64 bytes), and held before when that is known; absent where it cannot be read. */
    readonly now?: Uint8Array | undefined; readonly old?: Uint8Array | undefined;
  }
  | { readonly kind: "catch"; readonly id: number; readonly what: CatchSpec; readonly label?: string | undefined }
  /** What was begun is done: step, next, until and their reverses. */
  | { readonly kind: "step" }
  /** A function returned; `value` is a0. Going back: its call is next. */
  | { readonly kind: "finish"; readonly value?: bigint | undefined }
  | { readonly kind: "until" }
  /** `pause` was called. */
  | { readonly kind: "paused" }
  /** Going back came to the start of history. */
  | { readonly kind: "start" };

/** The machine has stopped for the debugger. Going forward a watchpoint or catch has just happened; going back it is about to. */
export interface StopReport {
  readonly reason: "stop";
  /** The first of `all`. */
  readonly why: StopReason;
  /** Everything that holds at this stop; at least one. */
  readonly all: readonly StopReason[];
  /** Whose stop it is, and that hart's pc now. */
  readonly hart: number;
  readonly pc: bigint;
  readonly moment: number;
  readonly backward: boolean;
}
