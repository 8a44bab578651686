// The commit log: what each instruction is said to have done, in the form of Spike's.

import { expect, test } from "vitest";
import { Machine } from "../../../emulator/index.ts";
import { logCommits } from "../../../emulator/monitor/spike-log.ts";
import { RAM } from "../../../emulator/memory-map.ts";
import { Asm } from "../../support/asm.ts";

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
