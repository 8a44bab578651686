// The program as a process, with small guests: statuses, input from pipes, time, signals, traces.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { chatterer, echoer, file, napper, pagewalk, poller, printer, ROOT, Running, scratch, sleeper, spinner, START } from "./cli-guests.ts";

const guest = (image: Uint8Array): string[] => ["--disk", "none", "--kernel", file(image)];

describe("how a run ends", () => {
  it("prints the console and ends with the guest's code", async () => {
    const ran = await pagewalk([...guest(printer("hello\n", 0)), "run", "x"]);
    expect(ran).toMatchObject({ status: 0, stdout: "hello\n", stderr: "" });
    expect(await pagewalk([...guest(printer("", 42)), "run", "x"])).toMatchObject({ status: 42, stdout: "", stderr: "" });
    expect(await pagewalk(guest(printer("bye\n", 3)))).toMatchObject({ status: 3, stdout: "bye\n", stderr: "" });
  });

  it("never makes success of a code that does not fit into a byte", async () => {
    expect((await pagewalk(["run", "x", ...guest(printer("", 256))])).status).toBe(255);
  });

  it("starts again when the guest resets the machine, except with qemu -no-reboot", async () => {
    const running = new Running(["run", "x", ...guest(printer("again\n", "reset"))]);
    await running.shows("again\nagain\nagain\n");
    running.child.kill("SIGTERM");
    expect((await running.ended).status).toBe(128 + 15);
    const once = await pagewalk(["qemu", "-machine", "virt", "-bios", "none", "-no-reboot", "-kernel", file(printer("once\n", "reset"))]);
    expect(once).toMatchObject({ status: 0, stdout: "once\n", stderr: "" });
  });

  it("says so when the guest waits for ever", async () => {
    const ran = await pagewalk([...guest(sleeper()), "run", "x"]);
    expect(ran).toMatchObject({ status: 2, stdout: "" });
    expect(ran.stderr).toMatch(/^pagewalk: the guest waits for ever: .*\n$/);
  });

  it("ends quietly when nobody reads its output", async () => {
    const running = new Running(guest(chatterer("y\n")));
    await running.shows("y\ny\n");
    running.child.stdout!.destroy();
    expect(await running.ended).toMatchObject({ status: 128 + 13, stderr: "" });
  });

  it.skipIf(!existsSync("/dev/full"))("says what is wrong with its output, once (needs /dev/full)", async () => {
    const { status, stderr } = spawnSync("sh", ["-c", '"$@" > /dev/full', "-", process.execPath, ...START, ...guest(chatterer("y\n"))], { cwd: ROOT, encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 2, stderr: "pagewalk: standard output: no space is left\n" });
  });

  it.skipIf(process.platform === "win32")("ends on a signal while the guest is busy, and while it is idle", async () => {
    const busy = new Running([...guest(spinner()), "run", "x"]);
    await busy.shows("spinning");
    busy.child.kill("SIGINT");
    expect((await busy.ended).status).toBe(128 + 2);
    const idle = new Running(guest(echoer()));
    await idle.shows("ready");
    idle.child.kill("SIGHUP");
    expect((await idle.ended).status).toBe(128 + 1);
  });
});

