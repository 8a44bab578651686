// What VS Code is told of us is true: files are where they are said to be, and configurations are ones that we take.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseArguments } from "../../../emulator/cli/arguments.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

interface Configuration {
  readonly name: string;
  readonly type: string;
  readonly args?: readonly string[];
  readonly program?: string;
  readonly miDebuggerServerAddress?: string;
  readonly preLaunchTask?: string;
  readonly setupCommands?: readonly { readonly text: string }[];
}
interface Manifest {
  readonly contributes: { readonly debuggers: readonly { readonly program: string; readonly type: string; readonly initialConfigurations: readonly Configuration[] }[] };
}

/** JSON with comments on lines of their own. */
const json = (path: string): unknown => JSON.parse(readFileSync(join(ROOT, path), "utf8").replace(/^\s*\/\/.*$/gm, "")) as unknown;
const inWorkspace = (text: string): string => text.replace("${workspaceFolder}", ROOT);
const { configurations } = json(".vscode/launch.json") as { configurations: Configuration[] };
const { tasks } = json(".vscode/tasks.json") as { tasks: { label: string; args: string[]; problemMatcher: { background: { endsPattern: string } } }[] };
const { contributes: { debuggers: [adapter] } } = json("editors/vscode/package.json") as Manifest;

describe("VS Code", () => {
  it("finds the adapter, and what it is given are words of our command line", () => {
    expect(existsSync(join(ROOT, "editors/vscode", adapter!.program))).toBe(true);
    const ours = [...configurations, ...adapter!.initialConfigurations].filter((c) => c.type === adapter!.type);
    expect(ours.length).toBeGreaterThan(1);
    for (const { args } of ours) expect(parseArguments(args!, "0")).toHaveProperty("settings");
  });

  it("starts what its gdb then connects to", () => {
    const gdb = configurations.find((c) => c.type === "cppdbg")!;
    const task = tasks.find((t) => t.label === gdb.preLaunchTask)!;
    const request = parseArguments(task.args.slice(2), "0");
    if ("print" in request) throw new Error("it prints");
    expect(request.settings).toMatchObject({ gdb: Number(gdb.miDebuggerServerAddress!.split(":")[1]), wait: true });
    expect(readFileSync(join(ROOT, "emulator/cli/gdb.ts"), "utf8")).toContain(task.problemMatcher.background.endsPattern);
    expect(existsSync(inWorkspace(gdb.program!))).toBe(true);
    for (const { text } of gdb.setupCommands!) expect(existsSync(inWorkspace(text.replace(/^source /, "")))).toBe(true);
  });
});
