// Shared objects: the dynamic linker /lib/ld.so, the C library /lib/libc.so, the libraries of guest-user/shared, and the
// programs that guest-user/dynamic.txt wants linked against them.
import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { type BuildOptions, compileJob, libraryArguments, objectsOf, PIC, strippedLink, USER_INCLUDES } from "./build.ts";
import type { DebugLink } from "./debug-files.ts";
import { type Job, runJobs } from "./jobs.ts";
import type { Guest } from "./sources.ts";
import { SetupError } from "./toolchain.ts";

/** As a static link, without -static; symbols are found by the GNU hash table. */
const LINK = [
  ...["-nostdlib", "--no-relax", "--build-id=none", "-z", "max-page-size=4096", "-z", "noexecstack", "-z", "norelro", "--hash-style=gnu"],
  "--no-undefined-version",
];

/** Only what ld.so offers on purpose is seen from outside: its own copies of memcpy and the like must not serve others. */
const LDSO_EXPORTS = "guest-user/ldso/exports.map";

const isStart = (source: string): boolean => basename(source) === "crt0.S";

/** The steps that compile everything position-independently that goes into a shared object. */
export function sharedCompiles(o: BuildOptions, guest: Guest): Job[] {
  if (guest.ldso.length === 0) return [];
  const sources = [...guest.libc.filter((source) => !isStart(source)), ...guest.libraries.flatMap((l) => l.sources)];
  return [
    ...sources.map((source) => compileJob(o, source, USER_INCLUDES, ["-fPIC"])),
    ...guest.ldso.map((source) => compileJob(o, source, [...USER_INCLUDES, "-Iguest-user/ldso"], ["-fPIC", "-fvisibility=hidden"])),
  ];
}

/** Links the shared objects, then the programs against them; returns how each was linked. */
export async function linkShared(o: BuildOptions, guest: Guest): Promise<DebugLink[]> {
  const links: DebugLink[] = [];
  if (guest.ldso.length === 0) return links;
  const ld = o.toolchain.sharedLd;
  if (ld === null) {
    throw new SetupError(`${o.toolchain.name} has no linker for shared objects (Debian: apt install binutils-riscv64-linux-gnu, or lld)`);
  }
  const folder = join(o.work, "shared");
  mkdirSync(join(folder, "lib"), { recursive: true });
  const path = (name: string): string => join(folder, name);
  /** A step that makes the file `name`, to be called so on the disk. */
  const link = (name: string, ...args: string[]): Job => {
    const made = { name, output: path(name), argv: [ld, ...LINK, ...args] };
    links.push(made);
    return strippedLink(made);
  };
  const shared = (name: string, ...args: string[]): Job =>
    link(`lib/${name}`, "-shared", "-soname", name, "-T", "guest-user/shared.ld", ...args);
  const pic: Guest = { ...guest, libc: guest.libc.filter((source) => !isStart(source)) };
  const libc = await libraryArguments(o, pic, PIC);
  const run = (jobs: Job[]): Promise<void> => runJobs(jobs, o.root, o.parallel, o.show);
  await run([
    shared("libc.so", "-z", "defs", ...objectsOf(o, pic.libc, PIC)),
    shared("ld.so", "-z", "defs", "-Bsymbolic", "-e", "_start", "--version-script", LDSO_EXPORTS, ...objectsOf(o, guest.ldso, PIC), ...libc),
  ]);
  const system = ["--as-needed", path("lib/libc.so"), path("lib/ld.so")];
  await run(guest.libraries.map((l) => shared(`${l.name}.so`, ...objectsOf(o, l.sources, PIC), ...system)));
  await run(
    guest.dynamic.map(({ program, libraries, output }) =>
      link(
        output,
        ...["-T", "guest-user/dynamic.ld", "-dynamic-linker", "/lib/ld.so", "--allow-shlib-undefined"],
        ...objectsOf(o, [...guest.libc.filter(isStart), ...program.sources]),
        ...libraries.map((l) => path(`lib/${l.name}.so`)),
        ...system,
      ),
    ),
  );
  return links;
}
