// The committed binaries: guest-kernel/prebuilt, guest-user/prebuilt and guest-user/debug, written by a build and compared with one.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { BuiltPrograms } from "./build.ts";
import { byName } from "./sources.ts";

/** Files of a build by their path from the checkout's root. */
export type Outputs = Map<string, Uint8Array>;

export const KERNEL_PREBUILT = "guest-kernel/prebuilt";
export const USER_PREBUILT = "guest-user/prebuilt";
/** Beside, not in, USER_PREBUILT: all that lies there goes to the disk. */
export const USER_DEBUG = "guest-user/debug";
/** Says which toolchain made the binaries beside it. */
const TOOLCHAIN_FILE = "TOOLCHAIN";

/** Outputs of a build laid out as they are committed: each folder with its TOOLCHAIN note. */
export function layOut(version: string, kernel: Uint8Array | null, built: BuiltPrograms | null): Outputs {
  const outputs: Outputs = new Map();
  const note = new TextEncoder().encode(`${version}\n`);
  if (kernel !== null) outputs.set(`${KERNEL_PREBUILT}/kernel.elf`, kernel).set(`${KERNEL_PREBUILT}/${TOOLCHAIN_FILE}`, note);
  if (built !== null) {
    for (const [name, bytes] of built.programs) outputs.set(`${USER_PREBUILT}/${name}`, bytes);
    for (const [name, bytes] of built.debug) outputs.set(`${USER_DEBUG}/${name}.debug`, bytes);
    outputs.set(`${USER_PREBUILT}/${TOOLCHAIN_FILE}`, note);
  }
  return outputs;
}

/** The prebuilt folders that `outputs` fill. */
function foldersOf(outputs: Outputs): string[] {
  return [...new Set([...outputs.keys()].map((path) => dirname(path)))].sort(byName);
}

/** Files in those folders that the build does not produce (a program whose source is gone). */
function strangers(root: string, outputs: Outputs): string[] {
  return foldersOf(outputs)
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`))
    .filter((path) => !outputs.has(path) && ![...outputs.keys()].some((output) => output.startsWith(`${path}/`)))
    .sort(byName);
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** Writes the outputs below `root` (each file whole or not at all) and removes binaries without a source; returns the paths that changed. */
export function writeOutputs(root: string, outputs: Outputs): string[] {
  const changed: string[] = [];
  for (const [path, bytes] of outputs) {
    const target = join(root, path);
    if (existsSync(target) && sameBytes(readFileSync(target), bytes)) continue;
    mkdirSync(dirname(target), { recursive: true });
    const temporary = join(dirname(target), `.${process.pid}.tmp`);
    writeFileSync(temporary, bytes);
    renameSync(temporary, target);
    changed.push(path);
  }
  for (const path of strangers(root, outputs).filter((stranger) => !stranger.endsWith(".tmp"))) {
    rmSync(join(root, path));
    changed.push(path);
  }
  return changed;
}

/** Compares a fresh build with what is committed below `root`; one line for each difference, none when all is equal. */
export function differences(root: string, outputs: Outputs): string[] {
  const lines: string[] = [];
  for (const [path, fresh] of outputs) {
    const target = join(root, path);
    if (!existsSync(target)) {
      lines.push(`${path} is missing`);
      continue;
    }
    const committed = readFileSync(target);
    if (sameBytes(committed, fresh)) continue;
    let at = 0;
    while (at < committed.length && committed[at] === fresh[at]) at++;
    lines.push(`${path} differs: ${committed.length} bytes committed, ${fresh.length} built, first difference at byte ${at}`);
  }
  lines.push(...strangers(root, outputs).map((path) => `${path} has no source`));
  return lines;
}
