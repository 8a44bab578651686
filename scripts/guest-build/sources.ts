// What there is to build: which source belongs to the kernel, to the C library, to which program.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { SetupError } from "./toolchain.ts";

/** One program: its name on the disk, and its sources (paths from the checkout's root, with forward slashes). */
export interface Program {
  readonly name: string;
  readonly sources: readonly string[];
  /** It is linked with these options of the linker, in place of user.ld and the C library (LINK_LIST). */
  readonly link?: readonly string[];
}

/** A shared object besides the C library: /lib/NAME.so. */
export type Library = Program;

/** A program's dynamically linked form: the program, the libraries it names, and its file's name on the disk. */
export interface DynamicProgram {
  readonly program: Program;
  readonly libraries: readonly Library[];
  readonly output: string;
  /** No static form is made: the program needs the dynamic linker (dlopen). */
  readonly only: boolean;
}

/** Everything that the guest consists of. All lists are sorted, so that a build does not depend on the host's directory order. */
export interface Guest {
  readonly kernel: readonly string[];
  readonly libc: readonly string[];
  readonly programs: readonly Program[];
  /** The dynamic linker's sources; none when this guest has no shared objects. */
  readonly ldso: readonly string[];
  readonly libraries: readonly Library[];
  readonly dynamic: readonly DynamicProgram[];
}

const KERNEL_FOLDERS = ["boot", "dev", "fs", "lib", "proc", "trap", "vdso", "vm"];
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

/** In a program's folder: programs that are all made of its sources, each linked in a way of its own. A line is a name and
 *  the linker's options; # begins a comment. */
const LINK_LIST = "link.txt";

/** The words of each line of a list in which # begins a comment; lines without any are left out. */
function linesOf(path: string): string[][] {
  const lines = readFileSync(path, "utf8").split(/\r?\n/);
  return lines.map((line) => line.replace(/#.*/, "").split(/\s+/).filter((word) => word !== "")).filter((list) => list.length > 0);
}

/** A folder is one program, called as it, or those of its LINK_LIST. */
function programsOfFolder(root: string, folder: string, name: string): Program[] {
  const sources = sourcesBelow(root, folder);
  const list = join(root, folder, LINK_LIST);
  if (sources.length === 0) return [];
  if (!existsSync(list)) return [{ name, sources }];
  return linesOf(list).map(([variant, ...link]) => ({ name: variant!, sources, link }));
}

/** NAME.c or NAME.S is one program; a folder NAME is one program of all its sources, or several (LINK_LIST). */
function programsIn(root: string, folder: string): Program[] {
  if (!existsSync(join(root, folder))) return [];
  const programs: Program[] = [];
  for (const name of readdirSync(join(root, folder))) {
    const path = `${folder}/${name}`;
    if (statSync(join(root, path)).isDirectory()) {
      programs.push(...programsOfFolder(root, path, name));
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
  for (const source of [...guest.kernel, ...guest.libc, ...guest.ldso, ...[...guest.libraries, ...guest.programs].flatMap((p) => p.sources)]) {
    const earlier = objects.get(objectOf(source));
    if (earlier !== undefined && earlier !== source) throw new SetupError(`${earlier} and ${source} would both become ${objectOf(source)}: rename one`);
    objects.set(objectOf(source), source);
  }
  const programs = new Map<string, string>();
  for (const { name, sources } of guest.programs) {
    const earlier = programs.get(name);
    if (earlier !== undefined) throw new SetupError(`${earlier} and ${sources[0]!} are both the program ${name}: rename one`);
    if (name.length > 14) throw new SetupError(`${sources[0]!}: a program's name has at most 14 characters on the disk`);
    programs.set(name, sources[0]!);
  }
  for (const { output } of guest.dynamic) {
    if (output.length > 14) throw new SetupError(`${DYNAMIC_LIST}: ${output} is longer than the 14 characters that the disk allows`);
  }
}

/** Which programs are linked dynamically: a line is a program's name, then "only" and the names of libraries, as wanted; # begins a comment. */
const DYNAMIC_LIST = "guest-user/dynamic.txt";

/** What DYNAMIC_LIST asks for; nothing when there is no such file. Throws SetupError for names that do not exist. */
function dynamicPrograms(root: string, programs: readonly Program[], libraries: readonly Library[]): DynamicProgram[] {
  if (!existsSync(join(root, DYNAMIC_LIST))) return [];
  const named = (list: readonly Program[], name: string): Program => {
    const found = list.find((p) => p.name === name);
    if (found === undefined) throw new SetupError(`${DYNAMIC_LIST} names ${name}, which has no source`);
    return found;
  };
  return linesOf(join(root, DYNAMIC_LIST)).map(([name, ...rest]) => {
    const only = rest.includes("only");
    const program = named(programs, name!);
    return {
      program,
      libraries: rest.filter((word) => word !== "only").map((word) => named(libraries, word)),
      output: only ? program.name : `${program.name}.dyn`,
      only,
    };
  });
}

/** Reads the checkout at `root`. Throws SetupError when two sources claim one name. */
export function findSources(root: string): Guest {
  const programs = PROGRAM_FOLDERS.flatMap((folder) => programsIn(root, `guest-user/${folder}`)).sort((a, b) => byName(a.name, b.name));
  const libraries = programsIn(root, "guest-user/shared").sort((a, b) => byName(a.name, b.name));
  const guest: Guest = {
    kernel: KERNEL_FOLDERS.flatMap((folder) => sourcesBelow(root, `guest-kernel/${folder}`)),
    libc: sourcesBelow(root, "guest-user/lib"),
    programs,
    ldso: sourcesBelow(root, "guest-user/ldso"),
    libraries,
    dynamic: dynamicPrograms(root, programs, libraries),
  };
  refuseDuplicates(guest);
  return guest;
}
