// What the debug adapter needs of its host: a machine built from a client's words, run by a loop, and the names of files.

import type { Changes } from "../history/changes.ts";
import type { Monitor } from "../monitor/monitor.ts";
import type { Symbols } from "../monitor/symbols/symbols.ts";

/** A machine that was built for a client and stands at its first instruction. */
export interface Debuggee {
  readonly monitor: Monitor;
  readonly changes: Changes;
  /** Let the loop run. */
  start(): void;
  /** Resolves with the process status when the guest has powered off or `end` was called; rejects when it cannot go on. */
  readonly ended: Promise<number>;
  /** End it. */
  end(): void;
  /** Type at the guest's console. */
  type(text: string): void;
  /** Called with what the guest prints. */
  onOutput: (text: string) => void;
  /** Symbols of user programs that may have been made from a source file, by the file's name as symbols have it. */
  programsOf(file: string): readonly Symbols[];
}

export interface DapHost {
  /** Build a machine from the arguments of a launch request. Rejects with an Error of one line. */
  launch(args: Readonly<Record<string, unknown>>): Promise<Debuggee>;
  /** Where a source file that symbols name lies on the host. */
  sourcePath(file: string): string;
  /** The name that symbols have for a file of the host. */
  sourceName(path: string): string;
}
