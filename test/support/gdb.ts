// The real gdb against the program: Pagewalk serving gdb on a port that is free, and gdb running a script of commands.
import { spawn, type ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, Running, scratch } from "../e2e/cli-guests.ts";
import { installed } from "./tools.ts";

export const GDB = "gdb-multiarch";
export const hasGdb = installed(GDB);

export const KERNEL = join(ROOT, "guest-kernel", "prebuilt", "kernel.elf");

/** Pagewalk with `--gdb 0` and these arguments, once it serves. */
export async function serve(args: readonly string[]): Promise<{ running: Running; port: number }> {
  const running = new Running(["--gdb", "0", ...args]);
  const port = await running.says(/gdb: target remote :(\d+)/);
  return { running, port: Number(port[1]) };
}

export interface GdbOptions {
  /** Give gdb the kernel's file; otherwise it asks the server for it. */
  readonly kernel?: boolean;
  /** ms. */
  readonly timeout?: number;
  /** Called once gdb has attached. */
  readonly during?: () => Promise<void>;
}

const SETUP = ["set confirm off", "set pagination off", "set width 0", "set height 0", "set tcp connect-timeout 5", "set remotetimeout 60"];

/** A gdb that attaches and carries out these commands. */
export class Gdb {
  private printed = "";
  /** All that it printed; rejects when it takes too long. */
  readonly ended: Promise<string>;
  private readonly child: ChildProcess;

  constructor(port: number, commands: readonly string[], { kernel = true, timeout = 60_000 }: GdbOptions = {}) {
    const script = join(scratch(), "script.gdb");
    writeFileSync(script, [...SETUP, ...(kernel ? [`file ${KERNEL}`] : []), `target remote 127.0.0.1:${port}`, "echo attached\\n", ...commands].join("\n") + "\n");
    this.child = spawn(GDB, ["-nx", "-batch", "-x", script], { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.child.stdout!, this.child.stderr!]) stream.on("data", (b: Buffer) => { this.printed += b.toString(); });
    const timer = setTimeout(() => this.child.kill("SIGKILL"), timeout);
    this.ended = new Promise((resolve, reject) => {
      this.child.on("close", (status) => {
        clearTimeout(timer);
        if (status === null) reject(new Error(`gdb took more than ${timeout} ms:\n${this.out}`));
        else resolve(this.out);
      });
    });
  }

  /** What it has printed so far, but for what a checkout that is being worked on makes it say. */
  get out(): string {
    return this.printed.replaceAll("warning: Source file is more recent than executable.\n", "");
  }

  /** Ctrl-C. */
  interrupt(): void {
    this.child.kill("SIGINT");
  }

  /** Wait until it has printed `text`. */
  async says(text: string): Promise<void> {
    while (!this.out.includes(text)) {
      const step = new Promise((resolve) => setTimeout(resolve, 10));
      const over = await Promise.race([this.ended.then(() => true), step.then(() => false)]);
      if (over && !this.out.includes(text)) throw new Error(`gdb ended without printing ${JSON.stringify(text)}:\n${this.out}`);
    }
  }
}

/** Run gdb with these commands; everything that it printed. */
export async function gdb(port: number, commands: readonly string[], options: GdbOptions = {}): Promise<string> {
  const run = new Gdb(port, commands, options);
  if (options.during !== undefined) {
    await run.says("attached");
    await options.during();
  }
  return await run.ended;
}
