// The snapshot container: one JSON document (states by name) followed by the byte arrays that it refers to.
//
//     "PWSNAP04"  u32 length of JSON  JSON  blobs, back to back

import type { State } from "./bus.ts";

const MAGIC = "PWSNAP04";

/** Pack a state into one buffer. */
export function packState(state: State): Uint8Array {
  const blobs: Uint8Array[] = [];
  const json = new TextEncoder().encode(JSON.stringify(state, (_key, value: unknown) => {
    if (!(value instanceof Uint8Array)) return value;
    blobs.push(value);
    return { $bytes: blobs.length - 1, $length: value.length };
  }));
  const out = new Uint8Array(12 + json.length + blobs.reduce((n, b) => n + b.length, 0));
  out.set(new TextEncoder().encode(MAGIC));
  new DataView(out.buffer).setUint32(8, json.length, true);
  out.set(json, 12);
  let at = 12 + json.length;
  for (const b of blobs) {
    out.set(b, at);
    at += b.length;
  }
  return out;
}

/** Where the JSON of a buffer ends. Throws an Error of one line when the buffer is something else or cut short in it. */
function endOfJson(bytes: Uint8Array): number {
  if (bytes.length < 12 || new TextDecoder().decode(bytes.subarray(0, 8)) !== MAGIC) throw new Error("snapshot: this is not a Pagewalk snapshot of this version");
  const end = 12 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true);
  if (end > bytes.length) throw new Error("snapshot: the file is cut short");
  return end;
}

function parse(json: Uint8Array, restore: (key: string, value: unknown) => unknown): State {
  try {
    return JSON.parse(new TextDecoder().decode(json), restore) as State;
  } catch (e) {
    if (e instanceof SyntaxError || e instanceof RangeError) throw new Error("snapshot: the file is damaged"); // RangeError: nested too deeply
    throw e;
  }
}

/** What the beginning of a buffer made by `packState` tells: the state without its byte arrays. Throws an Error of one line when it is something else. */
export function unpackHead(bytes: Uint8Array): State {
  return parse(bytes.subarray(12, endOfJson(bytes)), (_key, value) => value);
}

/** The state in a buffer made by `packState`. Throws an Error of one line when the buffer is something else or cut short. */
export function unpackState(packed: Uint8Array): State {
  const bytes = new Uint8Array(packed.buffer, packed.byteOffset, packed.length); // a slice of Node's Buffer would be no copy
  const end = endOfJson(bytes);
  let at = end;
  return parse(bytes.subarray(12, end), (_key, value) => {
    if (typeof value !== "object" || value === null || !("$bytes" in value)) return value;
    const size = Number((value as unknown as { $length: unknown }).$length);
    if (!(size >= 0 && at + size <= bytes.length)) throw new Error("snapshot: the file is cut short");
    at += size;
    return bytes.slice(at - size, at);
  });
}
