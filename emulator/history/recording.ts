// A recording: what came from outside during a run, and hashes of what the run began with. With the same images it is
// the whole run, on any computer. Not compressed: that is for whoever writes the file.

import type { State } from "../bus.ts";
import { Fields } from "../devices/state.ts";
import { hashBytes } from "../machine-state.ts";
import { DEFAULT_EPOCH, type InputEntry, type Machine } from "../machine.ts";
import { packState, unpackHead, unpackState } from "../snapshot.ts";
import type { Act } from "./act.ts";
import { changeState, fits, readChange } from "./changes.ts";
import { notAfter, type Checkpoints, type FullPosition } from "./checkpoints.ts";
import { hashDisk, pagesState, putBack, readPages, type DiskPages } from "./recorded-disks.ts";

const FORMAT = "pagewalk recording";
const VERSION = 2;
const DAMAGED = "this is not a recording, or it is damaged";

/** What a run began with: options as text, hashes of images and disks, by names for error messages. */
export type StartHashes = Readonly<Record<string, string>>;

/** What a run that is recorded or replayed began with. */
export interface Origin {
  readonly began: StartHashes;
  /** What was written over on disks that last, when that comes from a recording. */
  readonly disks?: DiskPages;
}

/** A recording as it is read. */
export interface Recording extends Origin {
  readonly acts: readonly Act[];
  readonly inputs: readonly InputEntry[];
  readonly end: FullPosition;
  /** Input given before the end, and not taken in by then. */
  readonly waiting: readonly Uint8Array[];
  /** The state's hash at the end. */
  readonly hash: string;
  /** What the run wrote over, of disks that last. */
  readonly disks: DiskPages;
}

const diskName = (slot: number): string => `disk ${slot}`;
const rightsName = (slot: number): string => `right to write to disk ${slot}`;

/** Could the guest of a recorded run write to the disk in a slot? True when there was none. */
export const wasWritable = ({ began }: Recording, slot: number): boolean => began[rightsName(slot)] !== "no";

/** What the machine began with. Throws an Error of one line when its history does not reach back to power-on. */
export function startHashes(machine: Machine, { list, disks }: Checkpoints): StartHashes {
  const [first] = list;
  if (first!.steps !== 0) throw new Error("history does not reach back to power-on (any more): begin it then, and say that it is to be recorded");
  return hashesOf(machine, (slot) => hashDisk(disks[slot]!.bytes, (n) => disks[slot]!.pageAt(n, first!.order)));
}

function hashesOf(machine: Machine, diskHash: (slot: number) => string): StartHashes {
  const { options: o, memory } = machine;
  const image = (bytes: Uint8Array | null | undefined): string => (bytes == null ? "none" : hashBytes(bytes));
  const all: Record<string, string> = {
    "amount of memory": String(memory.plan.ramBytes), "number of harts": String(machine.harts.length),
    "way of updating A and D bits": o.adUpdate ?? "hardware", "kernel command line": o.append ?? "", "seed": String(o.seed ?? 0), "epoch": String(o.epoch ?? DEFAULT_EPOCH),
    "firmware": image(o.bios), "kernel": image(o.kernel), "initrd": image(o.initrd),
  };
  machine.disks.forEach((disk, slot) => {
    if (disk === null) return;
    all[diskName(slot)] = diskHash(slot);
    all[rightsName(slot)] = disk.readOnly ? "no" : "yes";
  });
  return all;
}

/** The pages that a recording must carry: what was written over in history, of disks that last. */
export function overwritten({ list, disks }: Checkpoints): DiskPages {
  const lasting = disks.flatMap((disk, slot) => (disk?.lasting === true ? [[slot, disk.overwritten(list[0]!.order)] as const] : []));
  return new Map(lasting);
}

/**
 * Make a machine that has not run what a recording began with: a disk that is as the recorded run left it is put back.
 * Throws an Error of one line that names what differs, when it was made with another machine, and where a disk of this
 * one lasts: replaying must not change it.
 */
export function fit(recording: Recording, machine: Machine): void {
  const { began, acts, disks } = recording;
  if (machine.steps !== 0) throw new Error("a recording can be replayed on a machine that has not run only");
  if (machine.disks.some((d) => d?.lasting === true)) throw new Error("a replay would change a disk that lasts: give it a copy");
  const here = hashesOf(machine, (slot) => putBack(machine.disks[slot]!, began[diskName(slot)] ?? "", disks.get(slot)));
  for (const name of new Set([...Object.keys(here), ...Object.keys(began)])) {
    const [a, b] = [began[name] ?? "none", here[name] ?? "none"];
    if (a === b) continue;
    const neither = [...disks].some(([slot, { size }]) => name === diskName(slot) && size > 0) ? ": it is neither as that run found it nor as that run left it" : "";
    throw new Error(`the recording was made with another ${name}${isHash(a) || isHash(b) ? neither : `: ${a || "none"}, not ${b || "none"}`}`);
  }
  if (!acts.every((a) => a.kind === "reset" || fits(machine, a.change))) throw new Error(DAMAGED);
}

