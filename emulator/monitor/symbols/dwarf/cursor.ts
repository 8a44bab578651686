// Reading bytes in order, little endian, each read checked against the end: what all DWARF parsers stand on.
// DWARF 5, section 7.6 (LEB128) and 7.4 (32- and 64-bit formats).

import { hex, SymbolsError } from "../errors.ts";

const decoder = new TextDecoder();

/** How much work a question may cause: hostile debug information is given up, rather than followed for hours. */
export class Work {
  private left = 0;
  private readonly most: number;

  /** `bytes`: how much debug information there is. An honest question takes far less than a step a byte. */
  constructor(bytes: number) {
    this.most = 2_000_000 + 4 * bytes;
    this.refill();
  }

  /** A new question begins. */
  refill(): void {
    this.left = this.most;
  }

  /** Throws SymbolsError when the question has cost too much. */
  spend(units = 1): void {
    this.left -= units;
    if (this.left < 0) throw new SymbolsError("the debug information leads round and round: given up");
  }
}

/** A place in some bytes, from which the next thing is read. Every method throws SymbolsError at the end of the bytes. */
export class Cursor {
  readonly bytes: Uint8Array;
  /** What messages call the bytes: ".debug_info". */
  readonly label: string;
  at: number;
  /** Where reading must stop. */
  end: number;
  private readonly view: DataView;

  constructor(bytes: Uint8Array, label: string, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.label = label;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
    this.end = Math.min(end, bytes.length);
    if (!(at >= 0 && at <= this.end)) throw new SymbolsError(`${label} has ${bytes.length} bytes: nothing is at ${hex(at)}`);
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  u8(): number {
    if (this.at >= this.end) this.need(1);
    return this.bytes[this.at++]!;
  }

  u16(): number {
    this.need(2);
    this.at += 2;
    return this.view.getUint16(this.at - 2, true);
  }

  u24(): number {
    return this.u16() | (this.u8() << 16);
  }

  u32(): number {
    this.need(4);
    this.at += 4;
    return this.view.getUint32(this.at - 4, true);
  }

  i8(): number {
    return (this.u8() << 24) >> 24;
  }

  u64(): bigint {
    this.need(8);
    this.at += 8;
    return this.view.getBigUint64(this.at - 8, true);
  }

  /** An unsigned number of 1, 2, 4 or 8 bytes. */
  unsigned(size: number): bigint {
    if (size === 8) return this.u64();
    if (size === 4) return BigInt(this.u32());
    if (size === 2) return BigInt(this.u16());
    if (size === 1) return BigInt(this.u8());
    throw new SymbolsError(`${this.label} at ${hex(this.at)}: numbers of ${size} bytes are not known`);
  }

  /** An offset into a section: 4 or 8 bytes by the unit's format. */
  offset(wide: boolean): number {
    if (!wide) return this.u32();
    const value = this.u64();
    if (value > 0xffff_ffff_ffffn) throw new SymbolsError(`${this.label} at ${hex(this.at - 8)}: the offset ${hex(value)} is too great`);
    return Number(value);
  }

  /** Unsigned LEB128 as a number: what does not fit into 53 bits is an error. */
  uleb(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if ((byte & 0x80) === 0) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 128;
    }
    throw new SymbolsError(`${this.label} at ${hex(this.at)}: a LEB128 number is too great`);
  }

  /** Unsigned LEB128 modulo 2^64. */
  wideUleb(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) return BigInt.asUintN(64, value);
    }
    throw new SymbolsError(`${this.label} at ${hex(this.at)}: a LEB128 number does not end`);
  }

  /** Signed LEB128, as signed 64 bits. */
  sleb(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) return (byte & 0x40) !== 0 ? BigInt.asIntN(64, value - (1n << (shift + 7n))) : BigInt.asIntN(64, value);
    }
    throw new SymbolsError(`${this.label} at ${hex(this.at)}: a LEB128 number does not end`);
  }

  /** Passes over a LEB128 number. */
  skipLeb(): void {
    while ((this.u8() & 0x80) !== 0);
  }

  /** Text up to a zero byte, which is passed over. */
  cstring(): string {
    const start = this.at;
    this.skipCstring();
    return decoder.decode(this.bytes.subarray(start, this.at - 1));
  }

  skipCstring(): void {
    const zero = this.bytes.indexOf(0, this.at);
    if (zero < 0 || zero >= this.end) throw new SymbolsError(`${this.label}: a text at ${hex(this.at)} does not end`);
    this.at = zero + 1;
  }

  /** The next `length` bytes, as a view. */
  block(length: number): Uint8Array {
    this.need(length);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  skip(length: number): void {
    this.need(length);
    this.at += length;
  }

  /** The length at the head of a unit: how long it is, where it ends, and whether its offsets have 64 bits. */
  unitLength(): { end: number; wide: boolean } {
    const start = this.at;
    const short = this.u32();
    if (short >= 0xfffffff0 && short !== 0xffffffff) throw new SymbolsError(`${this.label} at ${hex(start)}: the length ${hex(short)} is reserved`);
    const wide = short === 0xffffffff;
    const length = wide ? this.offset(true) : short;
    if (length > this.end - this.at) {
      throw new SymbolsError(`${this.label} at ${hex(start)}: ${length} bytes are announced, ${this.end - this.at} are there`);
    }
    return { end: this.at + length, wide };
  }

  private need(length: number): void {
    if (!(length >= 0 && length <= this.end - this.at)) throw new SymbolsError(`${this.label} ends at ${hex(this.end)}, too early`);
  }
}
