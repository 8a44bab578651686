// pagewalk monitor --script: monitor commands that nobody watches, as CI jobs and course hand-ins use them.
import { describe, expect, it } from "vitest";
import { file, pagewalk } from "./cli-guests.ts";

const script = (...lines: string[]): string[] => ["monitor", "--script", file(lines.join("\n"), "hunt.txt")];

describe("monitor --script", () => {
  it("runs the guest, shows commands and answers between what it prints, goes back, and ends with status 0", async () => {
    const { status, stdout, stderr } = await pagewalk(script(
      "# from a prompt to a copy on write, and back", "", 'expect "$ "', "type cowdemo", 'expect "child reads"',
      "catch fault store", "continue", "why", "delete", "rstepi", "history", "expect \"no copy needed\"",
    ));
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\(pagewalk\) type cowdemo$/m);
    expect(stdout).toMatch(/^store page fault {3}cowdemo pid \d+ · hart 0 · t=[\d,]+$/m);
    expect(stdout).toMatch(/^ {2}refused: a store needs W=1\.$/m);
    expect(stdout).toMatch(/last written by \w+\(\) vm\/pmap\w*\.c:\d+, for .* in pid \d+ cowdemo/);
    expect(stdout).toMatch(/here is t=[\d,]+, \d+ steps? before its end$/m);
    expect(stdout.match(/^ {2}parent writes to every page: no copy needed/gm)).toHaveLength(1);
  });

  it("takes its commands from standard input, and stops at quit", async () => {
    const { status, stdout } = await pagewalk(["monitor", "--script", "-"], "regs\nquit\nnonsense\n");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\(pagewalk\) quit$/m);
    expect(stdout).not.toMatch(/nonsense/);
  });

  it("ends with one line and status 2 at the first command that cannot be done", async () => {
    const { status, stdout, stderr } = await pagewalk(script("history", "maps 99", "regs"));
    expect(status).toBe(2);
    expect(stderr).toMatch(/^pagewalk: --script .*hunt\.txt: maps 99: there is no process 99.*\n$/);
    expect(stdout).not.toMatch(/\(pagewalk\) regs/);
  });

  it.each([
    [["--script", "x"], /^pagewalk: --script goes with the command monitor.*\n$/],
    [["monitor", "--script", "/no/such/file"], /^pagewalk: --script \/no\/such\/file: .*\n$/],
    [["monitor", "run", "ls"], /^pagewalk: .*\n$/],
    [["monitor"], /^pagewalk: the monitor's prompt needs a terminal.*\n$/],
  ])("refuses %j in one line", async (args, message) => {
    const { status, stderr } = await pagewalk(args);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });
});
