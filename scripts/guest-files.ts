// The guest's committed binaries, for whoever starts our own machine. In the bundle (scripts/bundle.ts) another module
// with the same exports stands in this one's place, which carries the bytes in itself.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const PROGRAMS = join(ROOT, "guest-user", "prebuilt");
const DEBUG_FILES = join(ROOT, "guest-user", "debug");

/** Where the kernel comes from, for messages. */
export const KERNEL_PATH = join(ROOT, "guest-kernel", "prebuilt", "kernel.elf");

/** A user program or shared object: its path on the disk without the first slash, and its ELF file. */
export interface Program {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Our kernel's ELF file. Throws the host's own error when it is not there. */
export function kernelImage(): Uint8Array {
  return new Uint8Array(readFileSync(KERNEL_PATH));
}

/** Names of the files in `folder` (below PROGRAMS, "" or ending in a slash) that belong on the disk, subfolders included. */
function filesIn(folder: string): string[] {
  const entries = readdirSync(join(PROGRAMS, folder), { withFileTypes: true });
  const wanted = entries.filter(({ name }) => name !== "TOOLCHAIN" && !name.startsWith("."));
  return wanted.flatMap((entry) => (entry.isDirectory() ? filesIn(`${folder}${entry.name}/`) : [`${folder}${entry.name}`]));
}

/** All user programs and shared objects, sorted by name. Throws the host's own error when they are not there. */
export function userPrograms(): Program[] {
  return filesIn("")
    .sort()
    .map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(PROGRAMS, name))) }));
}

/** The debug information of a user program or shared object by its name; undefined when there is none. */
export function debugFile(name: string): Uint8Array | undefined {
  const path = join(DEBUG_FILES, `${name}.debug`);
  return existsSync(path) ? new Uint8Array(readFileSync(path)) : undefined;
}