/**
 * The recording of a run that had no history, from the machine that stands at its end and one that is made alike and has
 * not run. It is right where idle time passed by itself, nothing but input came from outside, and no disk lasts.
 */
export function recordingOf(ended: Machine, fresh: Machine): Recording {
  const { steps, now, phase, inputLog } = ended;
  return {
    began: hashesOf(fresh, (slot) => putBack(fresh.disks[slot]!, "")), acts: [], inputs: inputLog,
    end: { steps, now, phase, acts: 0, inputs: inputLog.length }, waiting: ended.waitingInput.map((i) => i.bytes),
    hash: ended.stateHash(), disks: new Map(),
  };
}

const isHash = (text: string): boolean => /^[0-9a-f]{16}$/.test(text);

/** The file, of a machine that stands at its end. */
export function writeRecording(machine: Machine, began: StartHashes, disks: DiskPages, acts: readonly Act[], end: FullPosition): Uint8Array {
  const body = packState({
    began: { ...began },
    acts: acts.map((a): State => ({ ...position(a), change: a.kind === "reset" ? null : changeState(a.change) })),
    inputs: machine.inputLog.map((e): State => ({ at: e.at, bytes: e.bytes })),
    end: position(end), waiting: machine.waitingInput.map((i) => i.bytes), hash: machine.stateHash(), disks: pagesState(disks),
  });
  return packState({ format: FORMAT, version: VERSION, sum: hashBytes(body), body });
}

/** Throws an Error of one line when bytes are not the beginning of a recording: all of it need not be there. */
export function checkStart(bytes: Uint8Array): void {
  const f = orDamaged(() => {
    const outer = new Fields(unpackHead(bytes), "recording");
    if (outer.value("format") !== FORMAT) throw new Error("another format");
    outer.number("version");
    return outer;
  });
  if (f.value("version") !== VERSION) throw new Error(`the recording is of version ${String(f.value("version"))}, this is a reader of version ${VERSION}`);
}

/** Read a file. Throws an Error of one line when it is something else. */
export function readRecording(bytes: Uint8Array): Recording {
  checkStart(bytes);
  return orDamaged(() => {
    const f = new Fields(unpackState(bytes), "recording");
    const body = f.bytes("body", 0, bytes.length);
    if (hashBytes(body) !== f.value("sum")) throw new Error("another sum");
    return readBody(new Fields(unpackState(body), "recording"));
  });
}

function orDamaged<T>(read: () => T): T {
  try {
    return read();
  } catch {
    throw new Error(DAMAGED);
  }
}

function readBody(f: Fields): Recording {
  const hash = f.value("hash");
  if (typeof hash !== "string" || !isHash(hash)) throw new Error("the hash is none");
  const recording: Recording = {
    began: readHashes(f.value("began")),
    acts: f.list("acts", Infinity).map(readAct),
    inputs: f.list("inputs", Infinity).map((e) => {
      const entry = new Fields(e, "recording.inputs");
      return { kind: "console", at: entry.number("at", 2 ** 53), bytes: entry.bytes("bytes", 0, 2 ** 32) };
    }),
    end: readPosition(f.record("end")),
    waiting: f.list("waiting", Infinity).map((bytes) => {
      if (!(bytes instanceof Uint8Array)) throw new Error("what waits is no bytes");
      return bytes;
    }),
    hash, disks: readPages(f.list("disks", Infinity)),
  };
  checkOrder(recording);
  return recording;
}

/** Throws when it tells of something that cannot have happened in that order. */
function checkOrder({ acts, inputs, end }: Recording): void {
  const inOrder = acts.every((a, i) => a.acts === i && notAfter(a, acts[i + 1] ?? end)) && inputs.every(({ at }, i) => i === 0 || at >= inputs[i - 1]!.at);
  if (!inOrder || end.acts !== acts.length || end.inputs !== inputs.length || acts.some((a) => a.inputs > inputs.length)) throw new Error("out of order");
}

function readHashes(state: State): StartHashes {
  if (state === null || typeof state !== "object" || Array.isArray(state) || state instanceof Uint8Array) throw new Error("recording: it does not say what it began with");
  return Object.fromEntries(Object.entries(state).map(([name, value]) => [name, String(value)]));
}

const position = ({ steps, now, phase, acts, inputs }: FullPosition): { [name: string]: State } => ({ steps, now, phase, acts, inputs });
const readPosition = (f: Fields): FullPosition =>
  ({ steps: f.number("steps", 2 ** 53), now: f.number("now", 2 ** 53), phase: f.number("phase", 2) as FullPosition["phase"], acts: f.number("acts"), inputs: f.number("inputs") });

function readAct(state: State): Act {
  const f = new Fields(state, "recording.acts");
  const when = readPosition(f);
  return f.value("change") === null ? { ...when, kind: "reset" } : { ...when, kind: "change", change: readChange(f.record("change")) };
}
