// The build itself: compile everything, link the kernel (twice, for its symbol table) and every program.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type DebugLink, linkDebugFiles } from "./debug-files.ts";
import { functionsOf } from "./elf-symbols.ts";
import { BuildError, type Job, runJobs } from "./jobs.ts";
import { firstMoved, ksymsAssembly } from "./ksyms.ts";
import { linkShared, sharedCompiles } from "./shared.ts";
import { type DynamicProgram, type Guest, objectOf, type Program } from "./sources.ts";
import type { Toolchain } from "./toolchain.ts";

/** What one build needs to know. */
export interface BuildOptions {
  readonly toolchain: Toolchain;
  /** The checkout: compilers run there and see relative paths only, so the output does not depend on where it lies. */
  readonly root: string;
  /** A folder for objects. */
  readonly work: string;
  readonly parallel: number;
  /** Hears the tools' own words. */
  readonly show: (text: string) => void;
}

const COMMON = [
  ...["-O2", "-g", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-fno-common", "-fno-omit-frame-pointer"],
  ...["-fno-stack-protector", "-fno-pie"],
];
export const KERNEL_INCLUDES = ["-Iguest-kernel/include", "-Iguest-kernel"];
export const USER_INCLUDES = ["-Iguest-user/include", "-Iguest-kernel/include/abi"];
/** Programs named xv6… are xv6 sources as they stand: kernel/types.h and user/user.h come from here. */
const COMPAT_INCLUDES = ["-Iguest-user/include/compat"];

export const LINK = ["-static", "-nostdlib", "--no-relax", "--build-id=none", "-z", "max-page-size=4096", "-z", "noexecstack"];

/** Position-independent objects lie here, below the work folder, beside the others of the same name. */
export const PIC = "pic";

/** The step that compiles `source`; with `more` = -fPIC and the like, into the folder PIC. */
export function compileJob(o: BuildOptions, source: string, includes: readonly string[], more: readonly string[] = []): Job {
  const object = join(o.work, more.length > 0 ? PIC : "", objectOf(source));
  mkdirSync(dirname(object), { recursive: true });
  const flags = [...COMMON, `-ffile-prefix-map=${o.root}=.`, ...more, ...includes];
  if (source.endsWith(".S")) {
    // The map does not reach the assembler, which records its working folder: GCC 12 does not pass it on, clang 14 ignores it there.
    if (o.toolchain.family === "clang") flags.push("-fdebug-compilation-dir=.");
    else flags.push("-Xassembler", "--debug-prefix-map", "-Xassembler", `${o.root}=.`);
  }
  return { subject: source, argv: [...o.toolchain.compile, ...flags, "-c", source, "-o", object] };
}

export const objectsOf = (o: BuildOptions, sources: readonly string[], folder = ""): string[] =>
  sources.map((source) => join(o.work, folder, objectOf(source)));

/** Links the kernel with the table of `symbols` (assembly text); returns the ELF's bytes. */
async function linkKernel(o: BuildOptions, guest: Guest, table: string, pass: number): Promise<Uint8Array> {
  const assembly = join(o.work, `symbols${pass}.S`);
  const object = join(o.work, `symbols${pass}.o`);
  const elf = join(o.work, `kernel${pass}.elf`);
  writeFileSync(assembly, table);
  const run = (subject: string, argv: string[]): Promise<void> => runJobs([{ subject, argv }], o.root, 1, o.show);
  await run("the symbol table", [...o.toolchain.compile, "-c", assembly, "-o", object]);
  await run("linking kernel.elf", [o.toolchain.ld, ...LINK, "-T", "guest-kernel/kernel.ld", "-o", elf, ...objectsOf(o, guest.kernel), object]);
  return readFileSync(elf);
}

/** Builds the kernel and returns kernel.elf. Throws BuildError after the tools' words were shown. */
export async function buildKernel(o: BuildOptions, guest: Guest): Promise<Uint8Array> {
  await runJobs(guest.kernel.map((source) => compileJob(o, source, KERNEL_INCLUDES)), o.root, o.parallel, o.show);
  return await linkWithSymbols(o, guest);
}

/** Links the kernel's objects, which have been compiled, with a table of its own functions. Throws BuildError. */
export async function linkWithSymbols(o: BuildOptions, guest: Guest): Promise<Uint8Array> {
  const before = functionsOf(await linkKernel(o, guest, ksymsAssembly([]), 1));
  const elf = await linkKernel(o, guest, ksymsAssembly(before), 2);
  const moved = firstMoved(before, functionsOf(elf));
  if (moved !== null) {
    throw new BuildError(`filling in the kernel's symbol table moved ${moved}: kernel.ld must place .ksyms and .ksymstr after all code`);
  }
  return elf;
}

function programIncludes(program: Program): string[] {
  return program.name.startsWith("xv6") ? [...COMPAT_INCLUDES, ...USER_INCLUDES] : USER_INCLUDES;
}

/** GNU ld warns of a segment that may be written and executed. A program that wants just that (link.txt) needs no warning,
 *  and a linker that knows no such option gives none. */
function noRwxWarning(ld: string): string[] {
  const option = "--no-warn-rwx-segments";
  return spawnSync(ld, [option, "--version"]).status === 0 ? [option] : [];
}

/** The line that links a program in its own way. */
const ownLink = (o: BuildOptions, program: Program, options: readonly string[]): string[] =>
  [o.toolchain.ld, ...LINK, ...noRwxWarning(o.toolchain.ld), ...options, ...objectsOf(o, program.sources)];

/** What stands for the C library on a link line: an archive, or loose objects between lld's marks. */
export async function libraryArguments(o: BuildOptions, guest: Guest, folder = ""): Promise<string[]> {
  const objects = objectsOf(o, guest.libc, folder);
  if (o.toolchain.ar === null) return ["--start-lib", ...objects, "--end-lib"];
  const archive = join(o.work, folder, "libc.a");
  await runJobs([{ subject: "libc.a", argv: [o.toolchain.ar, "rcsD", archive, ...objects] }], o.root, 1, o.show);
  return [archive];
}

/** What buildPrograms makes. Both are by the program's name on the disk, "cat" or "lib/libc.so". */
export interface BuiltPrograms {
  /** The files that go to the disk, without debug information. */
  readonly programs: Map<string, Uint8Array>;
  /** The debug information that was left out of each; empty when the toolchain cannot make such files. */
  readonly debug: Map<string, Uint8Array>;
}

/** Builds the C library and every program. */
export async function buildPrograms(o: BuildOptions, guest: Guest): Promise<BuiltPrograms> {
  // Programs that are made of the same sources (link.txt) share their objects.
  const distinct = guest.programs.filter((p, i) => guest.programs.findIndex((q) => q.sources === p.sources) === i);
  const compiles = [
    ...[...guest.libc, ...guest.libraries.flatMap((l) => l.sources)].map((source) => compileJob(o, source, USER_INCLUDES)),
    ...distinct.flatMap((program) => program.sources.map((source) => compileJob(o, source, programIncludes(program)))),
    ...sharedCompiles(o, guest),
  ];
  await runJobs(compiles, o.root, o.parallel, o.show);
  const library = await libraryArguments(o, guest);
  mkdirSync(join(o.work, "programs"), { recursive: true });
  const outputOf = (program: Program): string => join(o.work, "programs", program.name);
  const dynamicOf = (program: Program): DynamicProgram | undefined => guest.dynamic.find((d) => d.program === program);
  const programs = guest.programs.filter((program) => dynamicOf(program)?.only !== true);
  const links = programs.map((program): DebugLink => ({
    name: program.name,
    output: outputOf(program),
    argv: program.link !== undefined ? ownLink(o, program, program.link) : [
      ...[o.toolchain.ld, ...LINK, "-T", "guest-user/user.ld"],
      // What a program takes from shared objects when it is linked dynamically is linked in here.
      ...objectsOf(o, [...program.sources, ...(dynamicOf(program)?.libraries ?? []).flatMap((l) => l.sources)]),
      ...library,
    ],
  }));
  await runJobs(links.map(strippedLink), o.root, o.parallel, o.show);
  const shared = await linkShared(o, guest);
  const files = new Map([...links, ...shared].map(({ name, output }) => [name, readFileSync(output)] as const));
  return { programs: files, debug: await linkDebugFiles(o, [...links, ...shared]) };
}

/** The step that links a program as it goes to the disk. */
export const strippedLink = ({ name, output, argv }: DebugLink): Job => ({
  subject: `linking ${name}`,
  argv: [...argv, "--strip-debug", "-o", output],
});
