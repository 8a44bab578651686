// The real gdb against the program: in the kernel, into a system call and back out to a user program with its symbols,
// a page table entry watched, back to its writer; coming, going, Ctrl-C. Skipped where gdb-multiarch is not installed.
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Symbols } from "../../emulator/monitor/symbols/symbols.ts";
import { gdb, Gdb, hasGdb, serve } from "../support/gdb.ts";
import { file, pagewalk, ROOT, Running, spinner } from "./cli-guests.ts";

const PROGRAM = "cowdemo";
const program = Symbols.fromElf(new Uint8Array(readFileSync(join(ROOT, "guest-user", "prebuilt", PROGRAM))), { name: PROGRAM });
const hex = (n: bigint): string => `0x${n.toString(16)}`;
const address = (name: string): bigint => program.addressOf(name)!;

/** With our commands and the program's symbols; stops in its main, which other programs have elsewhere or not at all. */
function atMain(): string[] {
  const main = address("main");
  const code = new DataView(program.image(main, 8)!.slice().buffer).getBigUint64(0, true);
  return ["source scripts/pagewalk.gdb", `user ${PROGRAM}`, `tbreak *${hex(main)} if $priv == 0 && *(unsigned long *)${hex(main)} == ${hex(code)}`, "continue"];
}

/** The line of the program's source that has this text. */
const lineOf = (text: string): number =>
  readFileSync(join(ROOT, "guest-user", "demos", `${PROGRAM}.c`), "utf8").split("\n").findIndex((line) => line.includes(text)) + 1;

/** gdb's own "Continuing." is not there in a script. */
const GO = ["echo going\\n", "continue"];

