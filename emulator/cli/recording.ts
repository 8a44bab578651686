// --record and --replay: recordings of a run as files, compressed.
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { History } from "../history/history.ts";
import type { Machine } from "../machine.ts";
import { hostReason, UsageError } from "./errors.ts";
import type { Settings } from "./settings.ts";

/** The largest recording that is read, in bytes once it is unpacked. */
const LARGEST = 2 ** 30;

/** A history, and what is to be done with it in the end. */
export interface Kept {
  readonly history: History;
  /** Write the recording, if one was asked for. Throws UsageError. */
  readonly finish: () => void;
}

/** Begin the history of a machine that has not run: with an unwritten future, or with that of `--replay`. Throws UsageError. */
export function keepHistory({ record, replay }: Settings, machine: Machine): Kept {
  const history = replay === undefined ? new History(machine, { record: record !== undefined }) : openRecording(replay, machine);
  if (record === undefined) return { history, finish: () => undefined };
  const attempt = <T>(what: () => T): T => tried(`--record ${record}`, what);
  const fd = attempt(() => openSync(record, "w")); // what cannot be written is said before anything runs
  return {
    history,
    finish: () => attempt(() => {
      const bytes = gzipSync(history.save());
      for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
      closeSync(fd);
    }),
  };
}

function openRecording(file: string, machine: Machine): History {
  return tried(`--replay ${file}`, () => {
    const packed = readFileSync(file);
    let bytes: Uint8Array;
    try {
      bytes = gunzipSync(packed, { maxOutputLength: LARGEST });
    } catch {
      throw new Error("this is not a recording, or it is damaged");
    }
    return History.open(bytes, machine);
  });
}

function tried<T>(option: string, what: () => T): T {
  try {
    return what();
  } catch (e) {
    throw new UsageError(`${option}: ${hostReason(e)}`);
  }
}
