// Symbols on the running kernel: callers are found at any instruction, registers come out as they will be after the
// return, and backtraces go through traps into programs and their shared libraries.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Machine } from "../../emulator/index.ts";
import { SUPERVISOR, USER } from "../../emulator/mmu/walk.ts";
import { chooseView } from "../../emulator/monitor/kernel-view/choose.ts";
import { backtrace, frameOf, type StackFrame } from "../../emulator/monitor/symbols/backtrace.ts";
import { memoryOfHart, stackOfHart, stackOfProcess, symbolSpace } from "../../emulator/monitor/symbols/guest.ts";
import { ProgramFiles } from "../../emulator/monitor/symbols/program-files.ts";
import { Symbols } from "../../emulator/monitor/symbols/symbols.ts";
import { debugFile, userPrograms } from "../../scripts/guest-files.ts";
import { Random } from "../support/random.ts";
import { installed } from "../support/tools.ts";
import { gdbVariables } from "./gdb-core.ts";
import { KERNEL, machine } from "./support.ts";

const kernel = Symbols.fromElf(new Uint8Array(readFileSync(KERNEL)), { name: "kernel" });
const files = new ProgramFiles(userPrograms().map(({ name, bytes }) => ({ name, elf: () => bytes, debug: () => debugFile(name) })));
/** sp, and what a callee must preserve. */
const PRESERVED = [2, 3, 4, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27];
const SP = 2;

interface Session {
  readonly m: Machine;
  /** The stack of what runs on hart 0. */
  stack(): StackFrame[];
  ofProcess(pid: number): StackFrame[];
  /** Runs at least so many steps. */
  go(steps: number): void;
}

async function session(command: string): Promise<Session> {
  const m = await machine({ memory: 64 * 2 ** 20, append: `run="${command}"` });
  const view = chooseView(m, kernel);
  const space = symbolSpace(m, kernel, files, () => view);
  return {
    m,
    stack: () => backtrace(space, stackOfHart(m, view, 0)),
    ofProcess: (pid) => backtrace(space, stackOfProcess(m, view, pid)!),
    go: (steps) => void m.runToEnd({ maxSteps: steps }),
  };
}

/** "name" of each call, inlined ones too, with the program's name before the first of each program. */
function names(frames: readonly StackFrame[]): string[] {
  return frames.flatMap(({ calls, symbols, frame }) => (calls.length > 0 ? calls.map((c) => c.function) : [`${symbols?.name ?? "?"}:${frame.pc.toString(16)}`]));
}

describe("callers", () => {
  test("what unwinding foretells is what the registers are after the return, in kernel and programs", async () => {
    const { m, stack, go } = await session("vmtests -q map_fork heap_grow_shrink; ls; cowdemo");
    const random = new Random(3);
    go(1_200_000);
    const seen = new Set<string>();
    for (let round = 0; round < 250; round++) {
      go(1 + random.below(40_000));
      const { privilege } = m.inspect.registers(0);
      const [top, caller] = stack();
      if (caller?.link !== "call" || (privilege !== USER && privilege !== SUPERVISOR)) continue;
      // A function that a trap may leave for good (exit, sched) does not come back: then nothing is learnt.
      let left = 20_000;
      const back = (): boolean => {
        const r = m.inspect.registers(0);
        return r.pc === caller.frame.pc && r.x[SP] === caller.frame.x[SP] && r.privilege === privilege;
      };
      while (left > 0 && !back()) {
        go(1);
        left--;
      }
      if (left === 0) continue;
      const { x } = m.inspect.registers(0);
      for (const n of PRESERVED) expect(caller.frame.x[n], `x${n} in the caller of ${names([top!]).join()} at ${top!.frame.pc.toString(16)}`).toBe(x[n]);
      seen.add(names([top!]).at(-1)!);
    }
    expect(seen.size).toBeGreaterThan(25);
  });

  test("a backtrace from any instruction ends at the bottom: a program's or a thread's start, or the scheduler", async () => {
    const { m, stack, go } = await session("vmtests -q map_fork; sumheap.dyn; dyntest");
    const random = new Random(4);
    const bottoms = new Map<string, number>();
    for (let round = 0; round < 400 && !m.console.text.includes("pagewalk: off"); round++) {
      go(1 + random.below(25_000));
      if (m.inspect.registers(0).privilege > SUPERVISOR) continue;
      const frames = stack();
      const bottom = names(frames).at(-1)!;
      bottoms.set(bottom, (bottoms.get(bottom) ?? 0) + 1);
    }
    // A process that ends, or is half way through exec, has no program below usertrap.
    const odd = [...bottoms].filter(([name]) => !["_entry", "_start", "scheduler", "first_run", "usertrap"].includes(name));
    expect(odd.reduce((sum, [, n]) => sum + n, 0), JSON.stringify(odd)).toBeLessThan(4);
    expect(bottoms.get("_start")).toBeGreaterThan(100);
  });
});

