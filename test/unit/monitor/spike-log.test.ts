// The commit log: what each instruction is said to have done, in the form of Spike's.

import { expect, test } from "vitest";
import { Machine } from "../../../emulator/index.ts";
import { logCommits } from "../../../emulator/monitor/spike-log.ts";
import { RAM } from "../../../emulator/memory-map.ts";
import { Asm } from "../../support/asm.ts";

test("floating-point registers, loads and stores", async () => {
  const a = new Asm();
  a.li("a0", RAM + 0x1000).li("a1", 3).li("t0", 0x2000).csr("csrrs", 0, "mstatus", "t0");
  a.op("fcvt.d.w", { rd: 0, rs1: 11 }).op("fcvt.s.w", { rd: 12, rs1: 11 }).op("fsd", { rs2: 0, rs1: 10, imm: 8 }).op("flw", { rd: 1, rs1: 10, imm: 12 }).op("fsw", { rs2: 12, rs1: 10 });
  a.op("fmv.x.d", { rd: 12, rs1: 0 }).op("feq.d", { rd: 13, rs1: 0, rs2: 0 });
  const machine = await Machine.create({ memory: 2 ** 21, kernel: a.image() });
  const end = BigInt(a.here);
  const lines: string[] = [];
  logCommits(machine, (line) => lines.push(line));
  while (machine.inspect.registers(0).pc !== end && machine.steps < 100) machine.run(1);
  machine.run(1);
  expect(lines.slice(-7).map((l) => l.replace(/^.*\)/, ""))).toEqual([
    " f0  0x4008000000000000\n", " f12 0xffffffff40400000\n", " mem 0x0000000080001008 0x4008000000000000\n",
    " f1  0xffffffff40080000 mem 0x000000008000100c\n", " mem 0x0000000080001000 0x40400000\n", " x12 0x4008000000000000\n", " x13 0x0000000000000001\n",
  ]);
});

test("registers, CSRs, loads, stores and atomics; what traps is left out", async () => {
  const a = new Asm();
  a.la("t6", "handler").csrw("mtvec", "t6");
  a.op("lui", { rd: 10, imm: 0x80001000 | 0 }); // a0 = 0xffffffff80001000
  a.i("slli", "a0", "a0", 32).i("srli", "a0", "a0", 32);
  a.i("addi", "a1", 0, -2).s("sw", "a1", "a0", 4).i("lhu", "a2", "a0", 4);
  a.amo("amoadd.d", "a3", "a1", "a0").amo("lr.w", "a4", 0, "a0").amo("sc.w", "a5", "a1", "a0").amo("sc.w", "a5", "a1", "a0");
  a.half(0x4505); // c.li a0,1
  a.half(0x0001); // c.nop
  a.op("ecall").label("handler").csrr("t0", "mcause").op("mret");
  const machine = await Machine.create({ memory: 2 ** 21, kernel: a.image() });
  while (machine.inspect.registers(0).pc !== BigInt(RAM) && machine.steps < 100) machine.run(1);
  const lines: string[] = [];
  const stop = logCommits(machine, (line) => lines.push(line));
  machine.run(17);
  stop();
  expect(lines.map((l) => l.replace(/ \(0x[0-9a-f]+\)/, "")).slice(3)).toEqual([
    "core   0: 3 0x000000008000000c x10 0xffffffff80001000\n",
    "core   0: 3 0x0000000080000010 x10 0x8000100000000000\n",
    "core   0: 3 0x0000000080000014 x10 0x0000000080001000\n",
    "core   0: 3 0x0000000080000018 x11 0xfffffffffffffffe\n",
    "core   0: 3 0x000000008000001c mem 0x0000000080001004 0xfffffffe\n",
    "core   0: 3 0x0000000080000020 x12 0x000000000000fffe mem 0x0000000080001004\n",
    "core   0: 3 0x0000000080000024 x13 0xfffffffe00000000 mem 0x0000000080001000 mem 0x0000000080001000 0xfffffffdfffffffe\n",
    "core   0: 3 0x0000000080000028 x14 0xfffffffffffffffe mem 0x0000000080001000\n",
    "core   0: 3 0x000000008000002c x15 0x0000000000000000 mem 0x0000000080001000 0xfffffffe\n",
    "core   0: 3 0x0000000080000030 x15 0x0000000000000001\n",
    "core   0: 3 0x0000000080000034 x10 0x0000000000000001\n",
    "core   0: 3 0x0000000080000036\n",
    "core   0: 3 0x000000008000003c x5  0x000000000000000b\n",
  ]);
  expect(lines[2]).toMatch(/^core {3}0: 3 0x0000000080000008 \(0x305f9073\) c773_mtvec 0x000000008000003c\n$/);
  expect(lines.find((l) => l.includes("80000034"))).toContain("(0x4505)");
});
