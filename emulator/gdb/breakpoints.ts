// What gdb has put into the machine to stop at (Z and z packets). Putting the same in twice, or taking out what is not
// there, is no error: the protocol wants that, because a packet may be sent again.

import { hexNumber, hexSmall } from "./hex.ts";
import type { Inserted } from "./stop-reply.ts";
import { STOP_KINDS, type GdbTarget } from "./target.ts";

/** Bytes that one watchpoint may span. */
const LONGEST_WATCH = 4096;
/** Breakpoints and watchpoints at once. */
const MOST = 10_000;

const OK = "OK";
const BAD = "E16";

interface Place {
  readonly type: number;
  readonly address: bigint;
  readonly length: number;
}

/** "type,address,kind", and perhaps conditions, which gdb was not offered to send; undefined when it is not that. */
function parse(text: string): Place | undefined {
  const [type, address, kind] = text.split(";", 1)[0]!.split(",") as [string, string?, string?];
  const [t, a, k] = [hexSmall(type), hexNumber(address ?? ""), hexSmall(kind ?? "")];
  return t === undefined || a === undefined || k === undefined ? undefined : { type: t, address: a, length: k };
}

export class Breakpoints {
  readonly #target: GdbTarget;
  /** Numbers in the machine, by what gdb said. */
  readonly #ids = new Map<string, number>();
  readonly #inserted = new Map<number, Inserted>();

  constructor(target: GdbTarget) {
    this.#target = target;
  }

  /** Answers a Z packet; undefined when there is no such kind. `physical`: what it watches has a physical address (breakpoints are virtual all the same). */
  insert(text: string, physical: boolean): string | undefined {
    const place = parse(text);
    if (place === undefined) return BAD;
    const kind = STOP_KINDS[place.type];
    if (kind === undefined) return undefined;
    const key = keyOf(place, physical);
    if (this.#ids.has(key)) return OK;
    const watch = place.type >= 2;
    if (this.#ids.size >= MOST || (watch && (place.length < 1 || place.length > LONGEST_WATCH))) return BAD;
    try {
      const id = this.#target.insert(kind, place.address, place.length, physical);
      this.#ids.set(key, id);
      this.#inserted.set(id, { kind, address: place.address });
      return OK;
    } catch {
      return BAD;
    }
  }

  /** Answers a z packet; undefined when there is no such kind. */
  remove(text: string, physical: boolean): string | undefined {
    const place = parse(text);
    if (place === undefined) return BAD;
    if (STOP_KINDS[place.type] === undefined) return undefined;
    // gdb may have changed its mind about what addresses mean since it put this in.
    for (const key of [keyOf(place, physical), keyOf(place, !physical)]) {
      const id = this.#ids.get(key);
      if (id === undefined) continue;
      this.#forget(key, id);
      break;
    }
    return OK;
  }

  /** What gdb put in under this number; undefined when it was somebody else. */
  inserted(id: number): Inserted | undefined {
    return this.#inserted.get(id);
  }

  /** Take everything out. */
  clear(): void {
    for (const [key, id] of [...this.#ids]) this.#forget(key, id);
  }

  #forget(key: string, id: number): void {
    this.#ids.delete(key);
    this.#inserted.delete(id);
    this.#target.remove(id);
  }
}

const keyOf = ({ type, address, length }: Place, physical: boolean): string => `${type},${address},${length},${physical ? "p" : "v"}`;
