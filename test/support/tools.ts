// Programs of the host that some tests compare with, where they are installed.

import { spawnSync } from "node:child_process";

/** Whether a program is there to be run. */
export const installed = (program: string): boolean => spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0;

/** Its output. Throws when it fails. */
export function output(program: string, args: readonly string[], timeout = 60_000): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8", maxBuffer: 2 ** 28, timeout });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
  return stdout;
}
