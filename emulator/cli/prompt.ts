// The monitor in the terminal: a prompt with history and completion, while the machine stands. Setting the machine going
// gives the keyboard back to the guest; whatever stops it brings the prompt back. Both may also be another face's doing.
import { createInterface, type Interface } from "node:readline";
import { PassThrough } from "node:stream";
import { count } from "../monitor/format.ts";
import type { Monitor } from "../monitor/monitor.ts";
import { stopText } from "../monitor/stop-text.ts";
import type { Terminal } from "./terminal.ts";

const PROMPT = "(pagewalk) ";
/** What an empty line does again, as in gdb. */
const REPEATED = /^\s*(r?step|r?next|r?stepi|r?nexti|r?continue|r?finish|[cnsx]|si|ni|rs|rn|rc)\b/;
/** How often (ms) a search that goes on says where it is. */
const SEARCH_TOLD = 1500;
const CTRL_C = 3;
/** Words of the prompt itself. */
const LEAVE = /^\s*(quit|exit|q)\s*$/;

export interface PromptHooks {
  /** The person wants to end the program. */
  readonly quit: () => void;
}

export class Prompt {
  readonly #monitor: Monitor;
  readonly #terminal: Terminal;
  readonly #hooks: PromptHooks;
  readonly #keys = new PassThrough();
  #lines: Interface | null = null;
  /** A command is being carried out. */
  #busy = false;
  /** The prompt is what stands last on the screen. */
  #asks = false;
  #repeat = "";
  /** Lines typed before the last command had said all. */
  readonly #ahead: string[] = [];

  constructor(monitor: Monitor, terminal: Terminal, hooks: PromptHooks) {
    this.#monitor = monitor;
    this.#terminal = terminal;
    this.#hooks = hooks;
    monitor.control.onReport((report) => {
      if (this.#busy || report.reason === "poweroff") return; // the command says it, or the program ends
      this.#terminal.say(`${stopText(monitor, report)}\n`);
      this.#show();
    });
    monitor.control.onGo(() => {
      if (this.#asks && !this.#busy) terminal.say("pagewalk: the machine runs on; keys are the guest's\n");
      this.#asks = false;
    });
  }

  /** Do keys belong to the prompt, and not to the guest? They do while it looks back, too: Ctrl-C ends that. */
  get open(): boolean {
    const { control } = this.#monitor;
    return control.halted || control.debugger.goingBack;
  }

  /** Ctrl-A c: stop the machine and ask, or let it run on. */
  toggle(): void {
    if (!this.#monitor.control.halted) this.#monitor.control.halt();
    else if (!this.#busy) this.#carryOut("continue");
  }

  /** The machine stands already: ask. */
  begin(): void {
    this.#show();
  }

  /** What was typed while the prompt is open. */
  take(bytes: Uint8Array): void {
    const { control } = this.#monitor;
    if (!control.halted) {
      if (bytes.includes(CTRL_C)) control.halt();
      return;
    }
    this.#keys.write(bytes);
  }

  close(): void {
    this.#lines?.close();
    this.#lines = null;
  }

  #show(): void {
    this.#terminal.say("");
    this.#interface().prompt();
    this.#terminal.moved(false);
    this.#asks = true;
  }

  #interface(): Interface {
    if (this.#lines !== null) return this.#lines;
    const lines = createInterface({
      input: this.#keys, output: process.stdout, terminal: true, prompt: PROMPT, historySize: 1000, removeHistoryDuplicates: true,
      completer: (line: string): [string[], string] => [this.#monitor.complete(line), /\S*$/.exec(line)![0]],
    });
    lines.on("line", (line) => this.#take(line));
    lines.on("SIGINT", () => {
      lines.write(null, { ctrl: true, name: "e" });
      lines.write(null, { ctrl: true, name: "u" });
      process.stdout.write("^C\n");
      lines.prompt();
    });
    lines.on("close", () => { // Ctrl-D
      if (this.#lines !== lines) return;
      this.#lines = null;
      process.stdout.write("\n");
      this.#carryOut("continue");
    });
    return (this.#lines = lines);
  }

  #take(line: string): void {
    this.#terminal.moved(true);
    if (this.#busy) {
      this.#ahead.push(line);
      return;
    }
    if (LEAVE.test(line)) {
      this.#hooks.quit();
      return;
    }
    const wanted = line.trim() === "" ? this.#repeat : line;
    this.#repeat = REPEATED.test(wanted) ? wanted : "";
    if (wanted === "") this.#show();
    else this.#carryOut(wanted);
  }

  #carryOut(line: string): void {
    this.#busy = true;
    const searching = setInterval(() => this.#tellSearch(), SEARCH_TOLD);
    void Promise.resolve(this.#monitor.run(line)).then(({ text }) => {
      this.#busy = false;
      clearInterval(searching);
      if (text !== "") this.#terminal.say(text.endsWith("\n") ? text : `${text}\n`);
      if (!this.#monitor.control.halted) return;
      this.#show();
      const next = this.#ahead.shift();
      if (next === undefined) return;
      process.stdout.write(`${next}\n`);
      this.#take(next);
    });
  }

  /** A search back that takes long says where it is. */
  #tellSearch(): void {
    const { control, machine } = this.#monitor;
    if (control.debugger.goingBack) this.#terminal.say(`searching back, at t=${count(machine.steps)}; Ctrl-C ends it\n`);
  }
}