describe("input from a pipe", () => {
  it("is typed, then ended with Ctrl-D", async () => {
    expect(await pagewalk(guest(echoer()), "one\ntwo\n")).toMatchObject({ status: 3, stdout: "ready\none\ntwo\n<end>", stderr: "" });
    expect(await pagewalk([...guest(echoer()), "run", "x"], "one\n")).toMatchObject({ status: 3, stdout: "ready\none\n<end>", stderr: "" });
  });

  it("is typed without loss, however much it is", async () => {
    const line = `${"abcdefghij".repeat(30)}\n`;
    const ran = await pagewalk(guest(echoer()), line.repeat(300));
    expect(ran.stdout).toBe(`ready\n${line.repeat(300)}<end>`);
  });

  it("reaches a guest that never waits", async () => {
    const ran = await pagewalk(guest(poller()), "ab\n");
    expect(ran).toMatchObject({ status: 3, stdout: "ready\nab\n<end>", stderr: "" });
  });

  it("is for Pagewalk after Ctrl-A, as at a terminal; in run all of it is the guest's", async () => {
    expect(await pagewalk(guest(echoer()), "one\n\x01xtwo\n")).toMatchObject({ status: 0, stdout: "ready\none\n", stderr: "" });
    expect(await pagewalk(guest(echoer()), "a\x01\x01b\n")).toMatchObject({ status: 3, stdout: "ready\na\x01b\n<end>", stderr: "" });
    expect(await pagewalk([...guest(echoer()), "run", "x"], "a\x01x\n")).toMatchObject({ status: 3, stdout: "ready\na\x01x\n<end>", stderr: "" });
  });

  it("may end at once (/dev/null), and a guest that only waits then ends the run", async () => {
    expect(await pagewalk(guest(echoer({ ends: false })))).toMatchObject({ status: 0, stdout: "ready\n<end>", stderr: "" });
  });

  it("is taken as it comes", async () => {
    const running = new Running(guest(echoer()));
    await running.shows("ready\n");
    running.child.stdin!.write("a\n");
    await running.shows("a\n");
    running.child.stdin!.write("q");
    expect(await running.ended).toMatchObject({ status: 7, stderr: "" });
  });
});

describe("time", () => {
  it("passes at once in run, and as on the wall otherwise", async () => {
    const quick = await pagewalk([...guest(napper(60_000)), "run", "x"]);
    expect(quick).toMatchObject({ status: 0, stdout: "woke\n" });
    expect(quick.ms).toBeLessThan(30_000);
    const slow = await pagewalk(guest(napper(1500)));
    expect(slow).toMatchObject({ status: 0, stdout: "woke\n" });
    expect(slow.ms).toBeGreaterThan(1500);
  });

  it.skipIf(!existsSync("/proc/self/stat"))("costs an idle guest's host nothing (needs /proc)", async () => {
    const running = new Running(guest(echoer()));
    await running.shows("ready");
    await new Promise((resolve) => setTimeout(resolve, 500));
    const before = running.cpuTicks();
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect(running.cpuTicks() - before).toBeLessThanOrEqual(4); // of 200 ticks
  });
});

describe("--trace", () => {
  it("prints a line for each event to standard error", async () => {
    const { stderr, stdout, status } = await pagewalk(["--trace", "instruction,device", ...guest(printer("!", 5)), "run", "x"]);
    expect({ stdout, status }).toEqual({ stdout: "!", status: 5 });
    const lines = stderr.trimEnd().split("\n");
    for (const line of lines) expect(line).toMatch(/^\d+\.\d{9} (instruction|device +) /);
    expect(stderr).toMatch(/instruction hart 0 0x80000000 10000e37 lui t3,0x10000\n/);
    expect(stderr).toMatch(/device {6}uart write 1 at \+0x0: 0x21\n/);
    expect(stderr).toMatch(/device {6}finisher write 4 at \+0x0: 0x53333\n$/);
  });

  it("writes them to a file", async () => {
    const out = join(scratch(), "trace");
    const ran = await pagewalk(["run", "x", "--trace", "csr,interrupt", "--trace-file", out, ...guest(napper(5))]);
    expect(ran).toMatchObject({ status: 0, stdout: "woke\n", stderr: "" });
    expect(readFileSync(out, "utf8")).toMatch(/^\d\.\d{9} csr {9}hart 0 mie = 0x80\n$/);
  });
});

describe("bin/", () => {
  it("pagewalk.js and pagewalk-qemu.js are the same program", async () => {
    const image = file(printer("hi\n", 9));
    const own = await pagewalk(["--kernel", image, "--disk", "none", "run", "x"], "", { command: [join(ROOT, "bin", "pagewalk.js")] });
    expect(own).toMatchObject({ status: 9, stdout: "hi\n", stderr: "" });
    const qemu = await pagewalk(["-machine", "virt", "-bios", "none", "-nographic", "-kernel", image], "", {
      command: [join(ROOT, "bin", "pagewalk-qemu.js")], cwd: scratch(),
    });
    expect(qemu).toMatchObject({ status: 9, stdout: "hi\n", stderr: "" });
  });
});
