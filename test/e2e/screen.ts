// A program in a terminal: a pseudo-terminal, and a screen that interprets what comes out of it.
import pty from "@lydell/node-pty";
import xterm from "@xterm/headless";
import { onTestFinished } from "vitest";
import { ROOT } from "./cli-guests.ts";

const COLUMNS = 100;
const ROWS = 40;

/** A program in a terminal. */
export class Screen {
  readonly process: pty.IPty;
  readonly exit: Promise<number>;
  private readonly terminal = new xterm.Terminal({ cols: COLUMNS, rows: ROWS, allowProposedApi: true });
  private over = false;

  constructor(command: string, args: readonly string[]) {
    this.process = pty.spawn(command, [...args], { cols: COLUMNS, rows: ROWS, cwd: ROOT, env: { ...process.env, NODE_OPTIONS: "" } });
    this.process.onData((data) => this.terminal.write(data));
    this.exit = new Promise((resolve) => {
      this.process.onExit(({ exitCode }) => {
        this.over = true;
        resolve(exitCode);
      });
    });
    onTestFinished(() => {
      if (!this.over) this.process.kill(process.platform === "win32" ? undefined : "SIGKILL");
    });
  }

  /** The lines on the screen, without the empty ones. */
  get lines(): string[] {
    const buffer = this.terminal.buffer.active;
    const all = Array.from({ length: buffer.length }, (_, y) => buffer.getLine(y)?.translateToString(true) ?? "");
    return all.filter((line) => line !== "");
  }

  /** Wait until some line matches. */
  async shows(pattern: RegExp): Promise<void> {
    for (const began = performance.now(); performance.now() - began < 30_000; ) {
      if (this.lines.some((line) => pattern.test(line))) return;
      await pause(20);
    }
    throw new Error(`the screen does not show ${String(pattern)}:\n${this.lines.join("\n")}`);
  }

  type(text: string): void {
    this.process.write(text);
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
