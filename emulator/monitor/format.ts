// How the monitor writes things: numbers, addresses, tables of words, and plain data for programs.

/** A JSON value: what `Output.json` holds. 64-bit numbers are strings of hexadecimal digits with 0x. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json | undefined };

/** Hexadecimal with 0x, lower case, at least `width` digits. A negative number is not expected. */
export const hex = (n: bigint | number, width = 0): string => `0x${n.toString(16).padStart(width, "0")}`;

/** Decimal with a comma between each three digits. */
export function count(n: bigint | number): string {
  return n.toString().replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** "1 page", "2,048 pages". */
export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

/** Bytes in the greatest unit that divides them: "64 KiB", "12 bytes". */
export function size(bytes: number): string {
  for (const [unit, name] of [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]] as const) {
    if (bytes >= unit && bytes % unit === 0) return `${count(bytes / unit)} ${name}`;
  }
  return plural(bytes, "byte");
}

/** Virtual time (ns) as seconds. */
export const seconds = (ns: number): string => `${Math.floor(ns / 1e9)}.${String(Math.floor(ns % 1e9)).padStart(9, "0")} s`;

/**
 * Rows of words in columns, two spaces apart. `align` has a letter a column, l or r; further columns are l. The last
 * column is not padded. Lines begin with `indent`.
 */
export function table(rows: readonly (readonly string[])[], align = "", indent = ""): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => { widths[i] = Math.max(widths[i] ?? 0, cell.length); });
  return rows.map((row) => {
    const cells = row.map((cell, i) => (align[i] === "r" ? cell.padStart(widths[i]!) : i === row.length - 1 ? cell : cell.padEnd(widths[i]!)));
    return (indent + cells.join("  ")).trimEnd();
  }).join("\n");
}

/** Each line of a text behind `by`. */
export const indent = (text: string, by = "  "): string => text.replace(/^(?=.)/gm, by);

/** Any data as plain JSON: bigints become hexadecimal strings, bytes lists of numbers, Maps and Sets lists; functions go. */
export function plain(value: unknown): Json {
  if (value === null || value === undefined) return null;
  switch (typeof value) {
    case "bigint": return hex(value);
    case "number": return Number.isFinite(value) ? value : null;
    case "string":
    case "boolean": return value;
    case "object": break;
    default: return null;
  }
  if (value instanceof Map) return [...value].map(([k, v]) => [plain(k), plain(v)]);
  if (Array.isArray(value) || value instanceof Set || ArrayBuffer.isView(value)) return Array.from(value as Iterable<unknown>, plain);
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined && typeof v !== "function").map(([k, v]) => [k, plain(v)]));
}

/** A byte as a character to print, or a dot. */
const printable = (b: number): string => (b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : ".");
export const ascii = (bytes: Uint8Array): string => Array.from(bytes, printable).join("");
