// The one-file build: boots and ends as the command does, far from the checkout and its node_modules.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { runScript } from "../unit/scripts/run.ts";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(realpathSync(tmpdir()), "pagewalk-bundle-"));
  const { status, stderr } = runScript("bundle", ["--out", join(folder, "pagewalk.mjs")]);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return () => {
    rmSync(folder, { recursive: true, force: true });
  };
});

const pagewalk = (...args: string[]): ReturnType<typeof spawnSync> =>
  spawnSync(process.execPath, [join(folder, "pagewalk.mjs"), ...args], { cwd: folder, encoding: "utf8", input: "", timeout: 100_000 });

test("runs a command line in the guest and ends with its status", () => {
  const { status, stdout } = pagewalk("run", "echo one file | wc");
  expect(stdout).toMatch(/1 +2 +9/);
  expect(status).toBe(0);
  expect(pagewalk("run", "false").status).toBe(1);
});

test("a usage error is one line and status 2", () => {
  const { status, stderr } = pagewalk("--smp", "0");
  expect(status).toBe(2);
  expect(String(stderr).trimEnd().split("\n")).toHaveLength(1);
});
