// The formats of F and D (binary32 and binary64 of IEEE 754): taking bit patterns apart, and the one place where an
// exact value is rounded into a format (Unprivileged ISA, chapters "F" and "D").
//
// A bit pattern is an unsigned bigint of 32 or 64 bits. A finite value is ±significand × 2^exponent, exactly.

/** Single or double precision, as in the suffix of an instruction. */
export type Precision = "s" | "d";

/** Rounding modes, by their encoding in `rm` and `frm`: to nearest, ties to even; towards zero; down; up; to nearest, ties away. */
export const RNE = 0;
export const RTZ = 1;
export const RDN = 2;
export const RUP = 3;
export const RMM = 4;

/** Exception flags, by their bits in `fflags`: inexact, underflow, overflow, division by zero, invalid operation. */
export const NX = 1;
export const UF = 2;
export const OF = 4;
export const DZ = 8;
export const NV = 16;

/** Where operations leave the flags they raise: or-ed into `raised`, which they never clear. */
export interface Flags {
  raised: number;
}

interface Format {
  /** Width of a bit pattern. */
  readonly width: bigint;
  /** Bits of the fraction, without the leading one that is not stored. */
  readonly fraction: bigint;
  /** Bits of a significand, with the leading one. */
  readonly precision: number;
  /** Exponent of the least significant bit of a subnormal number. */
  readonly lowest: number;
  readonly signBit: bigint;
  readonly infinity: bigint;
  readonly quietBit: bigint;
}

const format = (width: bigint, fraction: bigint, lowest: number): Format => ({
  width, fraction, lowest, precision: Number(fraction) + 1, signBit: 1n << (width - 1n),
  infinity: (1n << (width - 1n)) - (1n << fraction), quietBit: 1n << (fraction - 1n),
});

export const FORMATS: Readonly<Record<Precision, Format>> = { s: format(32n, 23n, -149), d: format(64n, 52n, -1074) };

/** What an operation gives when its result is a NaN: positive, quiet, no payload. */
export const CANONICAL_NAN: Readonly<Record<Precision, bigint>> = { s: 0x7fc00000n, d: 0x7ff8000000000000n };

/** A number taken apart. Significand and exponent only mean something when it is finite; zero has significand 0. */
export interface Value {
  readonly kind: "finite" | "infinity" | "quiet" | "signalling";
  readonly negative: boolean;
  readonly significand: bigint;
  readonly exponent: number;
}

/** The value of a bit pattern. */
export function unpack(p: Precision, bits: bigint): Value {
  const f = FORMATS[p];
  const negative = (bits & f.signBit) !== 0n;
  const magnitude = bits & (f.signBit - 1n);
  const kind = magnitude < f.infinity ? "finite" : magnitude === f.infinity ? "infinity" : (bits & f.quietBit) !== 0n ? "quiet" : "signalling";
  const biased = magnitude >> f.fraction;
  const fraction = magnitude & ((1n << f.fraction) - 1n);
  if (biased === 0n) return { kind, negative, significand: fraction, exponent: f.lowest };
  return { kind, negative, significand: fraction | (1n << f.fraction), exponent: f.lowest + Number(biased) - 1 };
}

export const isNaNValue = (v: Value): boolean => v.kind === "quiet" || v.kind === "signalling";
export const isZero = (v: Value): boolean => v.kind === "finite" && v.significand === 0n;

const signed = (p: Precision, negative: boolean, magnitude: bigint): bigint => (negative ? magnitude | FORMATS[p].signBit : magnitude);
export const zero = (p: Precision, negative: boolean): bigint => signed(p, negative, 0n);
export const infinity = (p: Precision, negative: boolean): bigint => signed(p, negative, FORMATS[p].infinity);

/** Raise NV; the canonical NaN. */
export function invalid(p: Precision, flags: Flags): bigint {
  flags.raised |= NV;
  return CANONICAL_NAN[p];
}

