// The past, for commands: being at another moment for a while, and who wrote something last. Stands on the debugger's
// timeline; a history answers the second question faster than by running everything again.

import type { Timeline } from "../history/debugger.ts";
import type { Machine } from "../machine.ts";
import { wide } from "../events.ts";
import { MonitorError } from "./command.ts";
import { count, hex } from "./format.ts";
import type { Monitor } from "./monitor.ts";

/** The write that was found. */
export interface LastWrite {
  /** The step that did it. */
  readonly moment: number;
  /** Whose, or null when no hart did it. */
  readonly hart: number | null;
  readonly pc: bigint;
  readonly by: "cpu" | "walker" | "dma" | "host";
}

/** A timeline that knows who wrote memory last. */
export interface WritesKnown {
  lastWrite(pa: number, size: number, before?: number): LastWrite | undefined;
}
const knowsWrites = (t: Timeline): t is Timeline & WritesKnown => "lastWrite" in t && typeof t.lastWrite === "function";

/** The monitor's timeline. Throws MonitorError where there is none to go back to. */
export function timelineOf(m: Monitor): Timeline {
  if (m.timeline === undefined) throw new MonitorError("this machine keeps no history: it cannot go back");
  return m.timeline;
}

/** Do something at another moment, and come back. Throws MonitorError when history does not reach there. */
export function at<T>(m: Monitor, moment: number, look: () => T): T {
  const timeline = timelineOf(m);
  const here = timeline.position;
  if (moment === here.steps) return look();
  checkReach(timeline, moment);
  try {
    timeline.goTo(moment);
    return look();
  } finally {
    timeline.goTo(here);
  }
}

/** Throws MonitorError when a moment lies outside of history. */
export function checkReach({ start, end }: Timeline, moment: number): void {
  if (moment < start.steps || moment > end.steps) throw new MonitorError(`history reaches from t=${count(start.steps)} to t=${count(end.steps)}, not to t=${count(moment)}`);
}

/** Who wrote [pa, pa + size) last before a moment (now, when left out); undefined when nobody did since history begins. */
export function lastWrite(m: Monitor, pa: number, size: number, before = m.machine.steps): LastWrite | undefined {
  const timeline = timelineOf(m);
  if (knowsWrites(timeline)) return timeline.lastWrite(pa, size, before);
  return searchBack(m.machine, timeline, pa, size, before);
}

/** The same, by running one stretch after the other again. */
function searchBack(machine: Machine, timeline: Timeline, pa: number, size: number, before: number): LastWrite | undefined {
  let found: LastWrite | undefined;
  for (let to = before; to > timeline.start.steps && found === undefined;) {
    const from = Math.max(timeline.start.steps, timeline.checkpointBefore(to));
    timeline.scan(from, to, () => machine.stops.watch({ space: "physical", start: BigInt(pa), length: size, read: false, write: true }, (a) => {
      const h = machine.harts[a.hart];
      found = { moment: machine.moment, hart: a.hart < 0 ? null : a.hart, pc: h === undefined ? 0n : wide(h.pcLo, h.pcHi), by: a.by };
    }));
    to = from;
  }
  return found;
}

/** A write in words: who, where in the code, for which process, when. Looks at that moment. */
export function writeText(m: Monitor, w: LastWrite): string {
  if (w.hart === null) return `written by ${w.by === "dma" ? "a device" : "somebody outside the machine"} at t=${count(w.moment)}`;
  const { hart } = w;
  return at(m, w.moment, () => {
    const process = m.view.current(hart);
    const whom = process === undefined ? "" : `, for pid ${process.pid} ${process.name}`;
    const place = m.naming.place(w.pc, m.look.present(m.look.hart(hart)));
    const how = w.by === "walker" ? "written by the page-table walk (A or D) for" : "written by";
    return `${how} ${place === hex(w.pc) ? place : `${place} (pc ${hex(w.pc)})`} on hart ${hart}${whom}, t=${count(w.moment)}`;
  });
}
