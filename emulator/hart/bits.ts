// Bits of mip/mie and of mstatus, under the manual's names.

export const SSI = 1 << 1;
export const MSI = 1 << 3;
export const STI = 1 << 5;
export const MTI = 1 << 7;
export const SEI = 1 << 9;
export const MEI = 1 << 11;

export const STATUS_SIE = 1 << 1;
export const STATUS_MIE = 1 << 3;
export const STATUS_SPIE = 1 << 5;
export const STATUS_MPIE = 1 << 7;
export const STATUS_SPP = 1 << 8;
export const STATUS_MPP_SHIFT = 11;
export const STATUS_MPP = 3 << STATUS_MPP_SHIFT;
/** State of the floating-point unit: 0 Off, 1 Initial, 2 Clean, 3 Dirty. */
export const STATUS_FS = 3 << 13;
export const STATUS_MPRV = 1 << 17;
export const STATUS_SUM = 1 << 18;
export const STATUS_MXR = 1 << 19;
export const STATUS_TVM = 1 << 20;
export const STATUS_TW = 1 << 21;
export const STATUS_TSR = 1 << 22;
