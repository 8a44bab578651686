// Numbers and bytes as the remote protocol writes them: hexadecimal, and registers in the target's byte order.

/** Bytes as hexadecimal digits, two each. */
export function toHex(bytes: Uint8Array): string {
  let out = "";
  for (const byte of bytes) out += (byte < 16 ? "0" : "") + byte.toString(16);
  return out;
}

/** The bytes behind hexadecimal digits; undefined when they are no whole number of bytes. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

/** A number that must fit in 64 bits; undefined for anything else. */
export function hexNumber(text: string): bigint | undefined {
  return /^[0-9a-f]{1,16}$/i.test(text) ? BigInt(`0x${text}`) : undefined;
}

/** A small number such as a length or a register's; undefined for anything else. */
export function hexSmall(text: string): number | undefined {
  return /^[0-9a-f]{1,8}$/i.test(text) ? parseInt(text, 16) : undefined;
}

/** A register: eight bytes, lowest first. */
export function registerHex(value: bigint): string {
  return toHex(registerBytes(value));
}

export function registerBytes(value: bigint): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
  return out;
}

/** The register behind sixteen digits, lowest byte first; undefined for anything else. */
export function hexRegister(text: string): bigint | undefined {
  const bytes = text.length === 16 ? fromHex(text) : undefined;
  return bytes === undefined ? undefined : new DataView(bytes.buffer).getBigUint64(0, true);
}
