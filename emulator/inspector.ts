// Looking at a machine from outside: registers, CSRs, memory. Nothing here has an effect on the guest:
// no TLB fill, no A or D bit, no device read, no event.

import { readCsr } from "./hart/csrs.ts";
import type { Hart } from "./hart/hart.ts";
import { CSR } from "./isa/csr-names.ts";
import { wide } from "./events.ts";
import type { PhysicalMemory } from "./mmu/physical.ts";
import { LOAD, Walk, type Access } from "./mmu/walk.ts";

/** A hart's registers as unsigned 64-bit numbers. */
export interface Registers {
  readonly pc: bigint;
  readonly x: readonly bigint[];
  /** 0 user, 1 supervisor, 3 machine. */
  readonly privilege: number;
}

export class Inspector {
  private readonly memory: PhysicalMemory;
  private readonly harts: readonly Hart[];

  constructor(memory: PhysicalMemory, harts: readonly Hart[]) {
    this.memory = memory;
    this.harts = harts;
  }

  registers(hart: number): Registers {
    const h = this.hart(hart);
    const x = Array.from({ length: 32 }, (_, n) => {
      const i = h.registerIndex(n);
      return wide(h.words[i]!, h.words[i + 1]!);
    });
    return { pc: wide(h.pcLo, h.pcHi), x, privilege: h.privilege };
  }

  /** Floating-point registers f0 … f31 as bits, unsigned; a single lies under 32 ones. fflags, frm and fcsr are CSRs. */
  floatRegisters(hart: number): readonly bigint[] {
    const h = this.hart(hart);
    return Array.from({ length: 32 }, (_, n) => {
      const i = h.floatIndex(n);
      return wide(h.words[i]!, h.words[i + 1]!);
    });
  }

  /** Value of a CSR by name, such as "satp". Throws for a name that does not exist. */
  csr(hart: number, name: string): bigint {
    const number = CSR[name];
    if (number === undefined) throw new Error(`there is no CSR ${name}`);
    const out = { lo: 0, hi: 0 };
    readCsr(this.hart(hart), number, out);
    return wide(out.lo, out.hi);
  }

  /** `length` bytes of physical memory; undefined where they are not RAM or a device that can be looked at. */
  physical(pa: number, length: number): Uint8Array | undefined {
    const ram = this.memory.view(pa, length);
    if (ram !== null) return ram.slice();
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i++) {
      const byte = this.memory.view(pa + i, 1);
      if (byte !== null) out[i] = byte[0]!;
      else if (this.memory.bus.peek(pa + i, 1)) out[i] = this.memory.bus.lo;
      else return undefined;
    }
    return out;
  }

  /** `length` bytes at a virtual address as the hart would access them now; undefined where one does not translate. */
  virtual(hart: number, va: bigint, length: number, access: Access = LOAD): Uint8Array | undefined {
    const out = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const at = va + BigInt(done);
      const pa = this.translate(hart, at, access);
      const part = Math.min(length - done, 4096 - Number(at & 4095n));
      const bytes = pa < 0 ? undefined : this.physical(pa, part);
      if (bytes === undefined) return undefined;
      out.set(bytes, done);
      done += part;
    }
    return out;
  }

  /** Physical address behind a virtual one, or −1; `walk` tells how or why not. */
  translate(hart: number, va: bigint, access: Access = LOAD, walk: Walk = new Walk()): number {
    return this.hart(hart).mmu.probe(access, Number(BigInt.asIntN(32, va)), Number(BigInt.asIntN(32, va >> 32n)), walk);
  }

  private hart(n: number): Hart {
    const h = this.harts[n];
    if (h === undefined) throw new Error(`there is no hart ${n}`);
    return h;
  }
}
