// --record and --replay: recordings of a run as files, compressed.
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { constants, gunzipSync, gzipSync } from "node:zlib";
import { History } from "../history/history.ts";
import { NotAsItWas } from "../history/reach.ts";
import { checkStart, readRecording, type Recording } from "../history/recording.ts";
import type { Machine } from "../machine.ts";
import { hostReason, UsageError } from "./errors.ts";
import type { Settings } from "./settings.ts";

/** The largest recording, in bytes once it is unpacked. */
const LARGEST = 2 ** 29;
/** Bytes of the packed file that hold the beginning of the recording. */
const BEGINNING = 4096;

/** A history, and what is to be done with it in the end. */
export interface Kept {
  readonly history: History;
  /** Write the recording, if one was asked for. Throws UsageError. */
  readonly finish: () => void;
}

/** The recording that `--replay` names; null without. Throws UsageError. */
export function openRecording({ replay }: Settings): Recording | null {
  if (replay === undefined) return null;
  return tried(`--replay ${replay}`, () => {
    const packed = readFileSync(replay);
    unpack(packed.subarray(0, BEGINNING), { finishFlush: constants.Z_SYNC_FLUSH }, checkStart);
    return unpack(packed, { maxOutputLength: LARGEST }, readRecording);
  });
}

/** Unpack a file (or its beginning), and read that. */
function unpack<T>(packed: Uint8Array, options: { maxOutputLength?: number; finishFlush?: number }, read: (bytes: Uint8Array) => T): T {
  let bytes: Uint8Array;
  try {
    bytes = gunzipSync(packed, options);
  } catch {
    bytes = new Uint8Array(); // as much of a recording as there was
  }
  return read(bytes);
}

/** Begin the history of a machine that has not run: with an unwritten future, or with that of a recording. Throws UsageError. */
export function keepHistory({ record, replay }: Settings, machine: Machine, recording: Recording | null): Kept {
  const history = recording === null ? new History(machine, { record: record !== undefined })
    : tried(`--replay ${replay}`, () => History.open(recording, machine));
  if (record === undefined) return { history, finish: () => undefined };
  const attempt = <T>(what: () => T): T => tried(`--record ${record}`, what);
  const fd = attempt(() => openSync(record, "w")); // what cannot be written is said before anything runs
  return {
    history,
    finish: () => attempt(() => {
      const whole = history.save();
      if (whole.length > LARGEST) throw new Error(`the recording has ${whole.length} bytes, more than the ${LARGEST} that can be replayed`);
      const bytes = gzipSync(whole);
      for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
      closeSync(fd);
    }),
  };
}

/** Run a machine with a history. A recording that turns out to be another run's is the person's matter: rejects with UsageError then. */
export async function withRecording<T>({ replay }: Settings, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (e) {
    throw replay !== undefined && e instanceof NotAsItWas ? new UsageError(`--replay ${replay}: ${e.message}`) : e;
  }
}

function tried<T>(option: string, what: () => T): T {
  try {
    return what();
  } catch (e) {
    throw new UsageError(`${option}: ${hostReason(e)}`);
  }
}
