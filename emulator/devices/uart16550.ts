// The console: a 16550A UART with 16-byte receive FIFO. Transmission takes no time. What the host sends waits
// in a queue without limit and enters the FIFO when the guest looks (reads LSR, IIR or the receiver) or has
// receive interrupts on, as if the line had flow control: what is typed while a guest boots is not lost.
//
// The wire stays high for as long as the chip has a cause, with one exception: an empty transmitter lets go of
// it once the guest has read LSR, though IIR goes on to report it. A real chip would hold on until IIR is read;
// drivers that never read IIR (xv6's did not for years) live with QEMU, whose PLIC does not look at the wire
// again, and would drown in interrupts here, where it does.
//
//   0 RBR/THR (DLL)   1 IER (DLM)   2 IIR/FCR   3 LCR   4 MCR   5 LSR   6 MSR   7 SCR      (DLAB = LCR bit 7)
//
// Register facts: National Semiconductor PC16550D data sheet.
import type { Device, IrqLine, State } from "../bus.ts";
import type { Alarm, Clock } from "../clock.ts";
import { UART_CLOCK } from "../memory-map.ts";
import { Fields } from "./state.ts";

const IER_RX = 1;
const IER_THRE = 2;
const IER_LINE = 4;
const IER_MODEM = 8;

const IIR_NONE = 1;
const IIR_MODEM = 0;
const IIR_THRE = 2;
const IIR_RX = 4;
const IIR_LINE = 6;
const IIR_TIMEOUT = 0xc;

const FCR_ENABLE = 1;
const FCR_CLEAR_RX = 2;
const TRIGGER = [1, 4, 8, 14];

const LCR_DLAB = 0x80;
const MCR_LOOP = 0x10;
const LSR_DATA = 1;
const LSR_OVERRUN = 2;
/** Transmitter holding register and shifter empty: always, for a transmitter that takes no time. */
const LSR_IDLE = 0x60;
/** Modem lines of a host that is there: CTS, DSR and DCD. */
const MODEM_READY = 0xb0;

const FIFO_SIZE = 16;
/** The host queue is compacted when so many bytes at its head are spent. */
const COMPACT = 4096;

/** See the top of this file. Every access reaches one register, whatever its width. */
export class Uart16550 implements Device {
  readonly name = "uart";
  readonly #irq: IrqLine;
  readonly #output: (byte: number) => void;
  readonly #clock: Clock;
  /** Bytes wait in the FIFO below its trigger level and nothing happened for four characters' time. */
  readonly #idle: Alarm;
  #fifo: number[] = [];
  #host: number[] = [];
  #hostHead = 0;
  #ier = 0;
  #fcr = 0;
  #lcr = 0;
  #mcr = 0;
  #scr = 0;
  #divisor = 0;
  #overrun = false;
  #modemDelta = 0;
  /** The transmitter ran empty, and neither IIR nor THR was touched since. */
  #thrEmpty = false;
  /** The same, and LSR was not read since. */
  #thrWire = false;
  #timeout = false;