/** The result when an operand is a NaN (NV for a signalling one), undefined when none is. */
export function nanResult(p: Precision, flags: Flags, ...operands: readonly Value[]): bigint | undefined {
  if (operands.some((v) => v.kind === "signalling")) return invalid(p, flags);
  return operands.some((v) => v.kind === "quiet") ? CANONICAL_NAN[p] : undefined;
}

/** Number of bits of n > 0. */
export function bitLength(n: bigint): number {
  const hex = n.toString(16);
  return 4 * hex.length - Math.clz32(parseInt(hex.charAt(0), 16)) + 28;
}

/** significand × 2^−shift rounded to an integer; `exact` says that nothing was lost. */
export function roundToWhole(significand: bigint, shift: number, negative: boolean, rm: number): { whole: bigint; exact: boolean } {
  if (shift <= 0) return { whole: significand << BigInt(-shift), exact: true };
  const whole = significand >> BigInt(shift);
  const rest = significand - (whole << BigInt(shift));
  if (rest === 0n) return { whole, exact: true };
  return { whole: roundsUp(rm, negative, (whole & 1n) !== 0n, rest, 1n << BigInt(shift - 1)) ? whole + 1n : whole, exact: false };
}

/** Whether a magnitude that lies `rest` > 0 above a multiple of the unit rounds to the next one. Throws on a reserved rounding mode. */
function roundsUp(rm: number, negative: boolean, odd: boolean, rest: bigint, half: bigint): boolean {
  switch (rm) {
    case RNE: return rest > half || (rest === half && odd);
    case RTZ: return false;
    case RDN: return negative;
    case RUP: return !negative;
    case RMM: return rest >= half;
    default: throw new RangeError(`rounding mode ${rm} is reserved`);
  }
}

/**
 * The bit pattern of ±significand × 2^exponent (significand > 0), rounded once. Raises NX, OF and UF. An underflow is a
 * result that is inexact and tiny; tiny is what would still lie below the normal numbers if it were rounded with an
 * exponent without bounds (tininess after rounding).
 */
export function round(p: Precision, negative: boolean, significand: bigint, exponent: number, rm: number, flags: Flags): bigint {
  const f = FORMATS[p];
  const unbounded = exponent + bitLength(significand) - f.precision; // exponent of the last bit that is kept, were there no bounds
  const unit = Math.max(unbounded, f.lowest);
  const { whole, exact } = roundToWhole(significand, unit - exponent, negative, rm);
  // Counts up from 0 through all magnitudes of the format: the leading one adds itself to the exponent field.
  const magnitude = (BigInt(unit - f.lowest) << f.fraction) + whole;
  if (magnitude >= f.infinity) {
    flags.raised |= OF | NX;
    const away = rm === RNE || rm === RMM || rm === (negative ? RDN : RUP);
    return signed(p, negative, away ? f.infinity : f.infinity - 1n);
  }
  if (!exact) {
    flags.raised |= NX;
    if (isTiny(p, negative, significand, exponent, unbounded, rm)) flags.raised |= UF;
  }
  return signed(p, negative, magnitude);
}

function isTiny(p: Precision, negative: boolean, significand: bigint, exponent: number, unbounded: number, rm: number): boolean {
  const f = FORMATS[p];
  if (unbounded >= f.lowest) return false;
  if (unbounded < f.lowest - 1) return true;
  return roundToWhole(significand, unbounded - exponent, negative, rm).whole < 1n << BigInt(f.precision);
}

/** A single-precision pattern as it stands in a 64-bit register: NaN-boxed. */
export const box = (single: bigint): bigint => single | 0xffffffff00000000n;

/** The single-precision operand in a 64-bit register: the canonical NaN unless it is properly NaN-boxed. */
export const unbox = (register: bigint): bigint =>
  BigInt.asUintN(64, register) >> 32n === 0xffffffffn ? BigInt.asUintN(32, register) : CANONICAL_NAN.s;
