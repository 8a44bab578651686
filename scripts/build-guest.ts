// npm run build:guest — compiles the kernel and the user programs into guest-kernel/prebuilt and guest-user/prebuilt.
// `--check` compares a fresh build with the committed one instead. Needs nothing but Node and a RISC-V compiler.
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildKernel, type BuildOptions, buildPrograms } from "./guest-build/build.ts";
import { buildInDocker, dockerThere, IMAGE } from "./guest-build/docker.ts";
import { BuildError } from "./guest-build/jobs.ts";
import { differences, layOut, type Outputs, writeOutputs } from "./guest-build/prebuilt.ts";
import { findSources } from "./guest-build/sources.ts";
import { CANDIDATES, findToolchain, PINNED, SetupError, type Toolchain, toolchainOf } from "./guest-build/toolchain.ts";

const HELP = `Usage: npm run build:guest -- [options] [kernel] [user]

Compiles guest-kernel/ and guest-user/ (or only the named one) into their prebuilt/ folders,
and what a debugger needs of the programs into guest-user/debug/.

  --cc COMMAND   compiler to use: a RISC-V gcc, clang, or "docker"
                 (else the first of ${CANDIDATES.join(", ")}, Docker)
  --check        write nothing; compare a fresh build with the committed files and name those that differ;
                 with another compiler than the pinned one it only builds
  --out FOLDER   write to FOLDER/guest-kernel/prebuilt, FOLDER/guest-user/prebuilt and FOLDER/guest-user/debug
  --root FOLDER  the checkout to build (this one)
  --keep FOLDER  keep object files there
  --jobs N       compilers at a time (${availableParallelism()})
  --help         this text

Exit status: 0 built (or equal), 1 the sources do not build (or differ), 2 wrong usage or no compiler.`;

const say = (line: string): void => {
  console.log(`build-guest: ${line}`);
};
const show = (text: string): void => {
  process.stderr.write(text);
};

interface Options {
  readonly cc: string | undefined;
  readonly check: boolean;
  readonly out: string;
  readonly root: string;
  readonly keep: string | undefined;
  readonly jobs: number;
  readonly kernel: boolean;
  readonly user: boolean;
}

function parse(args: string[]): Options | "help" {
  const string = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const options = { cc: string, check: flag, out: string, root: string, keep: string, jobs: string, help: { ...flag, short: "h" } } as const;
  let parsed;
  try {
    parsed = parseArgs({ args, allowPositionals: true, options });
  } catch (error) {
    throw new SetupError(`${(error as Error).message.split(". To specify")[0]!} (--help lists what there is)`);
  }
  const { values, positionals } = parsed;
  if (values.help === true) return "help";
  const unknown = positionals.find((part) => part !== "kernel" && part !== "user");
  if (unknown !== undefined) throw new SetupError(`there is no part called ${unknown}: kernel and user are the parts`);
  const jobs = values.jobs === undefined ? availableParallelism() : Number(values.jobs);
  if (!Number.isInteger(jobs) || jobs < 1) throw new SetupError(`--jobs ${values.jobs!}: a whole number from 1 is needed`);
  const root = realpathSync(resolve(values.root ?? dirname(dirname(fileURLToPath(import.meta.url)))));
  return {
    cc: values.cc,
    check: values.check ?? false,
    out: resolve(values.out ?? root),
    root,
    keep: values.keep === undefined ? undefined : resolve(values.keep),
    jobs,
    kernel: positionals.length === 0 || positionals.includes("kernel"),
    user: positionals.length === 0 || positionals.includes("user"),
  };
}

/** The compiler to use, or "docker". Throws SetupError when there is none. */
function chooseToolchain(cc: string | undefined): Toolchain | "docker" {
  if (cc !== undefined && cc !== "docker") {
    const named = toolchainOf(cc);
    if (named === null) throw new SetupError(`--cc ${cc}: there is no such command`);
    return named;
  }
  const found = cc === "docker" ? null : findToolchain(say);
  if (found !== null) return found;
  if (dockerThere()) return "docker";
  const wanted = cc === "docker" ? "no Docker engine answers" : `found none of ${CANDIDATES.join(", ")}, and no Docker engine`;
  throw new SetupError(`${wanted} (Debian: apt install gcc-riscv64-unknown-elf). The committed binaries run without a build.`);
}

async function buildAll(o: Options, toolchain: Toolchain): Promise<Outputs> {
  const guest = findSources(o.root);
  if (o.kernel && guest.kernel.length === 0) throw new SetupError(`${o.root} has no kernel sources under guest-kernel/`);
  if (o.user && guest.programs.length === 0) throw new SetupError(`${o.root} has no programs under guest-user/bin`);
  const work = o.keep ?? mkdtempSync(join(realpathSync(tmpdir()), "pagewalk-build-"));
  const build: BuildOptions = { toolchain, root: o.root, work, parallel: o.jobs, show };
  try {
    const kernel = o.kernel ? await buildKernel(build, guest) : null;
    const programs = o.user ? await buildPrograms(build, guest) : null;
    return layOut(toolchain.version, kernel, programs);
  } finally {
    if (o.keep === undefined) rmSync(work, { recursive: true, force: true });
  }
}

/** Says how a fresh build compares with the committed files; true when nothing is wrong. */
function check(o: Options, toolchain: Toolchain, outputs: Outputs): boolean {
  if (toolchain.version !== PINNED) {
    say(`built ${outputs.size - 1} files; comparison skipped: ${toolchain.version} is not the pinned toolchain ${PINNED}`);
    return true;
  }
  const lines = differences(o.out, outputs);
  for (const line of lines) say(line);
  say(lines.length === 0 ? `all ${outputs.size} committed files are what the sources give` : "commit what `npm run build:guest` writes");
  return lines.length === 0;
}

async function main(args: string[]): Promise<number> {
  const o = parse(args);
  if (o === "help") {
    console.log(HELP);
    return 0;
  }
  const started = performance.now();
  const toolchain = chooseToolchain(o.cc);
  if (toolchain === "docker") {
    say(`no compiler here: using the Docker image ${IMAGE}`);
    const parts = [...(o.kernel ? ["kernel"] : []), ...(o.user ? ["user"] : [])];
    if (o.out !== o.root || o.keep !== undefined) throw new SetupError("--out and --keep do not work with the Docker image");
    buildInDocker(o.root, [...(o.check ? ["--check"] : []), "--jobs", String(o.jobs), ...parts], say);
    return 0;
  }
  say(`using ${toolchain.name}: ${toolchain.version}`);
  const outputs = await buildAll(o, toolchain);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (o.check) return check(o, toolchain, outputs) ? 0 : 1;
  const changed = writeOutputs(o.out, outputs);
  say(`${outputs.size} files in ${seconds} s, ${changed.length === 0 ? "none changed" : `changed: ${changed.join(" ")}`}`);
  if (toolchain.version !== PINNED) say(`do not commit them: only the pinned toolchain's output is committed (${PINNED})`);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError) && !(error instanceof BuildError)) throw error;
  console.error(`build-guest: ${error.message}`);
  process.exitCode = error instanceof SetupError ? 2 : 1;
}