  /** `output` gets each byte as the guest sends it. */
  constructor(clock: Clock, irq: IrqLine, output: (byte: number) => void) {
    this.#clock = clock;
    this.#irq = irq;
    this.#output = output;
    this.#idle = clock.alarm("uart.timeout", () => {
      this.#timeout = this.#fifo.length > 0;
      this.#update();
    });
    this.#powerOn();
  }

  /** Bytes from the host, in order. */
  receive(bytes: Uint8Array): void {
    for (const byte of bytes) this.#host.push(byte);
    if ((this.#ier & IER_RX) !== 0) this.#fill();
    this.#update();
  }

  /** How many bytes from the host the guest has not read yet. */
  get waiting(): number {
    return this.#fifo.length + this.#host.length - this.#hostHead;
  }

  read(offset: number, _size: number): number {
    switch (offset) {
      case 0:
        return this.#dlab() ? this.#divisor & 0xff : this.#readByte();
      case 2: {
        this.#fill();
        const iir = this.#iir();
        if ((iir & 0xf) === IIR_THRE) this.#thrEmpty = false;
        this.#update();
        return iir;
      }
      case 5: {
        this.#fill();
        const lsr = this.#lsr();
        this.#overrun = this.#thrWire = false;
        this.#update();
        return lsr;
      }
      case 6: {
        const msr = this.#msr();
        this.#modemDelta = 0;
        this.#update();
        return msr;
      }
      default:
        return this.peek(offset, _size);
    }
  }

  peek(offset: number, _size: number): number {
    switch (offset) {
      case 0:
        return this.#dlab() ? this.#divisor & 0xff : (this.#fifo[0] ?? 0);
      case 1:
        return this.#dlab() ? this.#divisor >> 8 : this.#ier;
      case 2:
        return this.#iir();
      case 3:
        return this.#lcr;
      case 4:
        return this.#mcr;
      case 5:
        return this.#lsr();
      case 6:
        return this.#msr();
      case 7:
        return this.#scr;
      default:
        return 0;
    }
  }

  write(offset: number, _size: number, value: number): void {
    const byte = value & 0xff;
    switch (offset) {
      case 0:
        if (this.#dlab()) this.#divisor = (this.#divisor & 0xff00) | byte;
        else this.#send(byte);
        break;
      case 1:
        if (this.#dlab()) this.#divisor = (this.#divisor & 0xff) | (byte << 8);
        else this.#writeIer(byte & 0xf);
        break;
      case 2:
        this.#writeFcr(byte);
        break;
      case 3:
        this.#lcr = byte;
        break;
      case 4:
        this.#writeMcr(byte & 0x1f);
        break;
      case 7:
        this.#scr = byte;
        break;
      default: // LSR and MSR cannot be written
        return;
    }
    this.#update();
  }

  reset(): void {
    this.#host = [];
    this.#hostHead = 0;
    this.#idle.cancel();
    this.#powerOn();
    this.#update();
  }

  save(): State {
    return {
      fifo: Uint8Array.from(this.#fifo),
      host: Uint8Array.from(this.#host.slice(this.#hostHead)),
      registers: [this.#ier, this.#fcr, this.#lcr, this.#mcr, this.#scr, this.#modemDelta],
      divisor: this.#divisor,
      overrun: this.#overrun,
      thrEmpty: this.#thrEmpty,
      thrWire: this.#thrWire,
      timeout: this.#timeout,
    };
  }

  load(state: State): void {
    const fields = new Fields(state, this.name);
    const [ier, fcr, lcr, mcr, scr, modemDelta] = fields.numbers("registers", 6, 0xff);
    const fifo = fields.bytes("fifo", 0, FIFO_SIZE);
    const host = fields.bytes("host", 0, Infinity);
    this.#divisor = fields.number("divisor", 0xffff);
    this.#overrun = fields.boolean("overrun");
    this.#thrEmpty = fields.boolean("thrEmpty");
    this.#thrWire = fields.boolean("thrWire");
    this.#timeout = fields.boolean("timeout");
    this.#fifo = [...fifo];
    this.#host = [...host];
    this.#hostHead = 0;
    this.#ier = ier! & 0xf;
    this.#fcr = fcr!;
    this.#lcr = lcr!;
    this.#mcr = mcr! & 0x1f;
    this.#scr = scr!;
    this.#modemDelta = modemDelta! & 0xf;
    this.#update();
  }

  #powerOn(): void {
    this.#fifo = [];
    this.#ier = this.#fcr = this.#lcr = this.#scr = 0;
    this.#mcr = 0;
    this.#divisor = 12; // 19,200 baud of this crystal
    this.#overrun = this.#thrEmpty = this.#thrWire = this.#timeout = false;
    this.#modemDelta = 0;
  }

  #dlab(): boolean {
    return (this.#lcr & LCR_DLAB) !== 0;
  }

  #looped(): boolean {
    return (this.#mcr & MCR_LOOP) !== 0;
  }

  #capacity(): number {
    return (this.#fcr & FCR_ENABLE) !== 0 ? FIFO_SIZE : 1;
  }

  #trigger(): number {
    return (this.#fcr & FCR_ENABLE) !== 0 ? TRIGGER[this.#fcr >> 6]! : 1;
  }

  /** Move what has come from the host into the FIFO, as far as there is room; the line is cut in loopback. */
  #fill(): void {
    if (this.#looped()) return;
    const before = this.#fifo.length;
    while (this.#fifo.length < this.#capacity() && this.#hostHead < this.#host.length) {
      this.#fifo.push(this.#host[this.#hostHead++]!);
    }
    if (this.#hostHead >= COMPACT || this.#hostHead === this.#host.length) {
      this.#host.splice(0, this.#hostHead);
      this.#hostHead = 0;
    }
    if (this.#fifo.length !== before) this.#restartIdle();
  }

  /** The receiver did something: the timeout counts from here. */
  #restartIdle(): void {
    this.#timeout = false;
    const waits = (this.#fcr & FCR_ENABLE) !== 0 && this.#fifo.length > 0 && this.#fifo.length < this.#trigger();
    if (waits) this.#idle.set(this.#clock.now + this.#fourCharacters());
    else this.#idle.cancel();
  }

  /** The time of four characters of ten bits at the present divisor, in ns. */
  #fourCharacters(): number {
    return Math.ceil((4 * 10 * 16 * Math.max(this.#divisor, 1) * 1e9) / UART_CLOCK);
  }

  #readByte(): number {
    this.#fill();
    const byte = this.#fifo.shift() ?? 0;
    this.#fill();
    this.#restartIdle();
    this.#update();
    return byte;
  }

  #send(byte: number): void {
    this.#thrEmpty = this.#thrWire = true; // full, and at once empty again
    if (!this.#looped()) {
      this.#output(byte);
    } else if (this.#fifo.length < this.#capacity()) {
      this.#fifo.push(byte);
      this.#restartIdle();
    } else {
      this.#overrun = true;
    }
  }

  /** Turning the THRE interrupt on while the transmitter is empty raises it at once. */
  #writeIer(value: number): void {
    if ((value & ~this.#ier & IER_THRE) !== 0) this.#thrEmpty = this.#thrWire = true;
    this.#ier = value;
    if ((value & IER_RX) !== 0) this.#fill();
  }

  #writeFcr(value: number): void {
    const toggled = ((value ^ this.#fcr) & FCR_ENABLE) !== 0;
    if (toggled || (value & (FCR_ENABLE | FCR_CLEAR_RX)) === (FCR_ENABLE | FCR_CLEAR_RX)) this.#fifo = [];
    this.#fcr = (value & FCR_ENABLE) !== 0 ? value & 0xc9 : 0;
    if ((this.#ier & IER_RX) !== 0) this.#fill();
    this.#restartIdle();
  }

  #writeMcr(value: number): void {
    const before = this.#modemLines();
    this.#mcr = value;
    const after = this.#modemLines();
    const changed = (before ^ after) >> 4;
    const ringEnded = (before & ~after & 0x40) >> 4;
    this.#modemDelta |= (changed & 0xb) | ringEnded;
    if ((this.#ier & IER_RX) !== 0) this.#fill();
  }

  /** CTS, DSR, RI, DCD in bits 4..7: the host's, or in loopback RTS, DTR, OUT1, OUT2. */
  #modemLines(): number {
    if (!this.#looped()) return MODEM_READY;
    const mcr = this.#mcr;
    return ((mcr & 2) << 3) | ((mcr & 1) << 5) | ((mcr & 4) << 4) | ((mcr & 8) << 4);
  }

  #lsr(): number {
    return LSR_IDLE | (this.#fifo.length > 0 ? LSR_DATA : 0) | (this.#overrun ? LSR_OVERRUN : 0);
  }

  #msr(): number {
    return this.#modemLines() | this.#modemDelta;
  }

  #iir(): number {
    return this.#cause() | ((this.#fcr & FCR_ENABLE) !== 0 ? 0xc0 : 0);
  }

  /** The interrupt of the highest priority that is on and enabled. */
  #cause(): number {
    if ((this.#ier & IER_LINE) !== 0 && this.#overrun) return IIR_LINE;
    if ((this.#ier & IER_RX) !== 0) {
      if (this.#fifo.length >= this.#trigger()) return IIR_RX;
      if (this.#timeout) return IIR_TIMEOUT;
    }
    if ((this.#ier & IER_THRE) !== 0 && this.#thrEmpty) return IIR_THRE;
    return this.#modemCause();
  }

  #modemCause(): number {
    return (this.#ier & IER_MODEM) !== 0 && this.#modemDelta !== 0 ? IIR_MODEM : IIR_NONE;
  }

  #update(): void {
    let cause = this.#cause();
    if (cause === IIR_THRE && !this.#thrWire) cause = this.#modemCause();
    this.#irq.set(cause !== IIR_NONE);
  }
}
