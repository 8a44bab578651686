// The host's side of the console: raw mode and its end whatever happens, signals, output that takes its time.
import { constants } from "node:os";
import { hostReason, USAGE_STATUS } from "./errors.ts";

/** Signals that end the program; where the host has not got one, it never comes. */
const ENDING = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK"] as const;
const has = (signal: string): boolean => Object.hasOwn(constants.signals, signal);

export interface TerminalEvents {
  /** Keys of a terminal. */
  readonly onKeys: (bytes: Uint8Array) => void;
  /** The program shall end with this status: a signal, a reader that went away, a terminal that hung up. */
  readonly onEnd: (status: number) => void;
}

const SIGPIPE_STATUS = 128 + 13;
const SIGHUP_STATUS = 128 + 1;
const NEWLINE = 0x0a;
const ESC = 0x1b;

/** Standard output failed: the status to end with, quietly where its reader is gone. */
function lostOutput(e: NodeJS.ErrnoException): number {
  if (e.code === "EPIPE" || e.code === "EOF" || e.code === "ECONNRESET") return SIGPIPE_STATUS;
  if (e.code === "EIO") return SIGHUP_STATUS; // a terminal that was closed
  process.stderr.write(`pagewalk: standard output: ${hostReason(e)}\n`);
  return USAGE_STATUS;
}

export class Terminal {
  /** Somebody sits at a keyboard. */
  readonly keyboard: boolean = process.stdin.isTTY === true;
  readonly #screen: boolean = process.stdout.isTTY === true;
  #raw = false;
  #column0 = true;
  #escapes = false;

  /** From now on until `restore` keys and signals are reported. `rawKeys` false: a terminal's keys are left alone. */
  start({ onKeys, onEnd }: TerminalEvents, { rawKeys }: { rawKeys: boolean }): void {
    for (const signal of ENDING) {
      if (has(signal)) process.on(signal, () => onEnd(128 + constants.signals[signal]));
    }
    let lost = false;
    process.stdout.on("error", (e: NodeJS.ErrnoException) => {
      if (!lost) onEnd(lostOutput(e));
      lost = true;
    });
    process.stderr.on("error", () => undefined);
    if (!this.keyboard || !rawKeys) return;
    process.on("exit", () => this.restore());
    this.#setRaw(true);
    process.stdin.on("data", onKeys);
    process.stdin.on("end", () => onEnd(SIGHUP_STATUS));
    process.stdin.on("error", () => onEnd(SIGHUP_STATUS));
    if (has("SIGTSTP")) this.#stopAndContinue();
  }

  /** What the guest printed. */
  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#column0 = bytes[bytes.length - 1] === NEWLINE;
    this.#escapes ||= bytes.includes(ESC);
    process.stdout.write(bytes);
  }

  /** A message of ours on the screen, on lines of its own; nothing where the output is no screen. */
  say(text: string): void {
    if (!this.#screen) return;
    process.stdout.write(`${this.#column0 ? "" : "\n"}${text}`);
    this.#column0 = true;
  }

  /** Somebody else has written to the screen: is the cursor at the start of a line? */
  moved(atStart: boolean): void {
    this.#column0 = atStart;
  }

  /** Text of ours that belongs to the output, on lines of its own. */
  put(text: string): void {
    process.stdout.write(`${this.#column0 ? "" : "\n"}${text}`);
    this.#column0 = text.endsWith("\n");
  }

  /** Resolves when the host has taken enough of what was written to go on. */
  async drained(): Promise<void> {
    for (const stream of [process.stdout, process.stderr]) {
      if (!stream.writableNeedDrain || stream.destroyed) continue;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          for (const name of ["drain", "close", "error"]) stream.off(name, done);
          resolve();
        };
        for (const name of ["drain", "close", "error"]) stream.on(name, done);
      });
    }
  }

  /** The terminal as it was: cooked, cursor shown, colours off, at the start of a line. May be called again. */
  restore(): void {
    if (!this.#raw) return;
    if (this.#screen && this.#escapes) process.stdout.write("\x1b[0m\x1b[?25h");
    this.say("");
    this.#setRaw(false);
  }

  #setRaw(raw: boolean): void {
    try {
      process.stdin.setRawMode(raw);
    } catch {
      // The terminal is gone: there is nothing to set.
    }
    this.#raw = raw;
  }

  /** Stopped from outside (Ctrl-Z itself goes to the guest): leave the terminal to the shell meanwhile. */
  #stopAndContinue(): void {
    process.on("SIGTSTP", () => {
      this.restore();
      process.kill(process.pid, "SIGSTOP");
    });
    process.on("SIGCONT", () => this.#setRaw(true));
  }
}
