// xv6's user ABI: a program linked as xv6 links its own, at address 0, makes all 21 of xv6's system calls.
import { describe, expect, test } from "vitest";
import { haveQemu, machine, runOnQemu } from "./support.ts";

const TESTS = ["memory", "processes", "time", "pipes", "files", "directories", "devices", "exec"];

function expectAll(text: string): void {
  expect(text).not.toMatch(/^not ok/m);
  for (const name of TESTS) expect(text.replace(/\r/g, "")).toMatch(new RegExp(`^ok ${name}$`, "m"));
}

describe.each(["xv6abi", "xv6abi.old"])("%s: all 21 system calls", (program) => {
  test.each([[1, "", 128], [4, "vm.exec=load", 16], [2, "vm.fork=copy vm.heap=eager vm.commit=overcommit", 128]])("on %i hart(s), %s", async (harts, policy, megabytes) => {
    const m = await machine({ harts, memory: megabytes * 2 ** 20, append: `${policy} run="${program} && vmcheck"` });
    const stop = m.runToEnd({ maxSteps: 4e9 });
    expectAll(m.console.text);
    expect(stop).toEqual({ reason: "poweroff", code: 0 });
  });

  test.skipIf(!haveQemu)("on QEMU", { timeout: 60_000 }, () => {
    const { status, text } = runOnQemu(`${program} && vmcheck`, { harts: 4 });
    expectAll(text);
    expect(status).toBe(0);
  });
});
