// The mkfs command: each of its forms, and one clear line with exit status 2 for what cannot be.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runScript, scratch } from "./run.ts";

const mkfs = (...args: string[]): ReturnType<typeof runScript> => runScript("mkfs", args);

/** Expects failure with exactly one line on stderr. */
function refused(args: string[], message: string): void {
  const ran = mkfs(...args);
  expect(ran.stderr).toContain(message);
  expect(ran.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(ran.status).toBe(2);
}

test("make, ls, cat, cp in and out, fsck", () => {
  const folder = scratch();
  const at = (name: string): string => join(folder, name);
  mkdirSync(at("tree"));
  writeFileSync(at("tree/leaf"), "leaf\n");
  writeFileSync(at("hello"), "hello\n");
  expect(mkfs(at("d.img"), "--size", "4M", at("hello"), at("tree"), `/deep/er/x=${at("hello")}`)).toMatchObject({ status: 0, stderr: "" });
  expect(readFileSync(at("d.img"))).toHaveLength(4 * 1024 * 1024);
  const names = (listing: string): string[] => listing.trimEnd().split("\n").map((line) => line.split(/\s+/).at(-1)!);
  expect(names(mkfs("ls", at("d.img")).stdout)).toEqual(["hello", "tree", "deep"]);
  expect(mkfs("ls", at("d.img"), "/tree/leaf").stdout).toMatch(/^- +\d+ +1 +5 leaf\n$/);
  expect(mkfs("cat", at("d.img"), "/deep/er/x").stdout).toBe("hello\n");
  expect(mkfs("cp", at("hello"), `${at("d.img")}:/tree/`).status).toBe(0);
  expect(mkfs("cp", `${at("d.img")}:/tree/hello`, at("back")).status).toBe(0);
  expect(readFileSync(at("back"), "utf8")).toBe("hello\n");
  expect(mkfs("fsck", at("d.img"))).toMatchObject({ status: 0, stdout: `${at("d.img")}: in order\n` });
});

test("fsck of a damaged disk names the damage and ends with 1", () => {
  const image = join(scratch(), "d.img");
  mkfs(image, "--size", "4M", "package.json");
  const bytes = readFileSync(image);
  bytes.fill(0, 4096 * (2 + 65 + 4), 4096 * (2 + 65 + 4) + 1); // the free map's first byte
  writeFileSync(image, bytes);
  const { status, stdout } = mkfs("fsck", image);
  expect(status).toBe(1);
  expect(stdout).toContain("the free map calls block 0 free, which is outside the data");
});

test("what cannot be is one line and status 2", () => {
  const folder = scratch();
  const image = join(folder, "d.img");
  writeFileSync(join(folder, "short"), new Uint8Array(5000));
  refused(["ls", join(folder, "none")], "no such file or directory");
  refused(["ls", join(folder, "short")], "not a Pagewalk disk");
  refused(["fsck", folder], "is a directory");
  refused([image, "--size", "9T"], "--size 9T: a size like 64M is needed");
  refused([image, "--size", "0", "package.json"], "leaves no room for files");
  refused([image, "--color"], "--color");
  refused([image, join(folder, "nothing")], "no such file or directory");
  refused(["cp", "a", "b"], "exactly one of the two");
  refused(["cat", image], "wrong number of arguments");
  refused([], "an image to make is needed");
});
