// Going back on the real kernel, four harts: what was met going forward is met again, the last first.
import { expect, test } from "vitest";
import type { StopReport } from "../../emulator/history/debugger.ts";
import { History } from "../../emulator/history/history.ts";
import { MemoryBlock } from "../../emulator/index.ts";
import { address, fileAt, functionAt, session, type Session } from "./debugging.ts";
import { diskImage } from "./support.ts";

const SYS_fork = 1;
const SYS_wait = 3;
const image = diskImage(16 * 2 ** 20);

const backSession = (command: string): Promise<Session> => session(command, { memory: 32 * 2 ** 20, disk: new MemoryBlock(image) }, (m) => new History(m));

const place = (s: StopReport): unknown => [s.moment, s.hart, s.pc];

test("breakpoints: back through the same hits; the call, the line before, and the user code that faulted", async () => {
  const { m, d, go } = await backSession("forktest");
  const point = d.break(address("vm_fault"), { ignore: 300 });
  const hits: unknown[] = [];
  for (let i = 0; i < 5; i++) {
    d.continue();
    hits.push(place(go()));
  }
  for (const hit of hits.reverse().slice(1)) {
    d.rcontinue();
    expect(place(go())).toEqual(hit);
  }
  d.points.remove(point.id);
  d.rfinish();
  const call = go();
  expect(functionAt(call)).toBe("usertrap");
  d.next();
  expect(functionAt(go())).toBe("usertrap");
  d.rnext();
  expect(place(go())).toEqual(place(call));
  d.rnext({ unit: "line" });
  expect(functionAt(go())).toBe("usertrap");
  d.break(address("uservec") + 0x3ffffff000n - (address("uservec") & ~4095n), { temporary: true });
  d.rcontinue();
  const entry = go();
  expect(m.inspect.registers(entry.hart).privilege).toBe(1);
  d.rstep({ hart: entry.hart });
  const user = go();
  expect(user.hart).toBe(entry.hart);
  expect(m.inspect.registers(user.hart)).toMatchObject({ privilege: 0, pc: m.inspect.registers(user.hart).pc });
  d.step({ hart: user.hart });
  expect(place(go())).toEqual(place(entry));
});

test("a page-table entry: from its use back to the instruction that wrote it", async () => {
  const { m, d, go } = await backSession("forktest");
  d.catch({ kind: "syscall", number: SYS_fork }, { temporary: true });
  d.continue();
  const { hart } = go(); // in the trampoline, still in the program's address space
  const root = Number(m.inspect.csr(hart, "satp") & ((1n << 44n) - 1n)) * 4096;
  const watch = d.watch({ space: "physical", start: BigInt(root), length: 4096, read: false, write: true });
  d.rcontinue();
  const writer = go();
  expect(writer.why).toMatchObject({ kind: "watchpoint", access: "write", by: "cpu" });
  expect(fileAt(writer)).toMatch(/pmap/);
  d.continue();
  const forward = go();
  expect(forward.moment).toBe(writer.moment + 1);
  d.rcontinue();
  expect(place(go())).toEqual(place(writer));
  d.points.remove(watch.id);
});

test("rnext over a system call that slept, on whatever hart", async () => {
  const { m, d, go } = await backSession("forktest");
  const caught = d.catch({ kind: "syscall", number: SYS_wait }, { ignore: 5 });
  d.continue();
  const entry = go();
  const ecall = m.inspect.csr(entry.hart, "sepc");
  const root = Number(m.inspect.csr(entry.hart, "satp") & ((1n << 44n) - 1n));
  d.points.remove(caught.id);
  d.break(ecall, { root, temporary: true });
  d.continue();
  const before = go();
  d.next();
  const after = go();
  d.rnext({ hart: after.hart });
  expect(place(go())).toEqual(place(before));
});
