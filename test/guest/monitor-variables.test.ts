// print and locals on the real kernel: globals, structures behind pointers, locals of waiting processes and of programs.

import { beforeAll, expect, test } from "vitest";
import type { Monitor } from "../../emulator/monitor/monitor.ts";
import { data, monitored, say, shellPid } from "./monitor.ts";

let m: Monitor;
let pid: number;
beforeAll(async () => {
  m = await monitored({ memory: 32 * 2 ** 20 });
  pid = shellPid(m);
});
const failure = async (line: string): Promise<string> => {
  const { ok, text } = await m.run(line);
  expect(ok, text).toBe(false);
  return text;
};

test("globals of the kernel, through arrays, members, casts and pointers", async () => {
  expect(await say(m, "print proc[0].name")).toBe('proc[0].name = "init"');
  expect(await say(m, "print proc[0].pid + 1")).toBe("proc[0].pid + 1 = 2");
  expect(await say(m, "print proc[0].state == SLEEPING")).toBe("proc[0].state == SLEEPING = 1");
  expect(await say(m, "print proc[0].state")).toBe("proc[0].state = SLEEPING");
  const address = await data<{ number: string }>(m, "print &proc[0]");
  expect(await say(m, `print ((struct proc *)0x${BigInt(address.number).toString(16)})->pid`)).toMatch(/ = 1$/);
  expect(await say(m, "print/x proc[0].trapframe->epc")).toMatch(/ = 0x1[0-9a-f]{4}$/);
  expect(await say(m, "p proc[0].parent")).toBe("proc[0].parent = 0x0");
  expect(await say(m, "p (uint64)&proc[1] == (uint64)&proc[0] + sizeof(struct proc)")).toMatch(/ = 1$/);
});

test("a structure has a line for each member, as data too", async () => {
  const text = await say(m, "print proc[0].faults");
  expect(text).toMatch(/^proc\[0\]\.faults = \{\n {2}zero +\d+\n {2}cow_copy +\d+\n[^]*\n {2}refused +\d+\n\}$/);
  const json = await data<{ type: string; members: Record<string, string> }>(m, "print *proc[0].map");
  expect(json.type).toBe("struct vm_map");
  expect(Object.keys(json.members)).toContain("pmap");
});

test("a call of a waiting process: its locals, and expressions over them", async () => {
  const bt = (await say(m, `bt ${pid}`)).split("\n").filter((line) => line.startsWith("#"));
  const number = (name: string): number => bt.findIndex((line) => line.includes(` ${name}()`));
  expect(number("main")).toBeGreaterThan(number("usertrap"));
  expect(await say(m, `locals ${number("usertrap")} in ${pid}`)).toMatch(/^struct proc \*p = 0x8[0-9a-f]+$/m);
  expect(await say(m, `print p->pid frame ${number("usertrap")} in ${pid}`)).toBe(`p->pid = ${pid}`);
  expect(await say(m, `locals ${number("main")} in ${pid}`)).toMatch(/^int argc = /m);
  // A name of the program, not of the kernel: errno is the C library's.
  expect(await say(m, `print errno frame ${number("main")} in ${pid}`)).toMatch(/^errno = -?\d+$/);
});

test("registers, and a call that is optimised away, say what they can", async () => {
  expect(await say(m, "print/x $satp")).toMatch(/^\$satp = 0x8[0-9a-f]{15}$/);
  const pc = await data<{ number: string }>(m, "print $pc");
  expect(BigInt(pc.number)).toBe(m.machine.inspect.registers(0).pc);
});

test("mistakes are sentences", async () => {
  expect(await failure("print")).toMatch(/^EXPR is missing/);
  expect(await failure("print nobody")).toBe("there is no variable nobody here");
  expect(await failure("print proc[0].nothing")).toBe("struct proc has no member nothing");
  expect(await failure("print proc[0].parent->pid")).toBe("a null pointer (struct proc *) points to nothing");
  expect(await failure("print proc[0].pid frame 99")).toMatch(/^there is no frame 99: bt shows \d+$/);
  expect(await failure("print 1 in 9999")).toBe("there is no process 9999; ps lists them");
  expect(await failure("print/q 1")).toMatch(/^print\/q: x \(hexadecimal\) and d \(decimal\) are the formats$/);
  expect(await failure("locals 0 what")).toMatch(/is not understood/);
});
