// Breakpoints: virtual addresses at which somebody is asked whether the hart may go on. The code cache plants them in
// decoded records (as instructions to be run alone, which the fetcher asks about), so code without one runs as ever.

import { pageOf } from "../mmu/watches.ts";

/** Asked just before a hart executes the instruction at a breakpoint; true stops it there. */
export type Asked = (hart: number) => boolean;

interface Breakpoint {
  readonly asked: Asked;
  readonly serial: number;
}

export class Breakpoints {
  /** Called when an address got its first breakpoint or lost its last. */
  onChange: (lo: number, hi: number, set: boolean) => void = () => undefined;
  /** By page number, then by offset in the page. */
  private readonly pages = new Map<number, Map<number, readonly Breakpoint[]>>();
  private serial = 0;
  /** Breakpoints with a serial number up to this one are set aside. */
  private aside = 0;

  /** Are there none at all? */
  get none(): boolean {
    return this.pages.size === 0;
  }

  /** A breakpoint at a virtual address in every address space; several may stand at one. The result removes it. */
  add(address: bigint, asked: Asked): () => void {
    const lo = Number(BigInt.asIntN(32, address));
    const hi = Number(BigInt.asIntN(32, address >> 32n));
    const page = this.pages.get(pageOf(lo, hi)) ?? new Map<number, readonly Breakpoint[]>();
    this.pages.set(pageOf(lo, hi), page);
    const before = page.get(lo & 4095) ?? [];
    const own = { asked, serial: ++this.serial };
    page.set(lo & 4095, [...before, own]);
    if (before.length === 0) this.onChange(lo, hi, true);
    return () => this.remove(lo, hi, own);
  }

  /** Offsets of the breakpoints in the page of a virtual address; undefined where there are none. */
  offsets(lo: number, hi: number): Iterable<number> | undefined {
    return this.pages.get(pageOf(lo, hi))?.keys();
  }

  /** Has any page a breakpoint at this offset? */
  anyAt(offset: number): boolean {
    for (const page of this.pages.values()) if (page.has(offset)) return true;
    return false;
  }

  /** Is there a breakpoint at a virtual address? */
  at(lo: number, hi: number): boolean {
    return this.pages.get(pageOf(lo, hi))?.has(lo & 4095) === true;
  }

  /** Ask everybody who has a breakpoint at this address: does one of them stop the hart? */
  ask(hart: number, lo: number, hi: number): boolean {
    const here = this.pages.get(pageOf(lo, hi))?.get(lo & 4095);
    if (here === undefined) return false;
    let stop = false;
    for (const b of here) if (b.serial > this.aside && b.asked(hart)) stop = true;
    return stop;
  }

  /** Set all breakpoints aside until the result is called; it removes those that were added meanwhile. */
  quiet(): () => void {
    const before = this.aside;
    const until = (this.aside = this.serial);
    return () => {
      this.aside = before;
      for (const [page, offsets] of [...this.pages]) {
        for (const [offset, all] of [...offsets]) {
          for (const b of all) if (b.serial > until) this.remove(((page % 2 ** 20) * 4096 + offset) | 0, Math.floor(page / 2 ** 20) | 0, b);
        }
      }
    };
  }

  private remove(lo: number, hi: number, own: Breakpoint): void {
    const page = this.pages.get(pageOf(lo, hi));
    const here = page?.get(lo & 4095);
    if (page === undefined || here?.includes(own) !== true) return;
    if (here.length > 1) {
      page.set(lo & 4095, here.filter((b) => b !== own));
      return;
    }
    page.delete(lo & 4095);
    if (page.size === 0) this.pages.delete(pageOf(lo, hi));
    this.onChange(lo, hi, false);
  }
}
