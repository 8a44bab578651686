// What .vscode tells VS Code, read as VS Code reads it: comments left out, variables put in, a task as one line for the shell.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../e2e/cli-guests.ts";

/** What the tests look at in a configuration of launch.json; a debug adapter is given all of it. */
export interface Configuration {
  readonly name: string;
  readonly type: string;
  readonly args?: readonly string[];
  readonly program?: string;
  readonly miDebuggerServerAddress?: string;
  readonly preLaunchTask?: string;
  readonly setupCommands?: readonly { readonly text: string }[];
  readonly target?: { readonly connectCommands: readonly string[] };
  readonly initCommands?: readonly string[];
}
export interface Task {
  readonly label: string;
  readonly type: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly problemMatcher: { readonly background: { readonly endsPattern: string } };
}

/** A file of ours: JSON with comments on lines of their own, and VS Code's variable for the folder that is open. */
export const workspaceJson = (path: string): unknown =>
  JSON.parse(readFileSync(join(ROOT, path), "utf8").replace(/^\s*\/\/.*$/gm, "").replaceAll("${workspaceFolder}", ROOT.replace(/\/$/, ""))) as unknown;

export const configurations = (): readonly Configuration[] => (workspaceJson(".vscode/launch.json") as { configurations: Configuration[] }).configurations;

/** The only configuration of this type. */
export function configurationOf(type: string): Configuration {
  const found = configurations().filter((c) => c.type === type);
  if (found.length !== 1) throw new Error(`launch.json has ${found.length} configurations of type ${type}`);
  return found[0]!;
}

/** The task that a configuration wants started before it. */
export function taskOf({ name, preLaunchTask }: Configuration): Task {
  const { tasks } = workspaceJson(".vscode/tasks.json") as { tasks: Task[] };
  const task = tasks.find((t) => t.label === preLaunchTask);
  if (task === undefined) throw new Error(`"${name}" wants a task "${preLaunchTask}", which tasks.json has not`);
  return task;
}
