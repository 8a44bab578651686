// The same program on QEMU and on our engines: it prints what it found over the UART and powers off.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Machine, type EngineName } from "../../emulator/index.ts";
import { RAM } from "../../emulator/memory-map.ts";
import type { Asm } from "./asm.ts";
import { installed, output } from "./tools.ts";

export const QEMU = "qemu-system-riscv64";
export const hasQemu = installed(QEMU);
const MEMORY = 16 * 2 ** 20;

/** A minimal ELF file of one segment at the start of RAM. */
export function elf(image: Uint8Array): Uint8Array {
  const out = new Uint8Array(0x1000 + image.length);
  const v = new DataView(out.buffer);
  out.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  v.setUint16(16, 2, true); // executable
  v.setUint16(18, 243, true); // RISC-V
  v.setUint32(20, 1, true);
  v.setBigUint64(24, BigInt(RAM), true);
  v.setBigUint64(32, 64n, true);
  [64, 56, 1].forEach((n, i) => v.setUint16(52 + 2 * i, n, true));
  v.setUint32(64, 1, true); // PT_LOAD
  v.setUint32(68, 7, true);
  v.setBigUint64(72, 0x1000n, true);
  for (const at of [80, 88]) v.setBigUint64(at, BigInt(RAM), true);
  for (const at of [96, 104]) v.setBigUint64(at, BigInt(image.length), true);
  v.setBigUint64(112, 0x1000n, true);
  out.set(image, 0x1000);
  return out;
}

/** The first instructions of every program: hart 1 parks. (With one hart alone QEMU runs an AMO as a load and a store.) */
export function park(a: Asm): void {
  a.csrr("t0", "mhartid").branch("beq", "t0", 0, "park.on").label("park").op("wfi").j("park").label("park.on");
}

/** What the program prints on QEMU. */
export function onQemu(program: Uint8Array): string {
  const dir = mkdtempSync(join(tmpdir(), "pagewalk-"));
  try {
    const [kernel, serial] = [join(dir, "program.elf"), join(dir, "serial")];
    writeFileSync(kernel, program);
    output(QEMU, ["-machine", "virt", "-bios", "none", "-kernel", kernel, "-m", `${MEMORY / 2 ** 20}M`, "-smp", "2", "-display", "none", "-monitor", "none", "-serial", `file:${serial}`]);
    return readFileSync(serial, "latin1");
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** What it prints on one of our engines. Throws when it does not power off. */
export async function onOurs(program: Uint8Array, engine: EngineName, maxSteps = 20_000_000): Promise<string> {
  const m = await Machine.create({ memory: MEMORY, engine, kernel: program });
  const stop = m.runToEnd({ maxSteps });
  if (stop.reason !== "poweroff") throw new Error(`the program did not power off but stopped: ${JSON.stringify(stop)}`);
  return m.console.text;
}

/** Code that prints `count` dwords from an address as lines of 16 hexadecimal digits, then powers off. Uses every register. */
export function printAndStop(a: Asm, regions: readonly (readonly [at: number, count: number])[]): void {
  a.csrw("satp", 0).csrw("mstatus", 0).li("s0", 0x10000000);
  regions.forEach(([at, count], n) => {
    a.li("s1", at).li("s2", count).label(`print.dword.${n}`).i("ld", "s3", "s1", 0).li("s4", 60);
    a.label(`print.digit.${n}`).r("srl", "t0", "s3", "s4").i("andi", "t0", "t0", 15).i("sltiu", "t1", "t0", 10).i("xori", "t1", "t1", 1).li("t2", 39);
    a.r("mul", "t1", "t1", "t2").r("add", "t0", "t0", "t1").i("addi", "t0", "t0", 48).s("sb", "t0", "s0");
    a.i("addi", "s4", "s4", -4).branch("bge", "s4", 0, `print.digit.${n}`).li("t0", 10).s("sb", "t0", "s0");
    a.i("addi", "s1", "s1", 8).i("addi", "s2", "s2", -1).branch("bne", "s2", 0, `print.dword.${n}`);
  });
  a.li("t5", 0x5555).li("t6", 0x100000).s("sw", "t5", "t6").label("print.end").j("print.end");
}
