// What VS Code is told of us is true: files are where they are said to be, and configurations are ones that we take.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseArguments } from "../../../emulator/cli/arguments.ts";
import { ROOT } from "../../e2e/cli-guests.ts";
import { type Configuration, configurationOf, configurations, taskOf, workspaceJson } from "../../support/vscode.ts";

interface Manifest {
  readonly contributes: { readonly debuggers: readonly { readonly program: string; readonly type: string; readonly initialConfigurations: readonly Configuration[] }[] };
}

const { contributes: { debuggers: [adapter] } } = workspaceJson("editors/vscode/package.json") as Manifest;

describe("VS Code", () => {
  it("finds the adapter, and what it is given are words of our command line", () => {
    expect(existsSync(join(ROOT, "editors/vscode", adapter!.program))).toBe(true);
    const ours = [...configurations(), ...adapter!.initialConfigurations].filter((c) => c.type === adapter!.type);
    expect(ours.length).toBeGreaterThan(1);
    for (const { args } of ours) expect(parseArguments(args!, "0")).toHaveProperty("settings");
  });

  const throughC = configurationOf("cppdbg");
  const throughCdt = configurationOf("gdbtarget");
  it.each([
    { configuration: throughC, target: throughC.miDebuggerServerAddress, scripts: throughC.setupCommands?.map((c) => c.text) },
    { configuration: throughCdt, target: throughCdt.target?.connectCommands[0], scripts: throughCdt.initCommands },
  ])("starts what its gdb then connects to: $configuration.name", ({ configuration, target, scripts }) => {
    const task = taskOf(configuration);
    const request = parseArguments(task.args.slice(2), "0");
    if ("print" in request) throw new Error("it prints");
    expect(request.settings).toMatchObject({ gdb: Number(target!.split(":")[1]), wait: true });
    expect(readFileSync(join(ROOT, "emulator/cli/gdb.ts"), "utf8")).toContain(task.problemMatcher.background.endsPattern);
    expect(existsSync(configuration.program!)).toBe(true);
    expect(scripts).toHaveLength(1);
    for (const text of scripts!) expect(existsSync(text.replace(/^source /, ""))).toBe(true);
  });
});
