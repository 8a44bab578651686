// The program with the real kernel and disk: what a person gets who only types what the README says.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { defaultFiles } from "../../scripts/default-disk.ts";
import { buildImage } from "../../scripts/fs/filesystem.ts";
import { fsck } from "../../scripts/fs/fsck.ts";
import { pagewalk, ROOT, Running, scratch } from "./cli-guests.ts";

const KERNEL = join(ROOT, "guest-kernel", "prebuilt", "kernel.elf");
const disk = (): string => {
  const path = join(scratch(), "disk.img");
  writeFileSync(path, buildImage(defaultFiles()));
  return path;
};

describe("run", () => {
  it("prints the console and ends with the command's status", async () => {
    const ran = await pagewalk(["run", "echo", "hello"]);
    expect(ran).toMatchObject({ status: 0, stderr: "" });
    expect(ran.stdout).toMatch(/^pagewalk: .*\n(.*\n)*hello\n$/);
    expect((await pagewalk(["run", "false"])).status).toBe(1);
    expect((await pagewalk(["run", "no-such-program"])).status).not.toBe(0);
  });

  it("hands the shell its line as it is", async () => {
    const ran = await pagewalk(["run", `echo "a  b" 'c\\d' > f; cat f | wc; cat f`]);
    expect(ran.stdout).toMatch(/1 +3 +9 *\na {2}b c\\d\n$/);
  });

  it("gives a command the piped input", async () => {
    const ran = await pagewalk(["run", "wc"], "one two\nthree\n");
    expect(ran.status).toBe(0);
    expect(ran.stdout).toMatch(/ *2 +3 +14 *\n$/);
  });

  it("runs on several harts, more memory, the reference engine", async () => {
    const ran = await pagewalk(["--smp", "4", "run", "echo", "ok", "--memory", "256M"]);
    expect(ran).toMatchObject({ status: 0, stderr: "" });
    expect(ran.stdout).toMatch(/^pagewalk: 256 MiB of memory, 4 harts\n(.*\n)*ok\n$/);
    expect(await pagewalk(["--engine", "reference", "run", "true"])).toMatchObject({ status: 0, stderr: "" });
    expect(await pagewalk(["--ad", "fault", "run", "true"])).toMatchObject({ status: 0, stderr: "" });
  });

  it("traces page faults and traps of user programs", async () => {
    const { stderr } = await pagewalk(["--trace", "trap,pageFault", "run", "echo", "x"]);
    expect(stderr).toMatch(/^\d+\.\d{9} trap {8}hart 0 ecall from user mode \(8\) at 0x[0-9a-f]+, value 0x0, U to S$/m);
    expect(stderr).toMatch(/^\d+\.\d{9} pageFault {3}hart 0 (load|store|fetch) 0x[0-9a-f]+: invalid, level \d entry 0x[0-9a-f]+ at 0x[0-9a-f]+$/m);
  });
});

describe("the disk", () => {
  it("is a fresh one each time, unless a file is named, which keeps what is written", async () => {
    expect((await pagewalk(["run", "echo kept > note"])).status).toBe(0);
    expect((await pagewalk(["run", "cat note"])).status).not.toBe(0);
    const file = disk();
    expect((await pagewalk(["--disk", file, "run", "echo kept > note"])).status).toBe(0);
    expect((await pagewalk(["run", "cat note", "--disk", file])).stdout).toMatch(/\nkept\n$/);
    expect(fsck(readFileSync(file)).problems).toEqual([]);
  });
});

describe("the shell", () => {
  it("takes its lines from a pipe", async () => {
    const ran = await pagewalk([], "echo hi | wc\nfalse\necho end\n");
    expect(ran).toMatchObject({ status: 0, stderr: "" });
    expect(ran.stdout).toMatch(/\$ echo hi \| wc\n *1 +1 +3 *\n\$ false\n\$ echo end\nend\n\$ /);
  });

  it.skipIf(!existsSync("/proc/self/stat"))("costs the host nothing while it waits (needs /proc)", async () => {
    const running = new Running([]);
    await running.shows("$ ");
    await new Promise((resolve) => setTimeout(resolve, 3000)); // what was loaded settles, the disk is synced
    const before = running.cpuTicks();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(running.cpuTicks() - before).toBeLessThanOrEqual(6); // of 300
  });
});

describe("qemu", () => {
  it("boots the same kernel from xv6's kind of command line", async () => {
    const args = [
      "-machine", "virt", "-bios", "none", "-kernel", KERNEL, "-m", "128M", "-smp", "3", "-nographic", "-global", "virtio-mmio.force-legacy=false",
      "-drive", `file=${disk()},if=none,format=raw,id=x0`, "-device", "virtio-blk-device,drive=x0,bus=virtio-mmio-bus.0",
    ];
    const ran = await pagewalk(args, "echo from qemu\npoweroff\n", { command: [join(ROOT, "bin", "pagewalk-qemu.js")], cwd: scratch() });
    expect(ran).toMatchObject({ status: 0, stderr: "" });
    expect(ran.stdout).toMatch(/^pagewalk: 128 MiB of memory, 3 harts\n/);
    expect(ran.stdout).toContain("\nfrom qemu\n");
  });
});
