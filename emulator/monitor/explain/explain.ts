// The explanation of a fault, or of an access that somebody asks about: facts from its moment, what became of it, who
// wrote the entry that decided, and a likely cause. Where there is a history, all of it comes from running the past again.

import { USER } from "../../mmu/walk.ts";
import type { Fault } from "../fault-log.ts";
import type { Monitor } from "../monitor.ts";
import { at } from "../past.ts";
import { decider, gather, type Facts } from "./facts.ts";
import { likely } from "./likely.ts";
import { outcomeOf, type Outcome } from "./outcome.ts";
import { originOf, type Cell } from "./origin.ts";
import { sceneOf, suspicions, type Suspicion } from "./suspicions.ts";
import { exceptionSubject, faultSubject, type Subject } from "./subject.ts";
import type { Exception } from "./trap-log.ts";
import { ifReached, writersOf, type Writer } from "./writer.ts";

export interface Explanation {
  readonly subject: Subject;
  readonly facts: Facts;
  readonly outcome: Outcome | undefined;
  /** Who wrote the deciding entry, the last first; undefined where there is no history, or no entry. */
  readonly writers: readonly Writer[] | undefined;
  /** The memory that a fatal address came from, cell by cell. */
  readonly origin: readonly Cell[];
  /** What is wrong with the kernel's memory there, and may be the cause. */
  readonly suspicions: readonly Suspicion[];
  readonly likely: readonly string[];
  /** What could not be told, and why. */
  readonly notes: readonly string[];
}

/** Outcomes after which the process or the kernel does not go on; the kernel does not from a fault of its own that is pending. */
const FATAL = new Set(["killed", "panic", "pending"]);

/** Explain a page fault of the log. */
export const explainFault = (m: Monitor, fault: Fault): Explanation => explainEvent(m, fault.moment, () => faultSubject(m, fault));

/** Explain another exception. */
export const explainException = (m: Monitor, e: Exception): Explanation => explainEvent(m, e.moment, () => exceptionSubject(m, e));

function explainEvent(m: Monitor, moment: number, make: () => Subject): Explanation {
  const notes: string[] = [];
  let seen = m.timeline === undefined ? undefined : ifReached(() => at(m, moment, () => read(m, make())));
  if (seen === undefined) {
    notes.push(m.timeline === undefined ? "this machine keeps no history: the walk and the maps are those of now, not of then" : "history does not reach back so far: the walk and the maps are those of now");
    seen = read(m, make());
    return { ...seen, outcome: undefined, writers: undefined, origin: [], suspicions: suspicions(m, sceneOf(seen.subject, seen.facts, seen.subject.code !== USER, [])), likely: likely({ m, s: seen.subject, f: seen.facts, outcome: undefined, writers: [], origin: [] }), notes };
  }
  const { subject, facts } = seen;
  return finish(m, subject, facts, notes);
}

/** Explain what an access would meet at the machine's moment. */
export const explainQuestion = (m: Monitor, subject: Subject): Explanation => finish(m, subject, gather(m, subject), []);

function read(m: Monitor, subject: Subject): { subject: Subject; facts: Facts } {
  m.symbols.forget();
  return { subject, facts: gather(m, subject) };
}

function finish(m: Monitor, subject: Subject, facts: Facts, notes: string[]): Explanation {
  const outcome = ifReached(() => outcomeOf(m, subject, facts));
  const entry = decider(facts.walk);
  const writers = entry === undefined ? undefined : ifReached(() => writersOf(m, entry.address, subject.moment));
  const fatal = outcome !== undefined && FATAL.has(outcome.kind) && (outcome.kind !== "pending" || subject.code !== USER);
  const origin = fatal ? ifReached(() => at(m, subject.moment, () => originOf(m, subject, facts))) ?? [] : [];
  const scene = sceneOf(subject, facts, fatal, origin);
  const found = ifReached(() => (subject.pc === undefined ? suspicions(m, scene) : at(m, subject.moment, () => suspicions(m, scene)))) ?? [];
  m.symbols.forget();
  notes.push(...m.view.trouble());
  return { subject, facts, outcome, writers, origin, suspicions: found, likely: likely({ m, s: subject, f: facts, outcome, writers: writers ?? [], origin }), notes };
}
