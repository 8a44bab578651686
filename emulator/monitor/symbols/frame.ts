// A frame: the registers of a function that has not returned yet. Numbers of registers are those of the ISA: x1 is ra,
// x2 sp, x8 the frame pointer.

/** What is known of the registers in one frame. */
export interface Frame {
  /** Where it is: the next (or faulting) instruction when `exact`, else where the call that it makes will return to. */
  readonly pc: bigint;
  /** x0 to x31; undefined where the value is lost (a callee was free to overwrite it). */
  readonly x: readonly (bigint | undefined)[];
  /** False for a caller: its line is that of the instruction before pc. */
  readonly exact: boolean;
}

/** The address that says where a frame is: inside the call instruction for a caller. */
export const placeOf = (frame: Frame): bigint => (frame.exact ? frame.pc : frame.pc - 1n);