/** Runs until hart 0 is about to execute the instruction at an address. False when the machine ends first. */
function runTo(s: Session, address: bigint): boolean {
  const remove = s.m.stops.breakAt(address, () => true);
  s.m.runToEnd({ maxSteps: 200_000_000 });
  remove();
  return s.m.inspect.registers(0).pc === address;
}

/** Runs until hart 0 enters a kernel function with `caller`, a function or a program, somewhere in the backtrace. */
function until(s: Session, kernelFunction: string, caller: string): StackFrame[] {
  for (let left = 500; left > 0 && runTo(s, kernel.addressOf(kernelFunction)!); left--) {
    const frames = s.stack();
    if (names(frames).includes(caller) || frames.some(({ symbols }) => symbols?.name === caller)) return frames;
    s.go(1);
  }
  throw new Error(`${kernelFunction} was not reached from ${caller}; the console shows:\n${s.m.console.text.slice(-500)}`);
}

describe("backtraces", () => {
  test("from a system call out into the program, through its C library, with lines", async () => {
    const s = await session("cat README");
    const frames = until(s, "sys_write", "cat");
    expect(names(frames).join(" ")).toMatch(/^sys_write syscall usertrap write .*main _start$/);
    const user = frames.findIndex(({ link }) => link === "user");
    expect(frames[user]).toMatchObject({ privilege: USER, symbols: { name: "cat" } });
    expect(frames[user]!.calls[0]).toMatchObject({ function: "write", file: "guest-user/lib/syscalls.S" });
    expect(frames.find((f) => names([f]).includes("main"))!.calls.at(-1)!.file).toBe("guest-user/bin/cat.c");
    // Its variables, from the debug file: argc and argv.
    const main = frames.find((f) => names([f]).at(-1) === "main")!;
    const argv = main.symbols!.variablesAt(main.frame, main.read).find(({ name }) => name === "argv");
    expect(argv?.type.text).toBe("char **");
    // Another process, which waits: init, in wait.
    expect(names(s.ofProcess(1)).join(" ")).toMatch(/^sched .*sys_wait syscall usertrap wait .*main _start$/);
  });

  test("through a shared library and the dynamic linker", async () => {
    const s = await session("sumheap.dyn");
    const frames = until(s, "sys_write", "printf");
    const programs = [...new Set(frames.map(({ symbols }) => symbols?.name))];
    expect(programs).toEqual(["kernel", "lib/libc.so", "sumheap.dyn"]);
    expect(names(frames).at(-1)).toBe("_start");
  });

  test("through a signal handler to what it interrupted", async () => {
    const s = await session("watchvar");
    const frames = until(s, "sys_mprotect", "handler");
    const text = names(frames).join(" ");
    expect(text).toMatch(/^sys_mprotect syscall usertrap .*mprotect handler vdso_sigreturn_code work .*_start$/);
    const interrupted = frames.find(({ link }) => link === "interrupted")!;
    expect(interrupted.calls[0]!.file).toBe("guest-user/demos/watchvar.c");
    // The instruction there is the store that faulted. The handler carries it out and goes on behind it.
    const length = (interrupted.read(interrupted.frame.pc, 1)![0]! & 3) === 3 ? 4n : 2n;
    expect(runTo(s, interrupted.frame.pc + length)).toBe(true);
    const { x } = s.m.inspect.registers(0);
    expect(interrupted.frame.x).toEqual([...x]);
  });

  test("through an interrupt inside the kernel", async () => {
    const s = await session("vmtests -q map_fork");
    for (let found = 0; found < 5; found++) {
      expect(runTo(s, kernel.addressOf("kerneltrap")!)).toBe(true);
      const before = s.m.inspect.csr(0, "sepc");
      s.go(40);
      const frames = s.stack();
      const interrupted = frames.find(({ link }) => link === "interrupted");
      expect(interrupted?.frame.pc).toBe(before);
      expect(names(frames)).toContain("kernelvec");
      expect(interrupted!.frame.x.every((value) => value !== undefined)).toBe(true);
    }
  });

  test("in the trampoline, halfway between program and kernel", async () => {
    const s = await session("cat README");
    s.go(2_000_000);
    const view = chooseView(s.m, kernel);
    const space = symbolSpace(s.m, kernel, files, () => view);
    const vector = (1n << 38n) - 4096n + (kernel.addressOf("uservec")! & 4095n);
    const inVector = (): boolean => space.at(SUPERVISOR, undefined, s.m.inspect.registers(0).pc)?.symbolAt(s.m.inspect.registers(0).pc)?.name === "uservec";
    // From the first instruction on, one after the other: the program's frame stays what it was.
    for (let round = 0; round < 3; round++) {
      expect(runTo(s, vector)).toBe(true);
      const { x } = s.m.inspect.registers(0);
      const pc = s.m.inspect.csr(0, "sepc");
      let checked = 0;
      for (; inVector() && checked < 100; checked++) {
        const user = s.stack().find(({ link }) => link === "user");
        expect([user?.frame.pc, ...user!.frame.x], `${checked} instructions into uservec`).toEqual([pc, ...x]);
        s.go(1);
      }
      expect(checked).toBeGreaterThan(30);
    }
  });
});

