// What cannot be: one clear line on standard error, nothing else, status 2.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { program } from "../../emulator/cli/program.ts";
import { UsageError } from "../../emulator/cli/errors.ts";
import { file, pagewalk, printer, scratch } from "./cli-guests.ts";

/** An ELF file with one segment. */
function elf({ machine = 243, at = 0x8000_0000, size = 16 }: { machine?: number; at?: number; size?: number } = {}): Uint8Array {
  const v = new DataView(new ArrayBuffer(64 + 56 + 16));
  [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1].forEach((b, i) => v.setUint8(i, b));
  const half = (o: number, n: number): void => v.setUint16(o, n, true);
  const long = (o: number, n: number): void => v.setBigUint64(o, BigInt(n), true);
  half(16, 2);
  half(18, machine);
  v.setUint32(20, 1, true);
  long(24, at);
  long(32, 64);
  half(52, 64);
  half(54, 56);
  half(56, 1);
  v.setUint32(64, 1, true);
  v.setUint32(68, 5, true);
  [120, at, at, 16, size, 4].forEach((n, i) => long(72 + 8 * i, n));
  return new Uint8Array(v.buffer);
}

const boot = (image: Uint8Array | string): string[] => ["--disk", "none", "--kernel", file(image, "k")];

/** Arguments, and a pattern for the line. */
const CASES: Readonly<Record<string, () => [string[], RegExp]>> = {
  "an ELF file for another processor": () => [boot(elf({ machine: 62 })), /kernel .*k: .*62.*RISC-V/],
  "a truncated ELF file": () => [boot(elf().subarray(0, 100)), /kernel .*k: .*(ends|truncated)/],
  "an ELF file cut in its segment": () => [boot(elf().subarray(0, 128)), /kernel .*k: .*(ends|truncated)/],
  "a kernel beyond memory": () => [boot(elf({ at: 0x9000_0000 })), /kernel .*k: .*0x90000000.*memory/],
  "a kernel greater than memory": () => [boot(elf({ size: 2 ** 30 })), /kernel .*k: .*memory/],
  "a raw kernel greater than memory": () => [["--memory", "1M", ...boot(new Uint8Array(2 ** 21).fill(0x13, 0, 4).fill(1, 4))], /kernel .*k: /],
  "a text for a kernel": () => [boot("# Pagewalk: a RISC-V computer\n"), /kernel .*k: not an ELF file/],
  "zeros for a kernel": () => [boot(new Uint8Array(4096)), /kernel .*k: not an ELF file/],
  "an empty kernel": () => [boot(""), /kernel .*k: the file is empty/],
  "a missing kernel": () => [["--kernel", "/nowhere/k"], /kernel \/nowhere\/k: no such file/],
  "a directory for a kernel": () => [["--kernel", scratch()], /kernel .*: is a directory/],
  "a missing disk": () => [["--disk", "/nowhere/d"], /disk \/nowhere\/d: no such file/],
  "a directory for a disk": () => {
    const folder = join(scratch(), "d");
    mkdirSync(folder);
    return [["--disk", folder], /disk .*d: is a directory/];
  },
  "a disk of odd size": () => [["--disk", file(new Uint8Array(1000), "odd")], /disk .*odd: 1000 bytes/],
  "an empty disk": () => [["--disk", file("", "empty")], /disk .*empty: an empty file/],
  "a missing initrd": () => [[...boot(printer("", 0)), "--initrd", "/nowhere/i"], /initrd \/nowhere\/i: no such file/],
  "an initrd that does not fit": () => [[...boot(printer("", 0)), "--memory", "1M", "--initrd", file(new Uint8Array(2 ** 20), "i")], /initrd .*i: .*fit/],
  "a missing bios": () => [["--bios", "/nowhere/b"], /bios \/nowhere\/b: no such file/],
  "a trace file that cannot be": () => [[...boot(printer("", 0)), "--trace", "trap", "--trace-file", "/nowhere/t"], /--trace-file \/nowhere\/t: no such file/],
  "an unknown event": () => [["--trace", "foo"], /there is no event foo; there are trap, /],
  "no harts": () => [["--smp", "0"], /--smp 0/],
  "too many harts": () => [["--smp", "9"], /--smp 9/],
  "too much memory": () => [["--memory", "9T"], /--memory 9T/],
  "an odd amount of memory": () => [["--memory", "12x"], /--memory 12x/],
  "an unknown option": () => [["--nonsense"], /unknown option '--nonsense'/],
  "an unknown command": () => [["nonsense"], /no command nonsense/],
  "a qemu option that cannot be honoured": () => [["qemu", "-icount", "shift=1"], /-icount can't be honoured/],
  "gdb": () => [["qemu", "-machine", "virt", "-bios", "none", "-kernel", "k", "-S"], /-S: nothing would ever start the machine/],
};

describe("one line and status 2", () => {
  for (const [name, make] of Object.entries(CASES)) {
    it(`for ${name}`, async () => {
      const [args, pattern] = make();
      const error = await program(args).then(() => "it ran", (e: unknown) => e);
      expect(error).toBeInstanceOf(UsageError);
      expect((error as Error).message).toMatch(pattern);
      expect((error as Error).message).not.toContain("\n");
    });
  }

  it("from the process itself", async () => {
    for (const name of ["an ELF file for another processor", "a disk of odd size", "too much memory", "an unknown option"]) {
      const [args] = CASES[name]!();
      const ran = await pagewalk(args);
      expect(ran).toMatchObject({ status: 2, stdout: "" });
      expect(ran.stderr).toMatch(/^pagewalk: .+\n$/);
    }
  });
});
