// mtime: the 64-bit counter of timebase ticks that the CLINT shows, the `time` CSR reads, and mtimecmp and
// stimecmp are compared with. Exact over all 64 bits, kept as two unsigned 32-bit halves.
import type { Clock } from "../clock.ts";
import type { State } from "../bus.ts";
import { NS_PER_TICK } from "../memory-map.ts";
import type { Fields } from "./state.ts";

const TWO32 = 0x1_0000_0000;

/** Virtual time in ticks, plus the offset that the guest made by writing mtime. */
export class TimeCounter {
  readonly #clock: Clock;
  readonly #onJump: (() => void)[] = [];
  #offsetLo = 0;
  #offsetHi = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Bits 31..0 of the counter, now. */
  get lo(): number {
    return (this.#ticks() % TWO32) + this.#offsetLo >>> 0;
  }

  /** Bits 63..32 of the counter, now. */
  get hi(): number {
    const ticks = this.#ticks();
    const carry = (ticks % TWO32) + this.#offsetLo >= TWO32 ? 1 : 0;
    return (Math.floor(ticks / TWO32) + this.#offsetHi + carry) >>> 0;
  }

  /** Make the counter read hi:lo now; whoever compares with it is told. */
  set(lo: number, hi: number): void {
    const ticks = this.#ticks();
    const difference = lo - (ticks % TWO32);
    this.#offsetLo = difference >>> 0;
    this.#offsetHi = (hi - Math.floor(ticks / TWO32) - (difference < 0 ? 1 : 0)) >>> 0;
    for (const listener of this.#onJump) listener();
  }

  /** Call `listener` whenever the guest has set the counter: moments computed before are no longer true. */
  onJump(listener: () => void): void {
    this.#onJump.push(listener);
  }

  /** Whether the counter is at hi:lo or past it (unsigned, as mtimecmp and stimecmp compare). */
  reached(lo: number, hi: number): boolean {
    const nowHi = this.hi;
    return nowHi > hi || (nowHi === hi && this.lo >= lo);
  }

  /**
   * The moment (ns of virtual time) at which the counter gets to hi:lo: now when it has, Infinity when that
   * lies beyond the end of virtual time (2^53 ns).
   */
  momentOf(lo: number, hi: number): number {
    if (this.reached(lo, hi)) return this.#clock.now;
    const difference = (hi - this.hi) * TWO32 + (lo - this.lo);
    const at = (this.#ticks() + difference) * NS_PER_TICK;
    return at < Number.MAX_SAFE_INTEGER ? at : Infinity;
  }

  reset(): void {
    this.#offsetLo = 0;
    this.#offsetHi = 0;
  }

  save(): State {
    return { offsetLo: this.#offsetLo, offsetHi: this.#offsetHi };
  }

  load(fields: Fields): void {
    this.#offsetLo = fields.number("offsetLo");
    this.#offsetHi = fields.number("offsetHi");
  }

  #ticks(): number {
    return Math.floor(this.#clock.now / NS_PER_TICK);
  }
}