describe.skipIf(!installed("gdb-multiarch"))("variables as gdb has them (skipped: no gdb-multiarch)", () => {
  test("every parameter and local variable of every frame, at twenty places in the kernel", async () => {
    const { m, go } = await session("usertests -q forktest pipe1");
    const random = new Random(5);
    go(1_500_000);
    let [compared, more] = [0, 0];
    for (let found = 0, tries = 0; found < 20 && tries < 2000; tries++) {
      go(1 + random.below(60_000));
      const registers = m.inspect.registers(0);
      if (registers.privilege !== SUPERVISOR || !kernel.contains(registers.pc)) continue;
      found++;
      const read = memoryOfHart(m, m.harts[0]!);
      const frames = backtrace(symbolSpace(m, kernel, undefined, () => chooseView(m, kernel)), { frame: frameOf(registers), privilege: SUPERVISOR, read });
      const theirs = gdbVariables(KERNEL, registers, m, read);
      for (const { name, value, problem, gdb } of pairs(frames.filter((_, i) => frames.slice(0, i + 1).every(({ link }) => link !== "interrupted")), theirs)) {
        // gdb takes registers that a callee may have overwritten for what they were.
        if (problem?.includes("overwritten since") === true) continue;
        const said = gdb.find((v) => v !== "gone") ?? "gone";
        // Now and then it does not look for what a caller passed, where that can be told.
        if (said === "gone" && value !== "gone") {
          more++;
          continue;
        }
        expect({ name, value }, `pc ${registers.pc.toString(16)}`).toEqual({ name, value: said });
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(200);
    expect(more).toBeLessThan(compared / 20);
  });
});

interface Pair {
  readonly name: string;
  readonly value: string;
  readonly problem: string | undefined;
  readonly gdb: readonly string[];
}

/** Our variables beside gdb's, frame by frame; a name that is there twice in a frame is left out. */
function pairs(frames: readonly StackFrame[], theirs: ReturnType<typeof gdbVariables>): Pair[] {
  const out: Pair[] = [];
  let n = 0;
  for (const f of frames) {
    const variables = f.symbols?.variablesAt(f.frame, f.read) ?? [];
    f.calls.forEach((call, level) => {
      const there = theirs[n++];
      if (call.file?.endsWith(".c") === true) expect(there?.function, `frame ${n - 1}`).toBe(call.function); // labels of assembly have several names
      const here = variables.filter((v) => v.level === level);
      for (const v of here) {
        if (here.filter(({ name }) => name === v.name).length > 1) continue;
        const number = v.type.isNumber;
        const value = v.value === undefined ? "gone" : number ? BigInt.asUintN(64, v.value.big()).toString(16) : v.value.address === undefined ? "held" : `at ${v.value.address.toString(16)}`;
        out.push({ name: `${call.function}.${v.name}`, value, problem: v.problem, gdb: there!.variables.get(v.name) ?? [] });
      }
    });
  }
  return out;
}
