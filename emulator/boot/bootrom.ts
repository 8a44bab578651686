// The first instructions of every hart: put its number in a0, the device tree's address in a1, the address of
// OpenSBI's "dynamic information" in a2, and jump to the entry. Also where in RAM the pieces of a boot go.
import { BOOT_ROM } from "../memory-map.ts";

/** Where the ROM jumps and what it hands over. Physical addresses. */
export interface ResetVector {
  readonly entry: number;
  readonly fdt: number;
  /** Where a firmware at `entry` goes on, in S mode; absent: there is no firmware. */
  readonly next?: number | undefined;
}

const CSRR_A0_MHARTID = 0xf140_2573;
const AUIPC_T0 = 0x0000_0297;
const JR_T0 = 0x0002_8067;
const A1 = 11;
const A2 = 12;
const T0 = 5;

const ENTRY_AT = 32;
const FDT_AT = 40;
const INFO_AT = 48;

const INFO_MAGIC = 0x4942_534f; // "OSBI"
const INFO_VERSION = 2;
const INFO_NEXT_MODE_S = 1;

/** The bytes of the ROM, for the address BOOT_ROM. */
export function resetVector(vector: ResetVector): Uint8Array {
  const rom = new Uint8Array(INFO_AT + 48);
  const view = new DataView(rom.buffer);
  const code = [
    AUIPC_T0, // t0 = this instruction's address: the start of the ROM
    addi(A2, T0, INFO_AT),
    CSRR_A0_MHARTID,
    ld(A1, T0, FDT_AT),
    ld(T0, T0, ENTRY_AT),
    JR_T0,
  ];
  code.forEach((word, i) => view.setUint32(i * 4, word, true));
  putWide(view, ENTRY_AT, vector.entry);
  putWide(view, FDT_AT, vector.fdt);
  const info = [INFO_MAGIC, INFO_VERSION, vector.next ?? 0, INFO_NEXT_MODE_S, 0, 0];
  info.forEach((value, i) => putWide(view, INFO_AT + i * 8, value));
  return rom;
}

/** pc of every hart at reset. */
export const RESET_PC = BOOT_ROM;

const FDT_ALIGNMENT = 2 ** 21;
const PAGE = 4096;

/**
 * Where the device tree goes: as high in RAM as a 2 MiB boundary allows (page boundary in a RAM too small for
 * that), so that a kernel at the start of RAM does not meet it; never below `above`. Null when it does not fit at all.
 */
export function placeFdt(ramBase: number, ramSize: number, length: number, above = ramBase): number | null {
  const end = ramBase + ramSize;
  for (const alignment of [FDT_ALIGNMENT, PAGE]) {
    const place = Math.floor((end - length) / alignment) * alignment;
    if (place > ramBase && place >= above) return place;
  }
  return null;
}

/**
 * Where the initial RAM disk goes: half-way up RAM (at most 128 MiB up) or after the kernel if that is later,
 * on a page boundary. Null when it does not fit below `limit` (the device tree).
 */
export function placeInitrd(ramBase: number, ramSize: number, kernelEnd: number, length: number, limit: number): number | null {
  const wanted = Math.max(ramBase + Math.min(ramSize / 2, 128 * 2 ** 20), kernelEnd);
  const place = Math.ceil(wanted / PAGE) * PAGE;
  return place + length <= limit ? place : null;
}

function addi(rd: number, rs1: number, immediate: number): number {
  return ((immediate << 20) | (rs1 << 15) | (rd << 7) | 0x13) >>> 0;
}

function ld(rd: number, rs1: number, immediate: number): number {
  return ((immediate << 20) | (rs1 << 15) | (3 << 12) | (rd << 7) | 0x03) >>> 0;
}

function putWide(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 2 ** 32, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}
