// The CLINT: one software interrupt bit and one timer comparator for each hart, and the counter mtime.
//
//   0x0000 + 4h   msip of hart h: bit 0 is the machine software interrupt
//   0x4000 + 8h   mtimecmp of hart h: the machine timer interrupt is on while mtime >= mtimecmp
//   0xbff8        mtime
//
// Privileged ISA, "Machine Timer (mtime and mtimecmp) Registers"; layout of SiFive's CLINT.
import type { Device, IrqLine, State } from "../bus.ts";
import type { Alarm, Clock } from "../clock.ts";
import { Fields } from "./state.ts";
import { TimeCounter } from "./time-counter.ts";

const MTIMECMP = 0x4000;
const MTIME = 0xbff8;

interface Timer {
  lo: number;
  hi: number;
  level: boolean;
  readonly alarm: Alarm;
}

/** See the top of this file. Places of harts that do not exist read 0 and swallow writes. */
export class Clint implements Device {
  readonly name = "clint";
  /** mtime, also for the `time` CSR and stimecmp. */
  readonly time: TimeCounter;
  readonly #msip: number[];
  readonly #timers: Timer[];
  readonly #msipLines: readonly IrqLine[];
  readonly #mtipLines: readonly IrqLine[];

  /** One line of each kind for each hart. */
  constructor(clock: Clock, msip: readonly IrqLine[], mtip: readonly IrqLine[]) {
    this.time = new TimeCounter(clock);
    this.#msipLines = msip;
    this.#mtipLines = mtip;
    this.#msip = msip.map(() => 0);
    this.#timers = mtip.map((_, hart) => ({
      lo: 0xffff_ffff,
      hi: 0xffff_ffff,
      level: false,
      alarm: clock.alarm(`clint.mtimecmp${hart}`, () => this.#compare(hart)),
    }));
    this.time.onJump(() => this.#compareAll());
  }

  read(offset: number, _size: number): number {
    return this.peek(offset, _size);
  }

  peek(offset: number, _size: number): number {
    if (offset < MTIMECMP) return this.#msip[offset >> 2] ?? 0;
    if (offset === MTIME) return this.time.lo;
    if (offset === MTIME + 4) return this.time.hi;
    const timer = this.#timers[(offset - MTIMECMP) >> 3];
    if (timer === undefined) return 0;
    return (offset & 4) === 0 ? timer.lo : timer.hi;
  }

  write(offset: number, _size: number, value: number): void {
    if (offset < MTIMECMP) this.#writeMsip(offset >> 2, value & 1);
    else if (offset === MTIME) this.time.set(value, this.time.hi);
    else if (offset === MTIME + 4) this.time.set(this.time.lo, value);
    else this.#writeTimer((offset - MTIMECMP) >> 3, (offset & 4) !== 0, value);
  }

  reset(): void {
    this.time.reset();
    for (let hart = 0; hart < this.#msip.length; hart++) this.#writeMsip(hart, 0);
    for (const timer of this.#timers) timer.lo = timer.hi = 0xffff_ffff;
    this.#compareAll();
  }

  save(): State {
    return {
      time: this.time.save(),
      msip: [...this.#msip],
      compareLo: this.#timers.map((t) => t.lo),
      compareHi: this.#timers.map((t) => t.hi),
      level: this.#timers.map((t) => (t.level ? 1 : 0)),
    };
  }

  load(state: State): void {
    const fields = new Fields(state, this.name);
    const harts = this.#timers.length;
    const msip = fields.numbers("msip", harts, 1);
    const lo = fields.numbers("compareLo", harts);
    const hi = fields.numbers("compareHi", harts);
    const level = fields.numbers("level", harts, 1);
    this.time.load(fields.record("time"));
    for (let hart = 0; hart < harts; hart++) {
      this.#writeMsip(hart, msip[hart]!);
      const timer = this.#timers[hart]!;
      timer.lo = lo[hart]!;
      timer.hi = hi[hart]!;
      this.#drive(hart, level[hart] === 1);
    }
  }

  #writeMsip(hart: number, bit: number): void {
    if (hart >= this.#msip.length) return;
    this.#msip[hart] = bit;
    this.#msipLines[hart]!.set(bit === 1);
  }

  #writeTimer(hart: number, high: boolean, value: number): void {
    const timer = this.#timers[hart];
    if (timer === undefined) return;
    if (high) timer.hi = value;
    else timer.lo = value;
    this.#compare(hart);
  }

  /** Drive the timer line of one hart, and set its alarm for when the line will next change by itself. */
  #compare(hart: number): void {
    const timer = this.#timers[hart]!;
    const reached = this.time.reached(timer.lo, timer.hi);
    if (reached) timer.alarm.cancel();
    else timer.alarm.set(this.time.momentOf(timer.lo, timer.hi));
    this.#drive(hart, reached);
  }

  #compareAll(): void {
    for (let hart = 0; hart < this.#timers.length; hart++) this.#compare(hart);
  }

  #drive(hart: number, level: boolean): void {
    this.#timers[hart]!.level = level;
    this.#mtipLines[hart]!.set(level);
  }
}
