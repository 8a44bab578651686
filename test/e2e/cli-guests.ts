// Small guests for testing the command line without the kernel, written with the tests' assembler as raw images,
// and ways to run the program as a person does.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { FINISHER, PLIC, UART } from "../../emulator/memory-map.ts";
import { Asm } from "../support/asm.ts";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const MAIN = join(ROOT, "emulator", "cli", "main.ts");
/** How the program is started: as `npm start` does, without a second process in between. */
export const START: readonly string[] = ["--import", "tsx", MAIN];

const UART_IRQ_BIT = 1 << 10;
const MEIE = 1 << 11;

/** Prints `text`, then ends with `code`, or resets the machine. */
export function printer(text: string, end: number | "reset"): Uint8Array {
  const a = new Asm();
  print(a, text);
  return finish(a, end === "reset" ? 0x7777 : end === 0 ? 0x5555 : (end << 16) | 0x3333).image();
}

/**
 * Prints "ready\n", then echoes what is typed; waits by wfi. `q` powers off with code 7; end of transmission (Ctrl-D)
 * prints "<end>" and powers off with code 3. `ends` false: it stays. `waits` false: it never waits.
 */
export function echoer({ ends = true, waits = true }: { ends?: boolean; waits?: boolean } = {}): Uint8Array {
  const a = new Asm();
  print(a, "ready\n");
  a.li("s0", UART).li("s1", PLIC).li("t0", 1).s("sb", "t0", "s0", 1); // receive interrupts on
  a.s("sw", "t0", "s1", 4 * 10); // priority of the UART's source
  a.li("t1", PLIC + 0x2000).li("t0", UART_IRQ_BIT).s("sw", "t0", "t1").csrli("mie", MEIE);
  a.li("s2", PLIC + 0x20_0004); // claim and complete
  a.label("next").i("lbu", "t0", "s0", 5).i("andi", "t0", "t0", 1).branch("bne", "t0", "zero", "have");
  if (waits) a.i("lw", "t0", "s2", 0).s("sw", "t0", "s2").op("wfi");
  a.j("next");
  a.label("have").i("lbu", "a0", "s0", 0);
  a.li("t0", "q".charCodeAt(0)).branch("beq", "a0", "t0", "quit");
  a.li("t0", 4).branch("beq", "a0", "t0", "end");
  a.s("sb", "a0", "s0").j("next");
  a.label("quit");
  finish(a, (7 << 16) | 0x3333);
  a.label("end");
  print(a, "<end>");
  if (!ends) return a.j("next").image();
  return finish(a, (3 << 16) | 0x3333).image();
}

/** The same, looking for input again and again. */
export const poller = (): Uint8Array => echoer({ waits: false });

/** Counts for ever, and never waits. */
export const spinner = (): Uint8Array => {
  const a = new Asm();
  print(a, "spinning\n");
  return a.label("loop").i("addi", "a0", "a0", 1).j("loop").image();
};

/** Prints `text` for ever. */
export function chatterer(text: string): Uint8Array {
  const a = new Asm().label("again");
  print(a, text);
  return a.j("again").image();
}

/** Waits for an interrupt that nothing can raise. */
export const sleeper = (): Uint8Array => new Asm().label("loop").op("wfi").j("loop").image();

/** Waits `ms` by the timer, prints "woke\n" and powers off. */
export function napper(ms: number): Uint8Array {
  const a = new Asm();
  a.li("t0", 0x2004000).li("t1", ms * 10_000).s("sd", "t1", "t0").csrli("mie", 1 << 7).op("wfi");
  print(a, "woke\n");
  return finish(a, 0x5555).image();
}

function print(a: Asm, text: string): void {
  a.li("t3", UART);
  for (const byte of new TextEncoder().encode(text)) a.li("t4", byte).s("sb", "t4", "t3");
}

function finish(a: Asm, word: number): Asm {
  a.li("t3", FINISHER).li("t4", word).s("sw", "t4", "t3");
  const here = `stop${a.here}`;
  return a.label(here).j(here);
}

/** A folder that is gone after the test. */
export function scratch(): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "pagewalk-test-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** A file with that content, gone after the test. */
export function file(bytes: Uint8Array | string, name = "image"): string {
  const path = join(scratch(), name);
  writeFileSync(path, bytes);
  return path;
}

/** What a run of the program said and how it ended. */
export interface Ran {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** CPU milliseconds are the caller's to measure; these are real ones. */
  readonly ms: number;
}

/** The program, running. */
export class Running {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";
  readonly ended: Promise<Ran>;
  private readonly began = performance.now();

  constructor(args: readonly string[], { cwd = ROOT, command = [...START] }: { cwd?: string; command?: string[] } = {}) {
    this.child = spawn(process.execPath, [...command, ...args], { cwd, stdio: "pipe", env: { ...process.env, NODE_OPTIONS: "" } });
    this.child.stdout!.on("data", (b: Buffer) => { this.stdout += b.toString(); });
    this.child.stderr!.on("data", (b: Buffer) => { this.stderr += b.toString(); });
    this.child.stdin!.on("error", () => undefined);
    this.ended = new Promise((resolve) => {
      this.child.on("close", (status, signal) => {
        resolve({ status, signal, stdout: this.stdout, stderr: this.stderr, ms: performance.now() - this.began });
      });
    });
    onTestFinished(() => {
      this.child.kill("SIGKILL");
    });
  }

  /** CPU time it has used, in hundredths of a second (Linux). */
  cpuTicks(): number {
    const fields = readFileSync(`/proc/${this.child.pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");
    return Number(fields[11]) + Number(fields[12]);
  }

  /** Wait until standard output shows `text`. */
  async shows(text: string): Promise<void> {
    while (!this.stdout.includes(text)) {
      const step = new Promise((resolve) => setTimeout(resolve, 10));
      const over = await Promise.race([this.ended.then(() => true), step.then(() => false)]);
      if (over && !this.stdout.includes(text)) throw new Error(`it ended without printing ${JSON.stringify(text)}: ${this.stdout}${this.stderr}`);
    }
  }

  /** Wait until standard error matches. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.stderr);
      if (found !== null) return found;
      const step = new Promise((resolve) => setTimeout(resolve, 10));
      const over = await Promise.race([this.ended.then(() => true), step.then(() => false)]);
      if (over && !pattern.test(this.stderr)) throw new Error(`it ended without saying ${String(pattern)}: ${this.stdout}${this.stderr}`);
    }
  }
}

/** Run the program to its end; `input` is its standard input. */
export async function pagewalk(args: readonly string[], input: string | Uint8Array = "", options: { cwd?: string; command?: string[] } = {}): Promise<Ran> {
  const running = new Running(args, options);
  running.child.stdin!.end(input);
  return running.ended;
}
