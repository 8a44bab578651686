// Who wrote some bytes of memory last: found by running the stretches again in which their frames changed, latest first.

import { wide } from "../events.ts";
import { RAM } from "../memory-map.ts";
import type { Accessor, WatchedAccess } from "../mmu/watches.ts";
import type { Act } from "./act.ts";
import type { History } from "./history.ts";

/** A write that was found. */
export interface LastWrite {
  /** The step that did it. */
  readonly moment: number;
  /** Whose it was; null when no hart did it. */
  readonly hart: number | null;
  /** Its instruction's address; 0 when no hart did it. */
  readonly pc: bigint;
  /** An instruction, hardware setting A or D bits, a device, or somebody outside (a debugger, a reset). */
  readonly by: Accessor;
  /** What it left in the bytes asked about, little endian. */
  readonly value: bigint;
}

/** The last write of [pa, pa + size) before the step `before`. `acts`: what was done from outside up to now. */
export function findLastWrite(history: History, acts: readonly Act[], pa: number, size: number, before: number): LastWrite | undefined {
  const { machine } = history;
  if (!(size > 0) || machine.memory.host(pa, size) < 0) return undefined;
  const here = history.position;
  // Nothing has run since an act at the present moment, so no stretch has it.
  const act = before === here.steps ? acts.findLast((a) => a.steps === before && touches(a, pa, size)) : undefined;
  if (act !== undefined) return { moment: before, hart: null, pc: 0n, by: "host", value: valueAt(history, pa, size) };
  let found: LastWrite | undefined;
  const listen = (): (() => void) => machine.memory.watches.add({ space: "physical", start: BigInt(pa), length: size, read: false, write: true }, (a) => {
    found = describe(history, a, pa, size);
  });
  for (const [from, to] of stretches(history, pa, size, before)) {
    history.scan(from, to, listen, { stay: true });
    if (found !== undefined) break;
  }
  history.goTo(here);
  return found;
}

/** The stretches between checkpoints that may hold a write, latest first. */
function stretches({ checkpoints: { list }, checkpoints }: History, pa: number, size: number, before: number): [number, number][] {
  const frames = framesOf(pa, size);
  const out: [number, number][] = [];
  for (let i = list.findLastIndex((c) => c.steps < before); i >= 0; i--) {
    const next = list[i + 1];
    if (next !== undefined && !checkpoints.changed(frames, next)) continue;
    const { steps } = list[i]!;
    out.push([steps, Math.min(before, list.find((c) => c.steps > steps)?.steps ?? before)]);
  }
  return out;
}

function framesOf(pa: number, size: number): number[] {
  const first = Math.floor((pa - RAM) / 4096);
  const last = Math.floor((pa + size - 1 - RAM) / 4096);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

const touches = (a: Act, pa: number, size: number): boolean =>
  a.kind === "reset" || (a.change.kind === "memory" && a.change.pa < pa + size && pa < a.change.pa + a.change.bytes.length);

const valueAt = ({ machine }: History, pa: number, size: number): bigint =>
  machine.memory.view(pa, size)!.reduceRight((v, byte) => (v << 8n) | BigInt(byte), 0n);

function describe(history: History, a: WatchedAccess, pa: number, size: number): LastWrite {
  const { machine } = history;
  const h = machine.harts[a.hart];
  return {
    moment: machine.moment, hart: h === undefined ? null : h.id, pc: h === undefined ? 0n : wide(h.pcLo, h.pcHi), by: a.by, value: valueAt(history, pa, size),
  };
}
