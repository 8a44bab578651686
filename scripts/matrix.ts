// npm run matrix: the guest's own tests under every policy, on 1 and 4 harts, with much memory and little, on our machine
// and on QEMU. A line for each run as it ends; exit status 0 when all have passed, 1 when not, 2 for a wrong option.
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { spawn, spawnSync } from "node:child_process";
import { constants, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { defaultImage } from "./default-disk.ts";
import { kernelImage } from "./guest-files.ts";
import { argumentsOf, DEFAULT_POLICIES, HOSTS, isPolicy, judge, nameOf, type Run, runsOf, SUITES, USUAL, type Verdict } from "./matrix/runs.ts";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const QEMU = "qemu-system-riscv64";

interface Options {
  readonly policies: string[];
  readonly harts: number[];
  readonly memory: number[];
  readonly on: (typeof HOSTS)[number][];
  readonly tests: (typeof SUITES)[number][];
  readonly jobs: number;
  readonly quick?: boolean;
  readonly limit: number;
  readonly logs: string;
}

/** A reader of a comma list whose parts are what `part` makes of them. */
function list<T>(part: (word: string) => T): (text: string) => T[] {
  return (text) => text.split(",").map(part);
}

const oneOf = <T extends string>(words: readonly T[]) => (word: string): T => {
  const found = words.find((w) => w === word);
  if (found === undefined) throw new InvalidArgumentError(`${word}: it must be ${words.join(" or ")}.`);
  return found;
};

function positive(word: string): number {
  const n = Number(word);
  if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError(`${word}: it must be a whole number above 0.`);
  return n;
}

function policy(word: string): string {
  if (!isPolicy(word)) throw new InvalidArgumentError(`${word}: it must be ${USUAL}, or policies such as vm.heap=eager, with + between them.`);
  return word;
}

function parse(): Options {
  return new Command("matrix")
    .exitOverride()
    .description("Run the guest's tests in every combination of what is listed.")
    .option("--policies <list>", `${USUAL}, or boot arguments; + between those of one run`, list(policy), [...DEFAULT_POLICIES])
    .option("--harts <list>", "numbers of harts", list(positive), [1, 4])
    .option("--memory <list>", "MiB of memory", list(positive), [128, 16])
    .option("--on <list>", HOSTS.join(", "), list(oneOf(HOSTS)), [...HOSTS])
    .option("--tests <list>", SUITES.join(", "), list(oneOf(SUITES)), [...SUITES])
    .option("--quick", "leave the slow tests out")
    .option("--jobs <n>", "runs at a time", positive, 2)
    .option("--limit <minutes>", "stop a run after so long: it has failed", positive, 30)
    .option("--logs <folder>", "where the output of failed runs is kept", join(tmpdir(), "pagewalk-matrix"))
    .parse()
    .opts<Options>();
}

/** The files that every run starts from, as they are now: a build in between changes nothing. */
interface Guest {
  readonly folder: string;
  readonly kernel: string;
  readonly image: string;
}

function freeze(): Guest {
  const folder = mkdtempSync(join(tmpdir(), "pagewalk-matrix-run-"));
  const guest = { folder, kernel: join(folder, "kernel.elf"), image: join(folder, "disk.img") };
  writeFileSync(guest.kernel, kernelImage());
  writeFileSync(guest.image, defaultImage());
  return guest;
}

/** Start a machine and wait for its end. Everything printed, and its exit status; null when it was stopped after `limit` ms. */
function execute(command: string, args: readonly string[], limit: number): Promise<{ text: string; status: number | null }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    const parts: Buffer[] = [];
    const timer = setTimeout(() => child.kill("SIGKILL"), limit);
    child.stdout.on("data", (bytes: Buffer) => parts.push(bytes));
    child.stderr.on("data", (bytes: Buffer) => parts.push(bytes));
    child.on("error", reject);
    child.on("close", (status) => {
      clearTimeout(timer);
      resolve({ text: Buffer.concat(parts).toString("latin1"), status });
    });
  });
}

interface Result extends Verdict {
  readonly seconds: number;
  /** Where its output was kept; undefined when it passed. */
  readonly log: string | undefined;
}

async function carryOut(run: Run, guest: Guest, o: Options): Promise<Result> {
  const disk = join(guest.folder, `${nameOf(run)}.img`);
  copyFileSync(guest.image, disk, constants.COPYFILE_FICLONE);
  try {
    const args = argumentsOf(run, guest.kernel, disk, o.quick === true ? `${run.suite} -q` : run.suite);
    const [command, all] = run.host === "qemu" ? [QEMU, args] : [process.execPath, ["--import", "tsx", "emulator/cli/main.ts", ...args]];
    const begun = performance.now();
    const { text, status } = await execute(command, all, o.limit * 60_000);
    const verdict = judge(text, status);
    return { ...verdict, seconds: (performance.now() - begun) / 1000, log: verdict.passed ? undefined : keep(o.logs, run, text) };
  } finally {
    rmSync(disk, { force: true });
  }
}

/** Keep the output of a failed run; the file's name. */
function keep(folder: string, run: Run, text: string): string {
  mkdirSync(folder, { recursive: true });
  const log = resolve(folder, `${nameOf(run)}.log`);
  writeFileSync(log, text, "latin1");
  return log;
}

const row = (result: string, suite: string, on: string, harts: string, memory: string, policies: string, count: string, time: string): string =>
  `${result.padEnd(7)}${suite.padEnd(10)}${on.padEnd(9)}${harts.padStart(5)}${memory.padStart(9)}  ${policies.padEnd(22)}${count.padStart(11)}${time.padStart(9)}`;

function printResult(run: Run, r: Result): void {
  console.log(row(r.passed ? "ok" : "FAILED", run.suite, run.host, String(run.harts), `${run.memory} MiB`, run.policy, `${r.good} of ${r.planned}`, `${r.seconds.toFixed(0)} s`));
  if (r.log !== undefined) console.log(`       ${r.why}\n       ${r.log}`);
}

/** Run them all, `jobs` at a time, and say so of each when it ends. How many failed. */
async function runAll(runs: readonly Run[], guest: Guest, o: Options): Promise<number> {
  const waiting = [...runs];
  let failed = 0;
  const worker = async (): Promise<void> => {
    for (let run = waiting.shift(); run !== undefined; run = waiting.shift()) {
      const result = await carryOut(run, guest, o);
      if (!result.passed) failed++;
      printResult(run, result);
    }
  };
  await Promise.all(Array.from({ length: o.jobs }, worker));
  return failed;
}

async function main(): Promise<number> {
  const o = parse();
  if (o.on.includes("qemu") && spawnSync(QEMU, ["--version"]).status !== 0) {
    console.error(`matrix: ${QEMU} is not installed (--on emulator leaves it out)`);
    return 2;
  }
  const runs = runsOf({ suites: o.tests, hosts: o.on, harts: o.harts, memory: o.memory, policies: o.policies });
  const guest = freeze();
  try {
    console.log(row("", "tests", "on", "harts", "memory", "policies", "passed", "time"));
    const failed = await runAll(runs, guest, o);
    console.log(failed === 0 ? `all ${runs.length} runs passed` : `${failed} of ${runs.length} runs failed; their output is in ${o.logs}`);
    return failed === 0 ? 0 : 1;
  } finally {
    rmSync(guest.folder, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await main();
} catch (e) {
  if (!(e instanceof CommanderError)) throw e;
  process.exitCode = e.exitCode === 0 ? 0 : 2; // it has said what is wrong
}
