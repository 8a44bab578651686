// A recording: what came from outside during a run, and hashes of what the run began with. With the same images it is
// the whole run, on any computer. Not compressed: that is for whoever writes the file.

import type { State } from "../bus.ts";
import { Fields } from "../devices/state.ts";
import { hashBytes } from "../machine-state.ts";
import { DEFAULT_EPOCH, type InputEntry, type Machine } from "../machine.ts";
import { packState, unpackState } from "../snapshot.ts";
import type { Change } from "./changes.ts";
import type { Checkpoint, Checkpoints, FullPosition } from "./checkpoints.ts";
import type { Act } from "./act.ts";
import type { JournaledDisk } from "./journal.ts";
import { PAGE_BYTES } from "./pages.ts";

const FORMAT = "pagewalk recording";
const VERSION = 2;

/** What a run began with: options as text, hashes of images and disks, by names for error messages. */
export type StartHashes = Readonly<Record<string, string>>;

/** A recording as it is read. */
export interface Recording {
  readonly acts: readonly Act[];
  readonly inputs: readonly InputEntry[];
  readonly end: FullPosition;
  /** Input given before the end, and not taken in by then. */
  readonly waiting: readonly Uint8Array[];
  /** The state's hash at the end. */
  readonly hash: string;
  /** Throws an Error of one line that names what differs, when it was made with another machine. */
  match(here: StartHashes): void;
}

/** What the machine began with. Throws an Error of one line when its history does not reach back to power-on. */
export function startHashes(machine: Machine, { list, disks }: Checkpoints): StartHashes {
  const [first] = list;
  if (first!.steps !== 0) throw new Error("history does not reach back to power-on (any more): begin it then, and say that it is to be recorded");
  const { options: o, memory } = machine;
  const image = (bytes: Uint8Array | null | undefined): string => (bytes == null ? "none" : hashBytes(bytes));
  const all: Record<string, string> = {
    "amount of memory": String(memory.plan.ramBytes), "number of harts": String(machine.harts.length),
    "way of updating A and D bits": o.adUpdate ?? "hardware", "kernel command line": o.append ?? "", "seed": String(o.seed ?? 0), "epoch": String(o.epoch ?? DEFAULT_EPOCH),
    "firmware": image(o.bios), "kernel": image(o.kernel), "initrd": image(o.initrd),
  };
  disks.forEach((disk, slot) => {
    if (disk !== null) all[`disk ${slot}`] = hashBytes(wholeAt(disk, first!));
  });
  return all;
}

/** A disk as it was at a checkpoint. */
function wholeAt(disk: JournaledDisk, c: Checkpoint): Uint8Array {
  const bytes = new Uint8Array(disk.bytes);
  for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
    const words = disk.pageAt(at / PAGE_BYTES, c.order);
    bytes.set(new Uint8Array(words.buffer, words.byteOffset, Math.min(PAGE_BYTES, bytes.length - at)), at);
  }
  return bytes;
}

/** The file, of a machine that stands at its end. */
export function writeRecording(machine: Machine, hashes: StartHashes, acts: readonly Act[], end: FullPosition): Uint8Array {
  return packState({
    format: FORMAT, version: VERSION, began: { ...hashes },
    acts: acts.map((a): State => ({ ...position(a), change: a.kind === "reset" ? null : changeState(a.change) })),
    inputs: machine.inputLog.map((e): State => ({ at: e.at, bytes: e.bytes })),
    end: position(end), waiting: machine.waitingInput.map((i) => i.bytes), hash: machine.stateHash(),
  });
}

/** Read a file. Throws an Error of one line when it is something else. */
export function checkRecording(bytes: Uint8Array): Recording {
  const f = readFormat(bytes);
  const hash = f.value("hash");
  if (typeof hash !== "string") throw new Error("recording: the hash is not text");
  const began = readHashes(f.value("began"));
  return {
    acts: f.list("acts", Infinity).map(readAct),
    inputs: f.list("inputs", Infinity).map((e) => {
      const entry = new Fields(e, "recording.inputs");
      return { kind: "console", at: entry.number("at", 2 ** 53), bytes: entry.bytes("bytes", 0, 2 ** 32) };
    }),
    end: readPosition(f.record("end")),
    waiting: f.list("waiting", Infinity).filter((w) => w instanceof Uint8Array),
    hash,
    match: (here) => match(began, here),
  };
}

function match(began: StartHashes, here: StartHashes): void {
  for (const name of new Set([...Object.keys(here), ...Object.keys(began)])) {
    const [a, b] = [began[name] ?? "none", here[name] ?? "none"];
    if (a === b) continue;
    throw new Error(`the recording was made with another ${name}${/^[0-9a-f]{16}$/.test(a) || /^[0-9a-f]{16}$/.test(b) ? "" : `: ${a || "none"}, not ${b || "none"}`}`);
  }
}

function readHashes(state: State): StartHashes {
  if (state === null || typeof state !== "object" || Array.isArray(state) || state instanceof Uint8Array) throw new Error("recording: it does not say what it began with");
  return Object.fromEntries(Object.entries(state).map(([name, value]) => [name, String(value)]));
}

function readFormat(bytes: Uint8Array): Fields {
  let f: Fields;
  try {
    f = new Fields(unpackState(bytes), "recording");
    if (f.value("format") !== FORMAT) throw new Error("another format");
  } catch {
    throw new Error("this is not a recording, or it is damaged");
  }
  if (f.value("version") !== VERSION) throw new Error(`the recording is of version ${String(f.value("version"))}, this is a reader of version ${VERSION}`);
  return f;
}

const position = ({ steps, now, phase, acts, inputs }: FullPosition): { [name: string]: State } => ({ steps, now, phase, acts, inputs });
const readPosition = (f: Fields): FullPosition =>
  ({ steps: f.number("steps", 2 ** 53), now: f.number("now", 2 ** 53), phase: f.number("phase", 2) as FullPosition["phase"], acts: f.number("acts"), inputs: f.number("inputs") });

function readAct(state: State): Act {
  const f = new Fields(state, "recording.acts");
  const when = readPosition(f);
  return f.value("change") === null ? { ...when, kind: "reset" } : { ...when, kind: "change", change: readChange(f.record("change")) };
}

const changeState = (c: Change): State => (c.kind === "memory" ? { ...c } : { ...c, value: c.value.toString(16) });

function readChange(f: Fields): Change {
  const kind = f.value("kind");
  if (kind === "memory") return { kind, pa: f.number("pa", 2 ** 53), bytes: f.bytes("bytes", 0, 2 ** 32) };
  const hart = f.number("hart");
  const text = f.value("value");
  if (typeof text !== "string" || !/^[0-9a-f]{1,16}$/.test(text)) throw new Error("recording: a change has no value");
  const value = BigInt(`0x${text}`);
  switch (kind) {
    case "register": return { kind, hart, n: f.number("n"), value };
    case "float": return { kind, hart, n: f.number("n"), value };
    case "pc": return { kind, hart, value };
    case "csr": return { kind, hart, csr: f.number("csr"), value };
    case "privilege": return { kind, hart, value: Number(value) as 0 | 1 | 3 };
    default: throw new Error("recording: a change of no known kind");
  }
}
