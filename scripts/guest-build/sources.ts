// What there is to build: which source belongs to the kernel, to the C library, to which program.
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { SetupError } from "./toolchain.ts";

/** One program: its name on the disk, and its sources (paths from the checkout's root, with forward slashes). */
export interface Program {
  readonly name: string;
  readonly sources: readonly string[];
}

/** Everything that the guest consists of. All lists are sorted, so that a build does not depend on the host's directory order. */
export interface Guest {
  readonly kernel: readonly string[];
  readonly libc: readonly string[];
  readonly programs: readonly Program[];
}

const KERNEL_FOLDERS = ["boot", "dev", "fs", "lib", "proc", "trap", "vm"];
const PROGRAM_FOLDERS = ["bin", "tests", "demos"];

const isSource = (name: string): boolean => /\.[cS]$/.test(name);

/** Order by code unit: the same on every host, unlike localeCompare. */
export const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** All *.c and *.S below `folder`, as paths from `root`; none when there is no such folder. */
function sourcesBelow(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  const found: string[] = [];
  for (const name of readdirSync(join(root, folder))) {
    const path = `${folder}/${name}`;
    if (statSync(join(root, path)).isDirectory()) found.push(...sourcesBelow(root, path));
    else if (isSource(name)) found.push(path);
  }
  return found.sort(byName);
}

/** NAME.c or NAME.S is one program; a folder NAME is one program of all its sources. */
function programsIn(root: string, folder: string): Program[] {
  if (!existsSync(join(root, folder))) return [];
  const programs: Program[] = [];
  for (const name of readdirSync(join(root, folder))) {
    const path = `${folder}/${name}`;
    if (statSync(join(root, path)).isDirectory()) {
      const sources = sourcesBelow(root, path);
      if (sources.length > 0) programs.push({ name, sources });
    } else if (isSource(name)) {
      programs.push({ name: name.replace(/\.[cS]$/, ""), sources: [path] });
    }
  }
  return programs;
}

/** The object file of a source, as a path below the work folder. */
export const objectOf = (source: string): string => source.replace(/\.[cS]$/, ".o");

/** Two sources with one object (trap.c beside trap.S) or two programs with one name would overwrite each other silently. */
function refuseDuplicates(guest: Guest): void {
  const objects = new Map<string, string>();
  for (const source of [...guest.kernel, ...guest.libc, ...guest.programs.flatMap((p) => p.sources)]) {
    const earlier = objects.get(objectOf(source));
    if (earlier !== undefined) throw new SetupError(`${earlier} and ${source} would both become ${objectOf(source)}: rename one`);
    objects.set(objectOf(source), source);
  }
  const programs = new Map<string, string>();
  for (const { name, sources } of guest.programs) {
    const earlier = programs.get(name);
    if (earlier !== undefined) throw new SetupError(`${earlier} and ${sources[0]!} are both the program ${name}: rename one`);
    if (name.length > 14) throw new SetupError(`${sources[0]!}: a program's name has at most 14 characters on the disk`);
    programs.set(name, sources[0]!);
  }
}

/** Reads the checkout at `root`. Throws SetupError when two sources claim one name. */
export function findSources(root: string): Guest {
  const guest: Guest = {
    kernel: KERNEL_FOLDERS.flatMap((folder) => sourcesBelow(root, `guest-kernel/${folder}`)),
    libc: sourcesBelow(root, "guest-user/lib"),
    programs: PROGRAM_FOLDERS.flatMap((folder) => programsIn(root, `guest-user/${folder}`)).sort((a, b) => byName(a.name, b.name)),
  };
  refuseDuplicates(guest);
  return guest;
}
