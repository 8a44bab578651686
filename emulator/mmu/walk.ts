// The Sv39 page-table walk (Privileged ISA, "Virtual Address Translation Process"): every rule, each in one place.
// Pure: it reads page-table entries through `PteReader`, changes nothing, and ends in a translation or a named reason.

/** What an access wants. Numbers, because they also index the three TLBs. */
export const LOAD = 0;
export const STORE = 1;
export const FETCH = 2;
export type Access = typeof LOAD | typeof STORE | typeof FETCH;

/** Privilege levels by their encoding. */
export const USER = 0;
export const SUPERVISOR = 1;
export const MACHINE = 3;
export type Privilege = typeof USER | typeof SUPERVISOR | typeof MACHINE;

export const PTE_V = 1 << 0;
export const PTE_R = 1 << 1;
export const PTE_W = 1 << 2;
export const PTE_X = 1 << 3;
export const PTE_U = 1 << 4;
export const PTE_G = 1 << 5;
export const PTE_A = 1 << 6;
export const PTE_D = 1 << 7;
/** Bits 63:54 (N, PBMT and reserved) as they stand in a PTE's high word. */
const PTE_HIGH_RESERVED = 0xffc00000 | 0;

/** Why an address did not translate. The text after each is what the rule says. */
export type WalkReason =
  | "non-canonical"           // bits 63:39 differ from bit 38
  | "pte-unreadable"          // the entry itself lies where PMP or the bus refuses a read
  | "pte-unwritable"          // A or D should be set in an entry that PMP or the bus refuses to have written
  | "invalid"                 // V = 0
  | "reserved-bits"           // a bit reserved for future use is set
  | "write-without-read"      // W = 1, R = 0
  | "no-leaf"                 // a pointer in the last level
  | "misaligned-superpage"    // low PPN bits of a superpage leaf are not zero
  | "not-readable"            // R = 0 (and not X with MXR)
  | "not-writable"            // W = 0
  | "not-executable"          // X = 0
  | "supervisor-page"         // U = 0, access from U mode
  | "user-page"               // U = 1, access from S mode without SUM
  | "user-page-fetch"         // U = 1, fetch in S mode, whatever SUM says
  | "accessed-clear"          // A = 0 where hardware does not set it
  | "dirty-clear";            // D = 0, store, where hardware does not set it

/** Reads page-table entries. `read` leaves the entry in lo and hi, or returns false when it may not be read. */
export interface PteReader {
  lo: number;
  hi: number;
  read(physicalAddress: number): boolean;
}

/** In whose name an address is translated. */
export interface WalkContext {
  /** satp.PPN as a number of pages. */
  readonly root: number;
  readonly privilege: Privilege;
  readonly sum: boolean;
  readonly mxr: boolean;
  /** True where hardware sets A and D (Svadu, QEMU), false where it faults (Svade). */
  readonly hardwareAd: boolean;
}

/** Result of a walk, filled in place so that a TLB miss allocates nothing. Level 2 is the root, 0 the last. */
export class Walk {
  /** Undefined when the address translated. */
  reason: WalkReason | undefined = undefined;
  /** Level of the leaf, or the level at which the walk stopped; its page is 4 KiB << 9·level. */
  level = 2;
  /** Physical page number of the 4 KiB page that holds the address. */
  ppn = 0;
  /** Leaf entry as read, and where it lies. */
  pteAddress = 0;
  pteLo = 0;
  pteHi = 0;
  /** A and D bits that hardware has to set in the leaf (0 when none). */
  setBits = 0;
  /** Entries met on the way, by level: address, low and high word. Valid for levels 2 … level. */
  readonly addresses = [0, 0, 0];
  readonly low = [0, 0, 0];
  readonly high = [0, 0, 0];
}

/** Physical page number that a PTE holds: 44 bits. */
export const ptePpn = (lo: number, hi: number): number => (lo >>> 10) + (hi & 0x3fffff) * 0x400000;

/** Translate the virtual address (lo, hi as signed 32-bit halves) under Sv39. The answer is left in `out`. */
export function walk(c: WalkContext, access: Access, lo: number, hi: number, memory: PteReader, out: Walk): void {
  out.reason = undefined;
  out.setBits = 0;
  out.level = 2;
  const top = hi >> 6;
  if (top !== 0 && top !== -1) {
    out.reason = "non-canonical";
    return;
  }
  let table = c.root;
  for (let level = 2; ; level--) {
    const vpn = level === 2 ? ((hi & 0x7f) << 2) | (lo >>> 30) : level === 1 ? (lo >>> 21) & 511 : (lo >>> 12) & 511;
    const address = table * 4096 + vpn * 8;
    out.level = level;
    out.addresses[level] = address;
    if (!memory.read(address)) {
      out.low[level] = out.high[level] = 0;
      out.reason = "pte-unreadable";
      return;
    }
    const pteLo = (out.low[level] = memory.lo);
    const pteHi = (out.high[level] = memory.hi);
    if ((pteLo & PTE_V) === 0) out.reason = "invalid";
    else if ((pteHi & PTE_HIGH_RESERVED) !== 0) out.reason = "reserved-bits";
    else if ((pteLo & (PTE_R | PTE_W)) === PTE_W) out.reason = "write-without-read";
    else if ((pteLo & (PTE_R | PTE_X)) !== 0) {
      leaf(c, access, lo, level, address, pteLo, pteHi, out);
      return;
    } else if ((pteLo & (PTE_U | PTE_A | PTE_D)) !== 0) out.reason = "reserved-bits";
    else if (level === 0) out.reason = "no-leaf";
    if (out.reason !== undefined) return;
    table = ptePpn(pteLo, pteHi);
  }
}

/** The rules for a leaf: permissions, superpage alignment, A and D. */
function leaf(c: WalkContext, access: Access, lo: number, level: number, address: number, pteLo: number, pteHi: number, out: Walk): void {
  out.pteAddress = address;
  out.pteLo = pteLo;
  out.pteHi = pteHi;
  out.reason = refusal(c, access, pteLo);
  if (out.reason !== undefined) return;
  const ppn = ptePpn(pteLo, pteHi);
  const low = level === 2 ? 0x3ffff : level === 1 ? 0x1ff : 0;
  if (((pteLo >>> 10) & low) !== 0) {
    out.reason = "misaligned-superpage";
    return;
  }
  out.ppn = ppn + ((lo >>> 12) & low);
  const wanted = access === STORE ? PTE_A | PTE_D : PTE_A;
  const missing = wanted & ~pteLo;
  if (missing === 0) return;
  if (c.hardwareAd) out.setBits = missing;
  else out.reason = (missing & PTE_A) !== 0 ? "accessed-clear" : "dirty-clear";
}

/** Why a leaf's permission bits refuse an access, or undefined. */
function refusal(c: WalkContext, access: Access, pte: number): WalkReason | undefined {
  if ((pte & PTE_U) !== 0) {
    if (c.privilege === SUPERVISOR) {
      if (access === FETCH) return "user-page-fetch";
      if (!c.sum) return "user-page";
    }
  } else if (c.privilege === USER) return "supervisor-page";
  if (access === LOAD) return (pte & PTE_R) !== 0 || (c.mxr && (pte & PTE_X) !== 0) ? undefined : "not-readable";
  if (access === STORE) return (pte & PTE_W) !== 0 ? undefined : "not-writable";
  return (pte & PTE_X) !== 0 ? undefined : "not-executable";
}
