// Debug files: what the debugger needs of a user program, and the disk does not. A program is linked a second time with
// its debug information, in the same order and so at the same addresses, and objcopy drops what runs.
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { BuildOptions } from "./build.ts";
import { runJobs } from "./jobs.ts";

/** How a program was linked. */
export interface DebugLink {
  /** Its name on the disk: "cat", "lib/libc.so". */
  readonly name: string;
  /** The file that the linker made. */
  readonly output: string;
  /** The linker's command line without an output. */
  readonly argv: readonly string[];
}

/** The debug files of these programs, by the programs' names; none when the toolchain has no objcopy. */
export async function linkDebugFiles(o: BuildOptions, links: readonly DebugLink[]): Promise<Map<string, Uint8Array>> {
  const { objcopy } = o.toolchain;
  if (objcopy === null) return new Map();
  const whole = (name: string): string => join(o.work, "debug", name);
  const reduced = (name: string): string => `${whole(name)}.debug`;
  for (const { name } of links) mkdirSync(dirname(whole(name)), { recursive: true });
  // The linkers compress; LLVM 14's objcopy does it differently each time.
  const link = links.map(({ name, argv }) => ({
    subject: `linking ${name} for its debug file`,
    argv: [...argv, "--compress-debug-sections=zlib", "-o", whole(name)],
  }));
  await runJobs(link, o.root, o.parallel, o.show);
  const reduce = links.map(({ name }) => ({ subject: `the debug file of ${name}`, argv: [objcopy, "--only-keep-debug", whole(name), reduced(name)] }));
  await runJobs(reduce, o.root, o.parallel, o.show);
  return new Map(links.map(({ name }) => [name, readFileSync(reduced(name))]));
}
