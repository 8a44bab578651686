// The program in a terminal, as a person sees it: a pseudo-terminal, and a screen that interprets what comes out of it.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { defaultFiles } from "../../scripts/default-disk.ts";
import { buildImage } from "../../scripts/fs/filesystem.ts";
import { echoer, file, printer, scratch, spinner, START } from "./cli-guests.ts";
import { pause, Screen } from "./screen.ts";

const pagewalk = (...args: string[]): Screen => new Screen(process.execPath, [...START, ...args]);
const guest = (image: Uint8Array): string[] => ["--disk", "none", "--kernel", file(image)];

describe("npm start in a terminal", () => {
  it("boots to a prompt, runs what is typed, helps, and quits", async () => {
    const screen = pagewalk();
    await screen.shows(/^pagewalk: Ctrl-A x quits, Ctrl-A h helps, Ctrl-A c is the monitor$/);
    await screen.shows(/^\$ ?$/);
    screen.type("echo hi there\r");
    await screen.shows(/^\$ echo hi there$/);
    await screen.shows(/^hi there$/);
    screen.type("\x01h");
    await screen.shows(/^Ctrl-A x {7}quit/);
    screen.type("\x01x");
    await screen.shows(/^pagewalk: quit$/);
    expect(await screen.exit).toBe(0);
  });

  it("edits lines, interrupts nothing of its own on Ctrl-C, and ends when the guest powers off", async () => {
    const screen = pagewalk();
    await screen.shows(/^\$ ?$/);
    screen.type("echo wrogn\x7f\x7fng\r");
    await screen.shows(/^wrong$/);
    screen.type("\x03");
    screen.type("\x15poweroff\r");
    expect(await screen.exit).toBe(0);
  });
});

