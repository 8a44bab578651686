// Setting the machine going, forward and back: continue, step, next, finish, until, and the same with an r.

import type { Debugger } from "../../history/debugger.ts";
import { MonitorError, type Answer, type Args, type Command } from "../command.ts";
import { count } from "../format.ts";
import type { Monitor } from "../monitor.ts";
import { stopJson, stopText } from "../stop-text.ts";

/** Set the machine going and, where the face waits for stops, say how it stopped. */
async function go(m: Monitor, begin: (d: Debugger) => void): Promise<Answer> {
  m.control.go(begin);
  await m.drive();
  const report = m.control.last;
  if (report === undefined) return { text: "", json: { running: true } };
  return { text: stopText(m, report), json: stopJson(m, report) };
}

interface Motion {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  readonly help: string;
  /** Takes a number of steps. */
  readonly counts?: boolean;
  readonly begin: (d: Debugger, m: Monitor, steps: number) => void;
}

/** By source line where lines are known at the pc, else by instruction. */
function unit(m: Monitor): "line" | "instruction" {
  const h = m.look.hart();
  return m.naming.line(m.look.pc(h), m.look.present(h)) === "" ? "instruction" : "line";
}

const HART = "It is about the monitor's hart (see hart); the others run along in their turns. ";

const MOTIONS: readonly Motion[] = [
  { name: "continue", aliases: ["c"], summary: "run until something stops the machine", help: "Breakpoints, watchpoints, catches and alarms that stop do so.", begin: (d) => d.continue() },
  {
    name: "step", aliases: ["s"], summary: "one source line on, into calls", counts: true,
    help: `${HART}Where no lines are known it is one instruction. A number repeats it.`, begin: (d, m, steps) => d.step({ hart: m.hart, unit: unit(m), count: steps }),
  },
  { name: "stepi", aliases: ["si"], summary: "one instruction on, or into a trap", counts: true, help: `${HART}A number repeats it.`, begin: (d, m, steps) => d.step({ hart: m.hart, count: steps }) },
  { name: "next", aliases: ["n"], summary: "one source line on, over calls, system calls and faults", counts: true, help: HART, begin: (d, m, steps) => d.next({ hart: m.hart, unit: unit(m), count: steps }) },
  { name: "nexti", aliases: ["ni"], summary: "one instruction on, over calls, system calls and faults", counts: true, help: HART, begin: (d, m, steps) => d.next({ hart: m.hart, count: steps }) },
  { name: "finish", aliases: ["fin"], summary: "on until the present function returns", help: HART, begin: (d, m) => d.finish(m.hart) },
];

const BACKWARD: readonly Motion[] = [
  { name: "rcontinue", aliases: ["rc"], summary: "back to the last time that something would have stopped the machine", help: "A watchpoint stops before the instruction that writes.", begin: (d) => d.rcontinue() },
  { name: "rstep", aliases: ["rs"], summary: "one source line back, into calls", counts: true, help: HART, begin: (d, m, steps) => d.rstep({ hart: m.hart, unit: unit(m), count: steps }) },
  { name: "rstepi", aliases: ["rsi"], summary: "one instruction back", counts: true, help: HART, begin: (d, m, steps) => d.rstep({ hart: m.hart, count: steps }) },
  { name: "rnext", aliases: ["rn"], summary: "one source line back, over calls", counts: true, help: HART, begin: (d, m, steps) => d.rnext({ hart: m.hart, unit: unit(m), count: steps }) },
  { name: "rnexti", aliases: ["rni"], summary: "one instruction back, over calls", counts: true, help: HART, begin: (d, m, steps) => d.rnext({ hart: m.hart, count: steps }) },
  { name: "rfinish", aliases: ["rfin"], summary: "back to where the present function was called", help: HART, begin: (d, m) => d.rfinish(m.hart) },
];

function motion(x: Motion, family: Command["family"]): Command {
  return {
    name: x.name, ...(x.aliases === undefined ? {} : { aliases: x.aliases }), usage: x.counts === true ? `${x.name} [COUNT]` : x.name, summary: x.summary, help: x.help.trim(), family,
    run(m, args) {
      const word = x.counts === true ? args.next() : undefined;
      args.end();
      const steps = word === undefined ? 1 : m.look.number(word, "number of steps", 1e9);
      if (steps === 0) throw new MonitorError("that is no step at all");
      return go(m, (d) => x.begin(d, m, steps));
    },
  };
}

/** until and runtil. */
function toAddress(name: string, summary: string, family: Command["family"], begin: (d: Debugger, address: bigint, hart: number) => void): Command {
  return {
    name, usage: `${name} ADDR|FUNCTION|FILE:LINE`, summary, help: "In the address space of the monitor's hart.", family, words: ["symbol"],
    run(m, args) {
      const addresses = m.look.places(args.expression("an address"));
      args.end();
      if (addresses.length > 1) throw new MonitorError(`that line has code at ${count(addresses.length)} addresses: give one of them`);
      return go(m, (d) => begin(d, addresses[0]!, m.hart));
    },
  };
}

export const motions: readonly Command[] = [
  ...MOTIONS.map((x) => motion(x, "stop and go")),
  toAddress("until", "on until an address is about to be executed", "stop and go", (d, address, hart) => d.until(address, { hart })),
];

export const motionsBack: readonly Command[] = [
  ...BACKWARD.map((x) => motion(x, "go back")),
  toAddress("runtil", "back to the last time that an address was about to be executed", "go back", (d, address, hart) => d.runtil(address, { hart })),
];

export const halt: Command = {
  name: "halt",
  usage: "halt",
  summary: "stop the machine where it is",
  help: "Says where that is.",
  family: "stop and go",
  run(m, args: Args) {
    args.end();
    m.control.halt();
    const report = m.control.last!;
    return { text: stopText(m, report), json: stopJson(m, report) };
  },
};

export const type: Command = {
  name: "type",
  usage: "type TEXT",
  summary: "type a line at the guest's console",
  help: "The text is what stands behind the command, as it is; a newline follows it. Example: type cowdemo",
  family: "machine",
  run(m, args) {
    const text = args.verbatim();
    m.control.input({ kind: "console", bytes: new TextEncoder().encode(`${text}\n`) });
    return { text: "", json: { typed: text } };
  },
};

export const expect: Command = {
  name: "expect",
  usage: "expect TEXT",
  summary: "run until the console shows a text, or something stops the machine",
  help: "For scripts. A text that was found once is not found again. Example: expect \"$ \"",
  family: "machine",
  async run(m, args) {
    const wanted = args.rest();
    args.end();
    if (wanted === "") throw new MonitorError("say which text to wait for");
    if (m.machine.console.match(wanted)) return { text: "", json: { found: true } };
    m.control.go((d) => d.continue());
    let found = false;
    await m.drive(() => (found ||= m.machine.console.match(wanted)));
    if (!found) {
      const report = m.control.last;
      return { ok: false, text: report === undefined ? "it is not there yet, and the machine runs" : `it has not come; ${stopText(m, report)}`, json: { found: false } };
    }
    m.control.halt();
    return { text: "", json: { found: true } };
  },
};
