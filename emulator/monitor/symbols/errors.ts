// What goes wrong with symbols and types: one class, one line for a person.

/** Debug information that is damaged or asks for too much, or a value that is not there; `message` is one line. */
export class SymbolsError extends Error {
  override readonly name = "SymbolsError";
}

/** A number for a message: 0x… in lower case. */
export const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
