// Values of C variables as one line of text each.

import type { Value } from "./value.ts";

const MOST_CHARACTERS = 64;

const hex = (n: bigint): string => `0x${n.toString(16)}`;
/** A part that cannot be had says why, and the others are shown all the same. */
export const attempt = (what: () => string): string => {
  try {
    return what();
  } catch (e) {
    return `<${e instanceof Error ? e.message : String(e)}>`;
  }
};

const isText = (value: Value): boolean => {
  const { kind, target } = value.type.bare;
  return (kind === "pointer" || kind === "array") && target.bare.encoding.endsWith("char");
};

/** A value as one line: a number, an enumeration's name, a pointer with what it leads to, or the beginning of its parts. */
export function valueText(value: Value): string {
  return attempt(() => {
    const type = value.type.bare;
    switch (type.kind) {
      case "enum": return value.enumerator() ?? value.big().toString();
      case "pointer": return pointerText(value);
      case "struct":
      case "union": return `{${value.members().slice(0, 4).map(({ name, value: v }) => `${name}=${short(v)}`).join(", ")}${value.type.fields.length > 4 ? ", …" : ""}}`;
      case "array": return isText(value) ? JSON.stringify(value.cstring(MOST_CHARACTERS)) : `[${value.length}]`;
      default: return baseText(value);
    }
  });
}

function baseText(value: Value): string {
  if (!value.type.isNumber) return value.type.text;
  const number = value.big();
  const { encoding } = value.type.bare;
  if (encoding === "boolean") return number === 0n ? "false" : "true";
  if (encoding.endsWith("char") && number >= 32n && number < 127n) return `${number} '${String.fromCharCode(Number(number))}'`;
  return number > 0xffffn ? `${number} (${hex(number)})` : number.toString();
}

function pointerText(value: Value): string {
  const address = value.big();
  if (address === 0n || !isText(value)) return hex(address);
  return `${hex(address)} ${attempt(() => JSON.stringify(value.cstring(MOST_CHARACTERS)))}`;
}

/** A member among others. */
function short(value: Value): string {
  const { kind } = value.type.bare;
  return kind === "struct" || kind === "union" ? "{…}" : kind === "array" && !isText(value) ? "[…]" : valueText(value);
}
