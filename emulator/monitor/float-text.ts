// Floating-point registers as people read them.

const view = new DataView(new ArrayBuffer(8));
const BOXED = 0xffffffffn;

/** What the bits of a floating-point register are: a double, or, under 32 ones, a single (marked f). */
export function floatText(bits: bigint): string {
  view.setBigUint64(0, bits);
  if (bits >> 32n === BOXED) return `${number(view.getFloat32(4))}f`;
  return number(view.getFloat64(0));
}

const number = (v: number): string => (Object.is(v, -0) ? "-0" : Number.isNaN(v) ? "NaN" : String(v));
