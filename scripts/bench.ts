// npm run bench: how fast this machine is, beside QEMU in the same run. Both are started as their user starts them,
// boot the same kernel and disk, and are timed from outside by the lines that the guest's `bench` program prints.
import { Command, InvalidArgumentError } from "commander";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { historyRows } from "./bench-history.ts";
import { defaultImage } from "./default-disk.ts";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const KERNEL = join(ROOT, "guest-kernel", "prebuilt", "kernel.elf");
const QEMU = "qemu-system-riscv64";
const TIME_LIMIT_MS = 300_000;

/** One line of the result. `ratio` is above 1 where ours is better; null where there is no QEMU. */
export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly ours: number;
  readonly qemu: number | null;
  readonly ratio: number | null;
}

/**
 * What is measured of a workload: instructions a second, rounds a second, or (path, pages) instructions or pages a round:
 * those do not depend on the host, and QEMU counts no instructions.
 */
interface Workload {
  readonly name: string;
  readonly title: string;
  readonly by: "instructions" | "rounds" | "path" | "pages";
  /** The guest's name for it, where two rows differ in the policy only. */
  readonly guest?: string;
  /** Boot arguments. */
  readonly append?: string;
}

const WORKLOADS: readonly Workload[] = [
  { name: "integer", title: "integer (CRC-64)", by: "instructions" },
  { name: "chase", title: "pointer chase, 16 MiB", by: "instructions" },
  { name: "copy", title: "memory copy", by: "instructions" },
  { name: "calls", title: "calls (recursion)", by: "instructions" },
  { name: "sort", title: "heap sort", by: "instructions" },
  { name: "syscall", title: "system calls", by: "rounds" },
  { name: "forkexec", title: "fork + exec + wait", by: "rounds" },
  { name: "fault", title: "page faults (zero fill)", by: "rounds" },
  { name: "fork1000", title: "fork + exit, 1000 pages", by: "rounds" },
  { name: "mapfile", title: "mmap 16 MiB and read it", by: "rounds" },
  { name: "readfile", title: "read() 16 MiB", by: "rounds" },
  { name: "zerofill", title: "path: zero-fill fault", by: "path" },
  { name: "cowcopy", title: "path: copy-on-write, copy", by: "path" },
  { name: "cowreuse", title: "path: copy-on-write, own", by: "path" },
  { name: "filefault", title: "path: cached file fault", by: "path" },
  { name: "swapin", title: "path: swap-in of one page", by: "path" },
  { name: "execdemand", title: "exec 4 MiB, on demand", by: "path", guest: "execlarge", append: "vm.exec=demand" },
  { name: "execload", title: "exec 4 MiB, loaded", by: "path", guest: "execlarge", append: "vm.exec=load" },
  { name: "readdemand", title: "exec 4 MiB, on demand", by: "pages", guest: "execpages", append: "vm.exec=demand" },
  { name: "readload", title: "exec 4 MiB, loaded", by: "pages", guest: "execpages", append: "vm.exec=load" },
];
const BOOT = "boot to prompt";

/** A way to start a machine with a kernel command line. */
type Starter = (append: string) => { command: string; args: string[] };

interface Timed {
  readonly seconds: number;
  readonly rounds: number;
  readonly instructions: number;
  readonly checksum: string;
}

/** Start a machine and call `line` with everything it has printed so far, until that returns a result. */
function watch<T>(start: { command: string; args: string[] }, look: (text: string, now: number) => T | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const child = spawn(start.command, start.args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    let errors = "";
    let result: T | undefined;
    const timer = setTimeout(() => child.kill("SIGKILL"), TIME_LIMIT_MS);
    child.stderr.on("data", (bytes: Buffer) => { errors += bytes.toString(); });
    child.stdout.on("data", (bytes: Buffer) => {
      text += bytes.toString("latin1");
      if (result !== undefined) return;
      result = look(text, performance.now());
      if (result !== undefined) child.kill("SIGKILL");
    });
    child.on("error", reject);
    child.on("close", () => {
      clearTimeout(timer);
      if (result !== undefined) resolve(result);
      else reject(new Error(`${start.command} ended before its result; it said:\n${text.slice(-2000)}${errors.slice(-2000)}`));
    });
  });
}

/** Time one workload on one machine. */
function time(start: Starter, w: Workload): Promise<Timed> {
  const name = w.guest ?? w.name;
  let begun: number | undefined;
  return watch(start(`${w.append ?? ""} run="bench ${name}"`.trim()), (text, now) => {
    if (begun === undefined && text.includes(`bench ${name} begin`)) begun = now;
    const end = new RegExp(`bench ${name} end (\\d+) (\\d+) ([0-9a-f]+)\\s`).exec(text);
    if (end === null || begun === undefined) return undefined;
    return { seconds: (now - begun) / 1000, rounds: Number(end[1]), instructions: Number(end[2]), checksum: end[3]! };
  });
}

/** Seconds from starting the process to the shell's prompt. */
async function timeBoot(start: Starter): Promise<number> {
  const begun = performance.now();
  return await watch(start(""), (text, now) => (/(^|\n)\$ /.test(text) ? (now - begun) / 1000 : undefined));
}

