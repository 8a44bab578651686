// The view of kernels shaped as xv6, on one that has nothing but the shape (test/support/xv6-shaped).

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { Machine } from "../../../emulator/index.ts";
import { chooseView } from "../../../emulator/monitor/kernel-view/choose.ts";
import { FRAME_USES } from "../../../emulator/monitor/kernel-view/kernel-view.ts";
import { Monitor } from "../../../emulator/monitor/monitor.ts";
import { Symbols } from "../../../emulator/monitor/symbols/symbols.ts";
import { installed, output } from "../../support/tools.ts";

const GCC = "riscv64-unknown-elf-gcc";
const SOURCE = new URL("../../support/xv6-shaped/kernel.c", import.meta.url).pathname;

describe.skipIf(!installed(GCC))("a kernel shaped as xv6", () => {
  let m: Monitor;
  let symbols: Symbols;
  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), "xv6-shaped-"));
    const elf = join(folder, "kernel");
    output(GCC, ["-march=rv64imac_zicsr_zifencei", "-mabi=lp64", "-mcmodel=medany", "-O1", "-g", "-Wall", "-Werror", "-fno-builtin", "-ffreestanding", "-nostdlib", "-fno-omit-frame-pointer",
      "-Wno-main", "-Wl,-Ttext=0x80000000", "-Wl,--no-relax", "-msmall-data-limit=0", "-Wl,-Tdata=0x80008000", "-Wl,-Tbss=0x80009000", "-Wl,-N", "-Wl,-e,start", "-o", elf, SOURCE]);
    const kernel = new Uint8Array(readFileSync(elf));
    rmSync(folder, { recursive: true });
    symbols = Symbols.fromElf(kernel, { name: "kernel" });
    const machine = await Machine.create({ memory: 4 * 2 ** 20, kernel });
    machine.run(4_000_000);
    m = new Monitor(machine, { kernel: symbols });
  });

  test("is known by its symbols", () => {
    expect(chooseView(m.machine, symbols).name).toBe("xv6");
    expect(m.machine.inspect.csr(0, "satp") >> 60n).toBe(8n);
  });

  test("has processes, their registers and where they wait", async () => {
    expect(m.view.processes().map((p) => [p.pid, p.name, p.state, p.hart, p.size, p.resident, p.parent])).toEqual([
      [1, "init", "sleeping", undefined, 0x3000, 2, undefined], [2, "sh", "running", 0, 0x4000, 3, 1], [5, "zed", "zombie", undefined, 0, 0, undefined],
    ]);
    expect(m.view.current(0)?.pid).toBe(2);
    expect(m.view.probe?.pidOf(0)).toBe(2);
    const regs = (await m.run("regs 1")).text;
    expect(regs).toMatch(/user mode: pc 0x0000000000001234/);
    expect(regs).toMatch(/kernel: pc 0x\w+ kfree,/);
    expect((await m.run("ps")).text).toMatch(/1 +- +sleeping +- +12 +8 +0x8\w+ +init +kfree/);
  });

  test("has maps by page table: memory, guard, trapframe, trampoline", async () => {
    expect(m.view.maps(2)?.map((x) => [x.start, x.end, x.rights, x.what])).toEqual([
      [0n, 0x1000n, "r-x", "user memory"], [0x1000n, 0x2000n, "rw-", "guard"], [0x2000n, 0x4000n, "rw-", "user memory"],
      [0x3fffffe000n, 0x3ffffff000n, "rw-", "trapframe"], [0x3ffffff000n, 0x4000000000n, "r-x", "trampoline"],
    ]);
    expect(m.view.pageAt(2, 0x2000n)?.text).toMatch(/^frame 0x80/);
    expect(m.view.pageAt(2, 0x5000n)).toBeUndefined();
  });

  test("why accuses nobody of a page that is not the program's: guard, trampoline", async () => {
    const guard = (await m.run("why 0x1ff8 as load in 2")).text;
    expect(guard).toMatch(/^ {2}mapped: 0x1000-0x2000 rw- private, guard, not for user mode; frame 0x80/m);
    const trampoline = (await m.run("why 0x3ffffff000 as load in 2")).text;
    expect(trampoline).toMatch(/^ {2}refused: a load in user mode needs U=1\.$/m);
    expect(trampoline).toMatch(/^ {2}likely: an address of the kernel's, used by a program\.$/m);
    for (const text of [guard, trampoline]) expect(text).not.toContain("forgot");
  });

  test("in the trampoline, a hart is in uservec, and the program is what it came from", () => {
    const at = symbols.addressOf("uservec")!;
    expect(symbols.addressOf("trampoline")).toBe(at);
    expect(symbols.symbolAt(at + 4n)).toMatchObject({ name: "uservec", offset: 4n });
  });

  test("has frames by use: the free list, tables, memory of processes, the image", async () => {
    const uses = m.view.frameUses();
    const count = (use: (typeof FRAME_USES)[number]): number => uses.filter((u) => FRAME_USES[u] === use).length;
    expect(count("user")).toBe(5);
    expect(count("table")).toBeGreaterThan(8);
    expect(count("free")).toBeGreaterThan(800);
    expect(count("image")).toBeGreaterThan(0);
    expect((await m.run("check")).text).toMatch(/^nothing wrong/);
  });

  test("check finds a frame that is free and mapped, and alarms one that is freed twice", async () => {
    const free = Number(m.view.frameUses().indexOf(FRAME_USES.indexOf("free"))) + 0x80000;
    const entry = m.view.maps(1) === undefined ? 0 : Number((await m.run("watch pte 0x2000 in 1")).text.match(/0x8\w+/)![0]);
    const before = m.machine.inspect.physical(entry, 8)!;
    const raw = new Uint8Array(8);
    new DataView(raw.buffer).setBigUint64(0, BigInt(free) << 10n | 0xd7n, true);
    m.machine.memory.write(entry, raw);
    expect((await m.run("check")).text).toContain(`frame 0x${free.toString(16)} is free`);
    m.machine.memory.write(entry, before);
    const at = m.naming.kernel!.addressOf("kfree")!;
    await m.run("alarm double-free");
    const h = m.machine.harts[0]!;
    h.setPc(Number(BigInt.asIntN(32, at)), 0);
    h.setRegister(10, (free * 4096) | 0, 0);
    m.machine.run(10);
    expect(m.alarms.raised.map((r) => r.sentence)).toEqual([expect.stringMatching(new RegExp(`^frame 0x${free.toString(16)} is free already, and \\S+ frees it again$`))]);
  });
});
