// trace: events, or the instructions that retire, as lines of text.

import { EVENT_NAMES, type EventName } from "../../events.ts";
import { MonitorError, type Command } from "../command.ts";
import { count, plural, table } from "../format.ts";
import type { Monitor } from "../monitor.ts";
import { logCommits } from "../spike-log.ts";
import { traceEvents } from "../trace.ts";

/** A trace that is on. */
export interface Trace {
  readonly events: string;
  readonly file: string | undefined;
  lines: number;
  readonly stop: () => void;
}

/** The word for Spike's commit log. */
const COMMITS = "commits";
const isEvent = (word: string): word is EventName => (EVENT_NAMES as readonly string[]).includes(word);

function begin(m: Monitor, words: readonly string[], file: string | undefined): Trace {
  if (file !== undefined && m.openFile === undefined) throw new MonitorError("there are no files here to write to");
  const sink = file === undefined ? undefined : m.openFile!(file);
  let over = false;
  /** The machine is in the midst of a step: a file that takes no more ends its trace, and not the run. */
  const write = (line: string): void => {
    if (over) return;
    trace.lines++;
    if (sink === undefined || file === undefined) {
      m.tell(line.trimEnd());
      return;
    }
    try {
      sink.write(line);
    } catch (e) {
      over = true;
      m.tell(`the trace to ${file} has ended: ${(e as Error).message}`);
      const at = m.traces.indexOf(trace);
      if (at < 0) return; // it is being stopped already
      m.traces.splice(at, 1);
      queueMicrotask(trace.stop); // later: listeners are being gone through
    }
  };
  const names = words.filter(isEvent);
  const stops = [traceEvents(m.machine, names, write), ...(words.includes(COMMITS) ? [logCommits(m.machine, write)] : [])];
  const trace: Trace = {
    events: words.join(","), file, lines: 0,
    stop: () => {
      for (const stop of stops) stop();
      sink?.close();
    },
  };
  return trace;
}

export const trace: Command = {
  name: "trace",
  usage: "trace [EVENT,… [to FILE] | off [N]]",
  summary: "events as lines of text; or each instruction, as Spike's commit log has it",
  help: `Events: ${EVENT_NAMES.join(", ")}; "commits" is every instruction that retires, in the form of spike --log-commits.\nWithout a word: the traces that are on. "off" ends them, "off N" one. Example: trace pageFault,fence to faults.txt`,
  family: "look",
  words: ["event", "'commits'", "'off'", "'to'"],
  run(m, args) {
    const file = args.after("to");
    const word = args.next();
    if (word === "off") {
      const which = args.next();
      args.end();
      const n = which === undefined ? undefined : m.look.number(which, "number of a trace", m.traces.length);
      if (n === 0) throw new MonitorError("traces are numbered from 1");
      const ended = n === undefined ? m.traces.splice(0) : m.traces.splice(n - 1, 1);
      for (const t of ended) t.stop();
      return { text: ended.length === 0 ? "no trace was on" : ended.map((t) => `${t.events}: ${plural(t.lines, "line")}`).join("\n"), json: ended.map(({ stop: _stop, ...t }) => t) };
    }
    const words = [word, ...rest(args.next.bind(args))].filter((w) => w !== undefined).flatMap((w) => w.split(",")).filter((w) => w !== "");
    args.end();
    for (const w of words) if (w !== COMMITS && !isEvent(w)) throw new MonitorError(`there is no event ${w}: ${[...EVENT_NAMES, COMMITS].join(", ")}`);
    if (words.length > 0) m.traces.push(begin(m, words, file));
    else if (file !== undefined) throw new MonitorError("say which events to trace");
    const rows = m.traces.map((t, i) => [String(i + 1), t.events, t.file === undefined ? "" : `to ${t.file}`, `${count(t.lines)} lines`]);
    return { text: rows.length === 0 ? "no trace is on" : table(rows, "r"), json: m.traces.map(({ stop: _stop, ...t }) => t) };
  },
};

/** What a function gives until it gives nothing. */
function rest(next: () => string | undefined): string[] {
  const words: string[] = [];
  for (let w = next(); w !== undefined; w = next()) words.push(w);
  return words;
}