describe("the monitor in a terminal", () => {
  it("stops the machine on Ctrl-A c, answers, goes back in time, and lets it run on", async () => {
    const screen = pagewalk();
    await screen.shows(/^\$ ?$/);
    screen.type("\x01c");
    await screen.shows(/^halted: every hart waits for an interrupt$/);
    await screen.shows(/^\(pagewalk\) ?$/);
    screen.type("ps\r");
    await screen.shows(/^ +1 .* init /);
    screen.type("goto 1000000\r");
    await screen.shows(/t=1,000,000/);
    screen.type("continue\r"); // through the past to the present, and on: the prompt is the guest's, and not printed again
    await pause(500);
    screen.type("echo still here\r");
    await screen.shows(/^still here$/);
    expect(screen.lines.filter((line) => line === "init: starting sh")).toHaveLength(1);
    screen.type("\x01x");
    expect(await screen.exit).toBe(0);
  });

  it("searches back until Ctrl-C, which gives nothing to the guest", async () => {
    const screen = pagewalk(...guest(spinner()));
    await screen.shows(/^spinning/);
    await pause(5000);
    screen.type("\x01c");
    await screen.shows(/^\(pagewalk\) ?$/);
    screen.type("rcontinue\r");
    await screen.shows(/^searching back, at t=[\d,]+; Ctrl-C ends it$/);
    screen.type("x\x03");
    await screen.shows(/^\(pagewalk\) ?$/);
    screen.type("history\r");
    await screen.shows(/the present$/);
    screen.type("goto start\r");
    await screen.shows(/t=0: /);
    screen.type("quit\r");
    expect(await screen.exit).toBe(0);
  });

  it("keeps a history of lines, completes, survives Ctrl-C, and gives the guest its keys back when it runs", async () => {
    const screen = pagewalk("--monitor");
    await screen.shows(/^\(pagewalk\) ?$/);
    screen.type("tbreak sys_for\t");
    await screen.shows(/^\(pagewalk\) tbreak sys_fork/);
    screen.type("\r");
    await screen.shows(/^1: .*sys_fork/);
    screen.type("nonsense\x03");
    screen.type("nonsense\r");
    await screen.shows(/^there is no command "nonsense"/);
    screen.type("continue\r");
    await screen.shows(/^hart 0, .*sys_fork/);
    screen.type("bt\r");
    await screen.shows(/^#0 .*sys_fork\(\)/);
    screen.type("\x1b[A\x1b[A\r"); // two lines up: continue
    await screen.shows(/^\$ ?$/);
    screen.type("echo hello\r");
    await screen.shows(/^hello$/);
    screen.type("\x01cquit\r");
    await screen.shows(/^pagewalk: quit$/);
    expect(await screen.exit).toBe(0);
  });
});

describe("keys and the end", () => {
  it("sends every key to the guest but Ctrl-A, and ends with the guest's code", async () => {
    const screen = pagewalk(...guest(echoer()));
    await screen.shows(/^ready$/);
    screen.type("A\x01\x01B");
    await screen.shows(/^AB/); // what Ctrl-A sends is not to be seen
    screen.type("q");
    expect(await screen.exit).toBe(7);
  });

  it("quits while the guest never waits", async () => {
    const screen = pagewalk(...guest(spinner()));
    await screen.shows(/^spinning$/);
    screen.type("\x01x");
    expect(await screen.exit).toBe(0);
  });
});

/** Runs the program under a shell that writes down the terminal's settings before and after. */
class Watched extends Screen {
  private readonly folder: string;
  constructor(...args: string[]) {
    const folder = scratch();
    const quoted = [process.execPath, ...START, ...args].map((w) => `'${w}'`).join(" ");
    const script = join(folder, "script");
    writeFileSync(script, `stty -a > ${folder}/before\nsh -c 'echo $$ > ${folder}/pid; exec "$@"' - ${quoted}\nstatus=$?\nstty -a > ${folder}/after\necho "status $status"\n`);
    super("sh", [script]);
    this.folder = folder;
  }

  get pid(): number {
    return Number(readFileSync(join(this.folder, "pid"), "utf8"));
  }

  /** Terminal settings now (Linux). */
  settings(): string {
    return execFileSync("stty", ["-F", readlinkSync(`/proc/${this.pid}/fd/0`), "-a"], { encoding: "utf8" });
  }

  read(name: "before" | "after"): string {
    return readFileSync(join(this.folder, name), "utf8");
  }
}

describe.skipIf(process.platform === "win32")("the terminal is as it was", () => {
  const ENDS: Readonly<Record<string, { act: (s: Watched) => void; status: number }>> = {
    "Ctrl-A x": { act: (s) => s.type("\x01x"), status: 0 },
    "power-off": { act: (s) => s.type("q"), status: 7 },
    SIGTERM: { act: (s) => process.kill(s.pid, "SIGTERM"), status: 143 },
    SIGINT: { act: (s) => process.kill(s.pid, "SIGINT"), status: 130 },
    SIGHUP: { act: (s) => process.kill(s.pid, "SIGHUP"), status: 129 },
    SIGQUIT: { act: (s) => process.kill(s.pid, "SIGQUIT"), status: 131 },
  };
  for (const [name, { act, status }] of Object.entries(ENDS)) {
    it(`after ${name}`, async () => {
      const screen = new Watched(...guest(echoer()));
      await screen.shows(/^ready$/);
      screen.type("abc");
      await screen.shows(/^abc/);
      act(screen);
      await screen.shows(new RegExp(`^status ${status}$`));
      expect(screen.read("after")).toBe(screen.read("before"));
    });
  }

  it("after an error in the middle", async () => {
    const disk = file(buildImage(defaultFiles()), "disk");
    const screen = new Watched("--disk", disk);
    await screen.shows(/^\$ ?$/);
    truncateSync(disk, 8192);
    screen.type("usertests\r");
    await screen.shows(/^pagewalk: disk .* became shorter/);
    await screen.shows(/^status 2$/);
    expect(screen.read("after")).toBe(screen.read("before"));
  });

  it("with colours and cursor put right", async () => {
    const screen = pagewalk(...guest(printer("\x1b[31;7m\x1b[?25lred", 0)));
    let raw = "";
    screen.process.onData((data) => { raw += data; });
    expect(await screen.exit).toBe(0);
    expect(raw.slice(raw.indexOf("red"))).toBe("red\x1b[0m\x1b[?25h\r\n");
  });

  it.skipIf(!existsSync("/proc/self/fd"))("while it is stopped by SIGTSTP (needs /proc)", async () => {
    const screen = new Watched(...guest(echoer()));
    await screen.shows(/^ready$/);
    const cooked = screen.read("before");
    expect(screen.settings()).not.toBe(cooked);
    process.kill(screen.pid, "SIGTSTP");
    const state = (): string => /^State:\s+(\S)/m.exec(readFileSync(`/proc/${screen.pid}/status`, "utf8"))![1]!;
    for (let i = 0; i < 200 && state() !== "T"; i++) await pause(20);
    expect(state()).toBe("T");
    expect(screen.settings()).toBe(cooked);
    process.kill(screen.pid, "SIGCONT");
    for (let i = 0; i < 200 && screen.settings() === cooked; i++) await pause(20);
    screen.type("xyz");
    await screen.shows(/xyz/);
    screen.type("\x01x");
    await screen.shows(/^status 0$/);
    expect(screen.read("after")).toBe(cooked);
  });
});
