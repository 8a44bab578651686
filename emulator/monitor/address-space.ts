// Memory as a debugger asks for it: by virtual address as a hart sees it now, or by physical address. Pages that the hart's
// privilege could not touch (user pages from the kernel, execute-only pages) are still shown: a debugger may look.

import { SLOT } from "../hart/layout.ts";
import type { Machine } from "../machine.ts";
import { LOAD } from "../mmu/walk.ts";
import { lookUp } from "./page-table.ts";

/** Physical address behind an address; undefined where nothing is mapped. */
export type AddressSpace = (address: bigint) => number | undefined;

const PAGE = 4096n;
const TOP = 1n << 64n;
/** Physical addresses have 56 bits. */
const PHYSICAL_TOP = 1n << 56n;

export const physicalSpace: AddressSpace = (address) => (address < PHYSICAL_TOP ? Number(address) : undefined);

/**
 * What a hart sees: as it would load, then whatever its page table maps, then what the tables with the roots `others` map
 * (where kernel and programs have tables of their own: that of the process which it runs, and the kernel's).
 */
export function hartSpace(machine: Machine, hart: number, others: readonly (number | undefined)[]): AddressSpace {
  const h = machine.harts[hart]!;
  const [lo, hi] = [h.low(SLOT.satp), h.high(SLOT.satp)];
  const own = hi >>> 28 === 8 ? (hi & 0xfff) * 2 ** 32 + (lo >>> 0) : undefined;
  const roots = [...new Set([own, ...others])].filter((root) => root !== undefined);
  return (address) => {
    const pa = machine.inspect.translate(hart, address, LOAD);
    if (pa >= 0) return pa;
    for (const root of roots) {
      const found = lookUp(machine, root, address);
      if (found !== undefined) return found.pa;
    }
    return undefined;
  };
}

interface Piece {
  readonly pa: number;
  readonly from: number;
  readonly size: number;
}

/** [address, address + length) as pieces that lie in one page each, with where they are; it ends at the first that is nowhere. */
function* pieces(space: AddressSpace, address: bigint, length: number): Generator<Piece> {
  for (let from = 0; from < length; ) {
    const at = address + BigInt(from);
    const pa = at < TOP ? space(at) : undefined;
    if (pa === undefined) return;
    const size = Math.min(length - from, Number(PAGE - (at & (PAGE - 1n))));
    yield { pa, from, size };
    from += size;
  }
}

/** The bytes from `address` on, `length` of them or as many as there are before the first that cannot be read. */
export function readMemory(machine: Machine, space: AddressSpace, address: bigint, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let done = 0;
  for (const { pa, from, size } of pieces(space, address, length)) {
    const bytes = machine.inspect.physical(pa, size);
    if (bytes === undefined) break;
    out.set(bytes, from);
    done = from + size;
  }
  return out.subarray(0, done);
}

/** Where a write of `bytes` goes; undefined unless all of it is RAM. */
export function placeWrite(machine: Machine, space: AddressSpace, address: bigint, bytes: Uint8Array): { pa: number; bytes: Uint8Array }[] | undefined {
  const out: { pa: number; bytes: Uint8Array }[] = [];
  let done = 0;
  for (const { pa, from, size } of pieces(space, address, bytes.length)) {
    if (machine.memory.host(pa, size) < 0) return undefined;
    out.push({ pa, bytes: bytes.subarray(from, from + size) });
    done = from + size;
  }
  return done === bytes.length ? out : undefined;
}
