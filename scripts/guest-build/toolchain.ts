// Finding a RISC-V compiler, and how to call it: riscv64-unknown-elf-gcc, riscv64-linux-gnu-gcc, clang with ld.lld.
import { spawnSync } from "node:child_process";
import { basename } from "node:path";

/** The toolchain whose output is committed under guest-*\/prebuilt; the Dockerfile installs these very packages. */
export const PINNED =
  "riscv64-unknown-elf-gcc (12.2.0-14+deb12u1+11+b2) 12.2.0; GNU ld (2.40-2+4+b1) 2.40; GNU ld (GNU Binutils for Debian) 2.40";

/** Compilers in the order in which they are looked for; the Docker image comes after them. */
export const CANDIDATES = ["riscv64-unknown-elf-gcc", "riscv64-linux-gnu-gcc", "clang"] as const;

/** A compiler and linker that work together, as command lines without arguments. */
export interface Toolchain {
  /** What the person calls it: the compiler's command. */
  readonly name: string;
  /** Versions of compiler and linker on one line, comparable with PINNED. */
  readonly version: string;
  readonly family: "gcc" | "clang";
  /** The compiler with its target and machine flags. */
  readonly compile: readonly string[];
  readonly ld: string;
  /**
   * The linker for shared objects and for programs that use them: a bare-metal GNU ld refuses -shared, and another one's has to help.
   * Null when there is none.
   */
  readonly sharedLd: string | null;
  /** The archiver; null where the linker takes loose objects as a library (lld's --start-lib). */
  readonly ar: string | null;
  /** Makes debug files; null when there is none, and then there are no debug files. */
  readonly objcopy: string | null;
}

/** Something that the person must put right before a build can start (as opposed to an error in the sources). */
export class SetupError extends Error {}

/** First line of `command --version`, or null when there is no such command. */
function versionOf(command: string): string | null {
  const result = spawnSync(command, ["--version"], { encoding: "utf8" });
  if (result.error !== undefined || result.status !== 0) return null;
  return result.stdout.split("\n")[0]!.trim();
}

/** The -march spellings to try: older compilers count Zicsr and Zifencei as part of I and refuse their names. */
const MARCHES = ["rv64imac_zicsr_zifencei", "rv64imac"];

/** The flags that select our machine, or the compiler's own words on why it cannot. */
function machineFlags(command: string, target: string[]): { flags: string[] } | { refusal: string } {
  let refusal = "";
  for (const march of MARCHES) {
    const flags = [...target, `-march=${march}`, "-mabi=lp64", "-mcmodel=medany", "-mno-relax"];
    const probe = spawnSync(command, [...flags, "-Werror", "-x", "c", "-fsyntax-only", "-"], {
      encoding: "utf8",
      input: "typedef int probe[sizeof(void *) == 8 && __riscv ? 1 : -1];\n",
    });
    if (probe.status === 0) return { flags };
    if (refusal === "") refusal = probe.stderr.trim();
  }
  return { refusal };
}

/** The compiler's own headers (stdarg.h and the like), so that no host or C library header is ever found. */
function compilerHeaders(command: string): string[] {
  const asked = spawnSync(command, ["-print-file-name=include"], { encoding: "utf8" });
  return ["-nostdinc", "-isystem", asked.stdout.trim()];
}

/** Where GCC keeps its linker or archiver. */
function gccProgram(command: string, program: string): string {
  return spawnSync(command, [`-print-prog-name=${program}`], { encoding: "utf8" }).stdout.trim();
}

/** Linkers that make RISC-V shared objects, for a GCC whose own does not. */
const SHARED_LINKERS = ["riscv64-linux-gnu-ld", "ld.lld"] as const;

/** The linker for shared objects: `ld` itself if it can, else the first of SHARED_LINKERS that is there, else null. */
function sharedLinker(ld: string): string | null {
  const refused = /-shared not supported/.test(spawnSync(ld, ["-shared"], { encoding: "utf8", env: { ...process.env, LC_ALL: "C" } }).stderr);
  return refused ? (SHARED_LINKERS.find((command) => versionOf(command) !== null) ?? null) : ld;
}

/**
 * The toolchain around one compiler command.
 * Returns null when there is no such command; throws SetupError when it is there but of no use.
 */
export function toolchainOf(command: string): Toolchain | null {
  const ccVersion = versionOf(command);
  if (ccVersion === null) return null;
  const family = /clang/.test(basename(command)) || /clang version/.test(ccVersion) ? "clang" : "gcc";
  const machine = machineFlags(command, family === "clang" ? ["--target=riscv64-unknown-elf"] : []);
  if ("refusal" in machine) throw new SetupError(`${command} cannot compile for RISC-V (rv64imac, lp64):\n${machine.refusal}`);
  const ld = family === "clang" ? "ld.lld" : gccProgram(command, "ld");
  const ldVersion = versionOf(ld);
  if (ldVersion === null) {
    throw new SetupError(`${command} is there but its linker ${ld} is not${family === "clang" ? " (Debian: apt install lld)" : ""}`);
  }
  const sharedLd = sharedLinker(ld);
  const versions = [ccVersion.replace(/^\S*\/(?=[^/\s]+ )/, ""), ldVersion];
  if (sharedLd !== null && sharedLd !== ld) versions.push(versionOf(sharedLd)!);
  return {
    name: command,
    version: versions.join("; "),
    family,
    compile: [command, ...machine.flags, ...compilerHeaders(command)],
    ld,
    sharedLd,
    ar: family === "clang" ? null : gccProgram(command, "ar"),
    objcopy: ["llvm-objcopy", gccProgram(command, "objcopy")].slice(family === "clang" ? 0 : 1).find((c) => versionOf(c) !== null) ?? null,
  };
}

/** The first compiler of CANDIDATES that is there and usable; null when none is. `say` hears why one was passed over. */
export function findToolchain(say: (line: string) => void): Toolchain | null {
  for (const command of CANDIDATES) {
    try {
      const found = toolchainOf(command);
      if (found !== null) return found;
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      say(`passing over ${error.message}`);
    }
  }
  return null;
}
