// The arithmetic of F and D in software, exact and slow: the oracle for the fast paths, and what the reference engine uses.
// Pure functions over bit patterns; whoever calls them has refused reserved rounding modes and unboxed the operands.

export { add, div, fma, mul, sqrt, sub } from "./arithmetic.ts";
export { classify, eq, le, lt, max, min } from "./compare.ts";
export { convert, fromInteger, toInteger } from "./convert.ts";
export {
  CANONICAL_NAN, DZ, NV, NX, OF, RDN, RMM, RNE, RTZ, RUP, UF, box, unbox, type Flags, type Precision,
} from "./format.ts";
