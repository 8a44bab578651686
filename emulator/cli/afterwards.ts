// A run that nobody watched, and that ended in a kernel panic or with a program killed for a fault: the monitor says why.
// Most such runs keep no history, so as to be as fast as can be; but the same input gives the same run, so it is run again.
import { History } from "../history/history.ts";
import { NotAsItWas } from "../history/reach.ts";
import { recordingOf } from "../history/recording.ts";
import type { Machine } from "../machine.ts";
import type { Monitor } from "../monitor/monitor.ts";
import { buildMachine } from "./build.ts";
import { headless } from "./debugging.ts";
import { UsageError } from "./errors.ts";
import type { Settings } from "./settings.ts";

/** The status of our guest when its kernel has panicked, and when the command was killed. */
const PANICKED = 134;
const KILLED = 255;
/** What our kernel writes then; of a process, what it was killed for. */
const PANIC = /^panic on hart \d/m;
const KILL = /^pid \d+ .*: killed\r?$/m;
/** The end of the console's text, in which a kill that ended the command stands. */
const LAST = 1000;

/** Did a command end in a way that is to be explained? */
export function wantsExplanation(status: number, console: string): boolean {
  return (status === PANICKED && PANIC.test(console)) || (status === KILLED && KILL.test(console.slice(-LAST)));
}

/** Gathers what a monitor tells, of a run that nobody watches; in the end it knows why that ended. */
export class Unwatched {
  #panic: string | undefined;

  /** Takes a sentence that no command asked for: only a panic's matters in the end. */
  readonly tell = (text: string): void => {
    if (PANIC.test(text)) this.#panic = text;
  };

  /** Why it ended, by the monitor that was there from the beginning. Undefined where it does not know. */
  async why(monitor: Monitor): Promise<string | undefined> {
    if (this.#panic !== undefined) return this.#panic;
    const { ok, text } = await monitor.run("why fatal");
    return ok ? text : undefined;
  }
}

/**
 * Why the run of `machine` ended as it did, which nobody has watched, and which has kept nothing in files: it is run
 * again. Undefined where that cannot be told, or `over` says that nobody wants to know any more.
 */
export async function whyAfterwards(settings: Settings, machine: Machine, over: () => boolean): Promise<string | undefined> {
  let close = (): void => undefined;
  try {
    const again = await buildMachine(settings);
    close = again.close;
    const history = History.open(recordingOf(machine, again.machine), again.machine);
    const unwatched = new Unwatched();
    const monitor = headless(again.machine, unwatched.tell, () => history.live || over(), history);
    monitor.explainer.most = 0; // of many that were killed only the last one matters
    monitor.control.go((d) => d.continue());
    await monitor.drive();
    return over() ? undefined : await unwatched.why(monitor);
  } catch (e) {
    // It was reset on the way, say; or there is no room for a second machine. How the run ended is what counts.
    if (e instanceof NotAsItWas || e instanceof UsageError) return undefined;
    throw e;
  } finally {
    close();
  }
}
