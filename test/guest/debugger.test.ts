// The debugger on the real kernel, four harts: from a system call in user code into the kernel and back, by line and by instruction.
import { describe, expect, test } from "vitest";
import type { StopReport } from "../../emulator/index.ts";
import { address, fileAt, functionAt, session } from "./debugging.ts";
import { machine } from "./support.ts";

const SYS_wait = 3;
const A0 = 10;

describe("the kernel", () => {
  test("a breakpoint by name, finish with the value returned, next and step by line", async () => {
    const { d, go } = await session("forktest");
    d.break(address("sys_fork"), { temporary: true, label: "sys_fork" });
    d.continue();
    expect(functionAt(go())).toBe("sys_fork");
    d.finish();
    const back = go();
    expect(functionAt(back)).toBe("syscall");
    expect(back.why).toMatchObject({ kind: "finish" });
    const child = back.why.kind === "finish" ? back.why.value! : 0n;
    expect(child).toBeGreaterThan(1n);
    d.break(address("vm_fault"), { temporary: true });
    d.continue();
    expect(functionAt(go())).toBe("vm_fault");
    // Line by line to the end of the function, never into another one.
    let stop: StopReport;
    let lines = 0;
    do {
      d.next({ unit: "line" });
      stop = go();
      lines++;
    } while (functionAt(stop) === "vm_fault" && lines < 200);
    expect(lines).toBeGreaterThan(3);
    expect(functionAt(stop)).toBe("usertrap");
    d.break(address("vm_fault"), { temporary: true });
    d.continue();
    go();
    const seen = new Set<string | undefined>();
    for (let i = 0; i < 40; i++) {
      d.step({ unit: "line" });
      seen.add(functionAt(go()));
    }
    expect(seen.size).toBeGreaterThan(2);
  });

  test("into a system call and back out to user code, over a call that sleeps while others run", async () => {
    const { m, d, go } = await session("forktest");
    const caught = d.catch({ kind: "syscall", number: SYS_wait }, { ignore: 5 }); // past those of init and sh
    d.continue();
    const entry = go();
    expect(m.inspect.registers(entry.hart).privilege).toBe(1);
    const ecall = m.inspect.csr(entry.hart, "sepc");
    const root = Number(m.inspect.csr(entry.hart, "satp") & ((1n << 44n) - 1n));
    d.points.remove(caught.id);
    d.until(ecall + 4n, { hart: entry.hart });
    const out = go();
    expect(m.inspect.registers(out.hart)).toMatchObject({ privilege: 0, pc: ecall + 4n });
    d.break(ecall, { root, temporary: true });
    d.continue();
    const before = go();
    d.next();
    const after = go();
    expect(after.pc).toBe(ecall + 4n);
    expect(m.inspect.registers(after.hart).privilege).toBe(0);
    expect(after.moment - before.moment).toBeGreaterThan(1000);
    expect(m.inspect.registers(after.hart).x[A0]).toBeGreaterThan(1n);
    d.break(ecall, { root, temporary: true });
    d.continue();
    go();
    d.step();
    expect(m.inspect.registers(go().hart).privilege).toBe(1);
    for (const p of d.points.list) d.points.remove(p.id);
    d.continue();
    expect(d.runToStop()).toEqual({ reason: "poweroff", code: 0 });
  });

  test("a page-table entry: who writes it, the kernel and the hardware that sets A and D", async () => {
    const { m, d, go } = await session("forktest");
    const fault = d.catch({ kind: "page-fault", why: "invalid", access: 1 });
    d.continue();
    const stop = go();
    d.points.remove(fault.id);
    const va = m.inspect.csr(stop.hart, "stval");
    const satp = m.inspect.csr(stop.hart, "satp");
    let table = Number(satp & ((1n << 44n) - 1n)) * 4096;
    let entry = 0;
    for (const shift of [30n, 21n, 12n]) {
      entry = table + 8 * Number((va >> shift) & 511n);
      const pte = new DataView(m.inspect.physical(entry, 8)!.buffer).getBigUint64(0, true);
      if ((pte & 1n) === 0n) break;
      table = Number((pte >> 10n) & ((1n << 44n) - 1n)) * 4096;
    }
    d.watch({ space: "physical", start: BigInt(entry), length: 8, read: false, write: true }, { label: "pte" });
    d.continue();
    const written = go();
    expect(written.why).toMatchObject({ kind: "watchpoint", label: "pte", access: "write", by: "cpu", pa: BigInt(entry) });
    expect(fileAt(written)).toMatch(/pmap/);
  });

  test("points that nothing meets, and single steps, change nothing for the guest", async () => {
    const plain = await machine({ harts: 4, memory: 64 * 2 ** 20, append: 'run="ls"' });
    plain.runToEnd();
    const { m, d } = await session("ls");
    d.break(0x123456n);
    d.break(address("usertrap"), { condition: () => false });
    d.watch({ space: "virtual", start: 0x14000n, length: 4096, read: true, write: true }, { condition: () => false });
    d.watch({ space: "physical", start: 0x80100000n, length: 65536, read: true, write: true }, { condition: () => false });
    d.run(3_000_000);
    for (let i = 0; i < 300; i++) {
      d.step({ hart: i % 4 });
      for (let slices = 0; d.busy && slices < 50; slices++) if (d.run(20_000).reason === "stop") break;
    }
    d.continue();
    expect(d.runToStop()).toEqual({ reason: "poweroff", code: 0 });
    expect(m.steps).toBe(plain.steps);
    expect(m.stateHash()).toBe(plain.stateHash());
    expect(m.console.text).toBe(plain.console.text);
  });
});