/** The best of `repeat` measurements: the one that the host disturbed least. */
async function best<T>(repeat: number, measure: () => Promise<T>, seconds: (t: T) => number): Promise<T> {
  let least = await measure();
  for (let i = 1; i < repeat; i++) {
    const next = await measure();
    if (seconds(next) < seconds(least)) least = next;
  }
  return least;
}

async function measureWorkload(w: Workload, ours: Starter, qemu: Starter | null, repeat: number): Promise<Row> {
  const a = await best(repeat, () => time(ours, w), (t) => t.seconds);
  if (w.by === "path" || w.by === "pages") {
    const unit = w.by === "pages" ? "pages read" : w.guest === undefined ? "instructions, trap to return" : "instructions";
    return { name: w.title, unit, ours: a.instructions / Number(`0x${a.checksum}`), qemu: null, ratio: null };
  }
  const b = qemu === null ? null : await best(repeat, () => time(qemu, w), (t) => t.seconds);
  if (b !== null && b.checksum !== a.checksum) throw new Error(`${w.name}: our checksum ${a.checksum} is not QEMU's ${b.checksum}`);
  // QEMU's own count of instructions is an estimate of time; ours is exact, and the work is the same.
  const rate = (t: Timed): number => (w.by === "instructions" ? a.instructions / 1e6 : t.rounds) / t.seconds;
  const unit = w.by === "instructions" ? "million instructions/s" : "per second";
  return { name: w.title, unit, ours: rate(a), qemu: b === null ? null : rate(b), ratio: b === null ? null : rate(a) / rate(b) };
}

async function measureBoot(ours: Starter, qemu: Starter | null, repeat: number): Promise<Row> {
  const a = await best(repeat, () => timeBoot(ours), (t) => t);
  const b = qemu === null ? null : await best(repeat, () => timeBoot(qemu), (t) => t);
  return { name: BOOT, unit: "seconds", ours: a, qemu: b, ratio: b === null ? null : b / a };
}

const figure = (n: number | null): string => (n === null ? "-" : n >= 100 ? n.toFixed(0) : n.toPrecision(3));

function printHeader(): void {
  console.log(`${"".padEnd(26)}${"ours".padStart(12)}${"QEMU".padStart(12)}${"ratio".padStart(8)}  unit`);
}

function printRow(r: Row): void {
  console.log(`${r.name.padEnd(26)}${figure(r.ours).padStart(12)}${figure(r.qemu).padStart(12)}${(r.ratio === null ? "-" : r.ratio.toFixed(2)).padStart(8)}  ${r.unit}`);
}

function positive(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError("it must be a whole number above 0.");
  return n;
}

async function main(): Promise<void> {
  const names = [...WORKLOADS.map((w) => w.name), "boot", "history"];
  const program = new Command("bench")
    .description("Measure this machine beside QEMU (when it is installed). Ratios above 1: ours is better.")
    .option("--json", 'print {"rows":[{"name","unit","ours","qemu","ratio"}]} instead of a table')
    .option("--only <names>", `a comma list of: ${names.join(", ")}`)
    .option("--repeat <n>", "take the best of n runs", positive, 1)
    .option("--no-qemu", "leave QEMU out")
    .parse();
  const options = program.opts<{ json?: boolean; only?: string; repeat: number; qemu: boolean }>();
  const chosen = options.only?.split(",") ?? names;
  const unknown = chosen.find((n) => !names.includes(n));
  if (unknown !== undefined) program.error(`bench: there is no workload ${unknown}; there are ${names.join(", ")}`, { exitCode: 2 });

  const folder = mkdtempSync(join(tmpdir(), "pagewalk-bench-"));
  try {
    const disk = join(folder, "disk.img");
    writeFileSync(disk, defaultImage());
    const ours: Starter = (append) => ({
      command: process.execPath,
      args: ["--import", "tsx", "emulator/cli/main.ts", "--kernel", KERNEL, "--disk", disk, ...(append === "" ? [] : ["--append", append])],
    });
    const withQemu: Starter = (append) => ({
      command: QEMU,
      args: ["-machine", "virt", "-bios", "none", "-kernel", KERNEL, "-m", "128M", "-smp", "1", "-nographic", "-global", "virtio-mmio.force-legacy=false",
        "-drive", `file=${disk},if=none,format=raw,id=x0`, "-device", "virtio-blk-device,drive=x0,bus=virtio-mmio-bus.0", ...(append === "" ? [] : ["-append", append])],
    });
    const present = options.qemu && spawnSync(QEMU, ["--version"]).status === 0;
    if (!present && options.json !== true) console.log("QEMU is not measured.");
    const qemu = present ? withQemu : null;
    const rows: Row[] = [];
    if (options.json !== true) printHeader();
    for (const name of chosen) {
      const w = WORKLOADS.find((x) => x.name === name);
      const made = name === "history" ? await historyRows(new Uint8Array(readFileSync(KERNEL)), new Uint8Array(readFileSync(disk)), options.repeat)
        : [w === undefined ? await measureBoot(ours, qemu, options.repeat) : await measureWorkload(w, ours, qemu, options.repeat)];
      rows.push(...made);
      if (options.json !== true) made.forEach(printRow);
    }
    if (options.json === true) console.log(JSON.stringify({ rows }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