describe.skipIf(!hasGdb)("gdb", () => {
  it("finds the kernel's symbols by itself, breaks in it, and sees it end", async () => {
    const { running, port } = await serve(["--wait", "run", "true"]);
    const out = await gdb(port, ["break sys_exit", "continue", "bt", "info threads", "monitor ps", "compare-sections .text", "delete", "continue", "reverse-stepi", "continue", "continue"], { kernel: false });
    expect(out).toContain("Reading symbols from target:/kernel.elf");
    expect(out).toMatch(/Breakpoint 1, .*sys_exit \(\) at guest-kernel\/proc\/sys\w+\.c:\d+/);
    expect(out).toMatch(/#1 .* in syscall \(\) at guest-kernel\/proc\/syscall\.c:\d+\n#2 .* in usertrap \(\)/);
    expect(out).toMatch(/Thread 1 "hart 0" \(supervisor mode, pid \d+ \w+\)/);
    expect(out).toMatch(/\d+ +\d+ +running +0 .*sys_exit/);
    expect(out).toContain('Section .text, range 0x80000000');
    expect(out).toMatch(/range .*: matched/);
    expect(out).toContain("the machine is off, with code 0; it may go back from here");
    expect(out).toContain("exited normally");
    expect((await running.ended).status).toBe(0);
  });

  it("steps into a system call and back out to the program", async () => {
    const { port } = await serve(["--smp", "2", "--wait", "run", "cowdemo 1"]);
    const fork = address("fork");
    const out = await gdb(port, [
      ...atMain(), "bt", `tbreak *${hex(fork + 2n)}`, "continue", "info symbol $pc", "x/i $pc", "into", "info registers priv scause sepc",
      "tbreak sys_fork", "continue", "bt 3", `x/i ${hex(fork)}`, "finish", "out", "info symbol $pc", "info registers priv a0", "stepi", "info symbol $pc", "finish",
    ]);
    const parts = out.split(/^(?=Temporary breakpoint \d, |.*hit Temporary breakpoint)/m);
    expect(parts[1]).toMatch(/#0 +main \(.*\) at guest-user\/demos\/cowdemo\.c:\d+\n#1 .* in _start \(\)/);
    expect(parts[2]).toMatch(/fork \+ 2 in section \.text of .*cowdemo\.debug\n=> .*ecall/);
    expect(parts[3]).toMatch(/priv +0x1.*\nscause +0x8.*\nsepc +/);
    expect(parts[3]).toContain(`sepc           ${hex(fork + 2n)}`);
    expect(parts[4]).toMatch(/#0 +sys_fork \(\) at .*sysproc\.c:\d+\n#1 .* in syscall/);
    expect(parts[4]).toMatch(/<fork>:\s+li\ta7,1/); // the program's code, seen from the kernel
    expect(parts[4]).toMatch(/Value returned is \$\d+ = \d+/);
    expect(parts[5]).toMatch(/fork \+ 6 in section \.text of .*cowdemo\.debug\npriv +0x0.*\na0 +0x\d/);
    expect(parts[5]).toMatch(/fork \+ 8 in section/);
    expect(parts[5]).toMatch(/main \(.*\) at guest-user\/demos\/cowdemo\.c:\d+/); // finish: back in the caller, by line
  });

  it("calls functions of the kernel and of a program, and gives up at once a call that cannot be", async () => {
    const { running, port } = await serve(["--wait", "run", "cowdemo 1"]);
    const sp = "output $sp\necho \\n";
    const out = await gdb(port, [
      "source scripts/pagewalk.gdb", "tbreak sys_fork", "continue", sp, "print kmem_frames()", "print vm_free_frames() > 1000 && vm_free_frames() < 40000", sp,
      `user ${PROGRAM}`, `tbreak cowdemo.c:${lineOf("fork()")} if $priv == 0`, "continue", "monitor ps", `print ((int (*)(int))${hex(address("abs"))})(-5)`, `print ((int (*)(void))${hex(address("getppid"))})()`, "print kmem_frames()",
    ]);
    expect(out).toMatch(/sys_fork \(\)[^]*(0x3ff\w+)\n\$1 = [1-9]\d*\n\$2 = 1\n.*\1\n/);
    const [, parent] = /^ *\d+ +(\d+) +running.* cowdemo/m.exec(out) ?? [];
    expect(out).toContain(`$3 = 5\n$4 = ${parent}\n`);
    expect(out).toMatch(/user mode can execute nothing at 0x8\w+ \(\S+\), so nothing was run: functions of the kernel can be called while the kernel runs/);
    expect(out).toContain("GDB has restored the context to what it was before the call");
    const { stdout, status } = await running.ended; // gdb has let it go: all is as if nobody had called anything
    expect({ status, lines: stdout.match(/parent writes to the same/g) }).toEqual({ status: 0, lines: ["parent writes to the same"] });
  });

  it("watches a page table entry, and goes back to who wrote it", async () => {
    const { running, port } = await serve(["--smp", "2", "--wait", "run", "cowdemo 1"]);
    const child = lineOf("parent writes to the same");
    const out = await gdb(port, [
      "source scripts/pagewalk.gdb", `user ${PROGRAM}`, `tbreak cowdemo.c:${child} if $priv == 0`, "continue", "set $start = memory", "pte memory", "watch *(unsigned long *)$pte",
      "echo == one\\n", "reverse-continue", "bt", "echo == two\\n", "reverse-continue", "bt", "delete", "echo == three\\n", "tbreak fork_with", "reverse-continue", "bt 3",
      "echo == four\\n", "reverse-stepi", "info symbol $pc", "stepi", "info symbol $pc", "reverse-finish", "info symbol $pc",
      "echo == five\\n", "reverse-continue", "info registers pc", "echo == six\\n", "continue", "continue",
    ]);
    const part = (name: string): string => out.split(`== ${name}\n`)[1]!.split("\n== ")[0]!;
    // The parent's own fault made the page writable again; before that, fork had withdrawn the right to write.
    expect(out).toMatch(/level 0 at 0x[0-9a-f]+: 0x[0-9a-f]{15}7/);
    expect(part("one")).toMatch(/Old value = \d+\nNew value = \d+[^]*\bpmap_enter \([^]*\busertrap \(\)/);
    expect(part("two")).toMatch(/Old value = \d+\nNew value = \d+[^]*\bpmap_protect \([^]*\bfork_with \([^]*\bsys_fork \(\)/);
    expect(part("three")).toMatch(/breakpoint \d, fork_with [^]*#2 .* in sys_fork \(\)/);
    expect(part("four")).toMatch(/\nfork \+ \d+ in section[^]*\nfork_with in section[^]*\nfork \+ \d+ in section/);
    expect(part("five")).toMatch(/No more reverse-execution history[^]*pc +0x1000/);
    expect(part("six")).toContain("exited normally");
    expect((await running.ended).stdout.match(/parent writes to the same/g)).toHaveLength(1); // what was shown once is not shown again
  });

  it("is what -S and -gdb of QEMU's command line mean", async () => {
    const kernel = file(spinner(), "spin.bin");
    const running = new Running(["qemu", "-machine", "virt", "-bios", "none", "-kernel", kernel, "-nographic", "-S", "-gdb", "tcp::0"]);
    const port = Number((await running.says(/gdb: target remote :(\d+)/))[1]);
    const out = await gdb(port, ["info registers pc", "stepi", "stepi", "info registers pc", "x/2i 0x80000000", "kill"], { kernel: false });
    expect(out).toMatch(/pc +0x1000\b[^]*pc +0x1008\b/);
    expect((await running.ended).stdout).toBe("");
  });

  it("detaches and attaches again, and no stop is lost", async () => {
    const { running, port } = await serve(["--wait"]);
    expect(await gdb(port, ["break sys_fork", "continue", "detach"])).toMatch(/Breakpoint 1, [^]*detached/);
    await running.shows("$ ");
    const type = (line: string): void => { running.child.stdin!.write(`${line}\n`); };
    const one = new Gdb(port, ["break sys_exit", ...GO, "disconnect"]);
    await one.says("going");
    type("echo one");
    expect(await one.ended).toMatch(/Breakpoint 1, .*sys_exit/);
    const two = new Gdb(port, ["bt 1", ...GO, "detach"]);
    await two.says("going");
    expect(two.out).toContain("sys_exit");
    type("echo two");
    await running.shows("two\n");
    two.interrupt();
    expect(await two.ended).toMatch(/SIGINT[^]*detached/);
    type("poweroff");
    expect((await running.ended).status).toBe(0);
  });

  it("stops by Ctrl-C, a machine that works and one that waits", async () => {
    const busy = await serve(["--kernel", file(spinner(), "spin.bin")]);
    const one = new Gdb(busy.port, [...GO, "info registers a0 pc", "kill"], { kernel: false });
    await busy.running.shows("spinning");
    await one.says("going");
    await new Promise((resolve) => setTimeout(resolve, 200));
    one.interrupt();
    expect(await one.ended).toMatch(/SIGINT[^]*a0 +0x[1-9a-f]/);
    expect((await busy.running.ended).status).toBe(0);

    const idle = await serve([]);
    await idle.running.shows("$ ");
    const two = new Gdb(idle.port, [...GO, "info threads", "detach"]);
    await two.says("going");
    await new Promise((resolve) => setTimeout(resolve, 200));
    two.interrupt();
    expect(await two.ended).toMatch(/SIGINT[^]*wfi/);
    idle.running.child.stdin!.write("echo still here\n");
    await idle.running.shows("still here\n");
  });

  it("reads and writes the floating-point registers", async () => {
    const { port } = await serve(["--wait", "run", "true"]);
    const out = await gdb(port, ["set $fa0.double = 1.5", "p $fa0", "set $ft11 = -2.5", "set $fcsr = 0x61", "p $frm", "info registers float", "p $x10 == $a0", "kill"]);
    expect(out).toContain("$1 = {float = 0, double = 1.5}");
    expect(out).toContain("$2 = 3\n");
    expect(out).toMatch(/^ft0 +\{float = 0, double = 0\}\t\(raw 0x0000000000000000\)$/m);
    expect(out).toMatch(/^fa0 +\{float = 0, double = 1\.5\}\t\(raw 0x3ff8000000000000\)$/m);
    expect(out).toMatch(/^ft11 +\{.*double = -2\.5\}/m);
    expect(out).toMatch(/^fflags +0x1\tNV:0 DZ:0 OF:0 UF:0 NX:1$/m);
    expect(out).toMatch(/^fcsr +0x61\t.*FRM:3/m);
  });

  it("is served to a gdb only, and to one at a time", async () => {
    const { port } = await serve(["--wait", "run", "true"]);
    const talk = async (text: string): Promise<string> => await new Promise((resolve) => {
      let got = "";
      const socket = connect(port, "127.0.0.1", () => socket.write(text));
      socket.on("data", (b: Buffer) => {
        got += b.toString();
        if (got.includes("#")) socket.destroy();
      });
      socket.on("error", () => undefined);
      socket.on("close", () => resolve(got));
    });
    const second = await pagewalk(["--gdb", String(port), "run", "true"]);
    expect(second).toMatchObject({ status: 2, stderr: `pagewalk: --gdb ${port}: the port is in use\n` });
    expect(await talk("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n$qC#b4")).toBe("");
    expect(await talk("$qC#b4")).toBe("+$QC1#c5");
    const out = await gdb(port, ["shell sleep 1", "info registers pc"], { during: async () => expect(await talk("$qC#b4")).toBe("") });
    expect(out).toContain("0x1000");
  });
});
