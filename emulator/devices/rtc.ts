// The goldfish real-time clock: nanoseconds since 1970 as the machine's epoch plus virtual time, and an alarm.
//
//   0x00 TIME_LOW      a read latches TIME_HIGH; writes of either half set the clock
//   0x04 TIME_HIGH
//   0x08 ALARM_LOW     a write arms the alarm at ALARM_HIGH:ALARM_LOW
//   0x0c ALARM_HIGH
//   0x10 IRQ_ENABLED   bit 0
//   0x14 ALARM_CLEAR   a write disarms the alarm
//   0x18 ALARM_STATUS  1 while the alarm is armed
//   0x1c IRQ_CLEAR     a write takes the interrupt back
import type { Device, IrqLine, State } from "../bus.ts";
import type { Alarm, Clock } from "../clock.ts";
import { Fields } from "./state.ts";
import { add, less, secondsToNs, subtract, toNumber, u64, type U64 } from "./u64.ts";

const ZERO: U64 = { lo: 0, hi: 0 };

/** See the top of this file. Words only. */
export class GoldfishRtc implements Device {
  readonly name = "rtc";
  readonly #clock: Clock;
  readonly #irq: IrqLine;
  readonly #alarm: Alarm;
  readonly #epoch: U64;
  /** What the guest's clock reads at virtual time 0. */
  #base: U64;
  #latchedHigh = 0;
  #alarmTime = ZERO;
  #armed = false;
  #enabled = false;
  #pending = false;

  /** `epoch`: seconds since 1970 at virtual time 0, an integer of 0 to 2^33. */
  constructor(clock: Clock, irq: IrqLine, epoch: number) {
    this.#clock = clock;
    this.#irq = irq;
    this.#epoch = secondsToNs(epoch);
    this.#base = this.#epoch;
    this.#alarm = clock.alarm("rtc.alarm", () => this.#ring());
  }

  read(offset: number, size: number): number {
    if (offset === 0x00) this.#latchedHigh = this.#now().hi;
    return this.peek(offset, size);
  }

  peek(offset: number, _size: number): number {
    switch (offset) {
      case 0x00:
        return this.#now().lo;
      case 0x04:
        return this.#latchedHigh;
      case 0x08:
        return this.#alarmTime.lo;
      case 0x0c:
        return this.#alarmTime.hi;
      case 0x10:
        return this.#enabled ? 1 : 0;
      case 0x18:
        return this.#armed ? 1 : 0;
      default:
        return 0;
    }
  }

  write(offset: number, _size: number, value: number): void {
    switch (offset) {
      case 0x00:
        this.#setTime({ lo: value, hi: this.#now().hi });
        break;
      case 0x04:
        this.#setTime({ lo: this.#now().lo, hi: value });
        break;
      case 0x08:
        this.#alarmTime = { lo: value, hi: this.#alarmTime.hi };
        this.#armed = true;
        this.#schedule();
        break;
      case 0x0c:
        this.#alarmTime = { lo: this.#alarmTime.lo, hi: value };
        break;
      case 0x10:
        this.#enabled = (value & 1) !== 0;
        break;
      case 0x14:
        this.#armed = false;
        this.#alarm.cancel();
        break;
      case 0x1c:
        this.#pending = false;
        break;
      default:
        return;
    }
    this.#update();
  }

  reset(): void {
    this.#base = this.#epoch;
    this.#latchedHigh = 0;
    this.#alarmTime = ZERO;
    this.#armed = this.#enabled = this.#pending = false;
    this.#alarm.cancel();
    this.#update();
  }

  save(): State {
    return {
      base: [this.#base.lo, this.#base.hi],
      latchedHigh: this.#latchedHigh,
      alarm: [this.#alarmTime.lo, this.#alarmTime.hi],
      armed: this.#armed,
      enabled: this.#enabled,
      pending: this.#pending,
    };
  }

  load(state: State): void {
    const fields = new Fields(state, this.name);
    const [baseLo, baseHi] = fields.numbers("base", 2);
    const [alarmLo, alarmHi] = fields.numbers("alarm", 2);
    this.#latchedHigh = fields.number("latchedHigh");
    this.#armed = fields.boolean("armed");
    this.#enabled = fields.boolean("enabled");
    this.#pending = fields.boolean("pending");
    this.#base = { lo: baseLo!, hi: baseHi! };
    this.#alarmTime = { lo: alarmLo!, hi: alarmHi! };
    this.#update();
  }

  #now(): U64 {
    return add(this.#base, u64(this.#clock.now));
  }

  #setTime(time: U64): void {
    this.#base = subtract(time, u64(this.#clock.now));
    if (this.#armed) this.#schedule();
  }

  /** Set the alarm's moment; one that has passed rings at once. */
  #schedule(): void {
    const now = this.#now();
    if (!less(now, this.#alarmTime)) {
      this.#ring();
      return;
    }
    const at = this.#clock.now + toNumber(subtract(this.#alarmTime, now));
    if (at < Number.MAX_SAFE_INTEGER) this.#alarm.set(at);
    else this.#alarm.cancel();
  }

  #ring(): void {
    this.#armed = false;
    this.#pending = true;
    this.#alarm.cancel();
    this.#update();
  }

  #update(): void {
    this.#irq.set(this.#pending && this.#enabled);
  }
}
