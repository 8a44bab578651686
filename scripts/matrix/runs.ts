// The runs of a matrix: which there are, how a machine is started for one, and what its output says. No I/O here.

/** The policies that a boot argument chooses, the usual value first (guest-kernel/vm/vm_policy.c). */
const POLICIES: Readonly<Record<string, readonly [usual: string, other: string]>> = {
  "vm.heap": ["lazy", "eager"],
  "vm.fork": ["cow", "copy"],
  "vm.exec": ["demand", "load"],
  "vm.zeropage": ["on", "off"],
  "vm.superpages": ["on", "off"],
  "vm.commit": ["strict", "overcommit"],
};

/** The usual value of every policy. */
export const USUAL = "usual";
/** Every way to boot that differs from the usual one in at most one policy. */
export const DEFAULT_POLICIES: readonly string[] = [USUAL, ...Object.entries(POLICIES).map(([name, [, other]]) => `${name}=${other}`)];

/** A machine to run on. */
export const HOSTS = ["emulator", "qemu"] as const;
export type Host = (typeof HOSTS)[number];

/** A suite of tests, which is a program of the guest. */
export const SUITES = ["vmtests", "usertests"] as const;
export type Suite = (typeof SUITES)[number];

/** One boot. */
export interface Run {
  readonly suite: Suite;
  readonly host: Host;
  readonly harts: number;
  /** MiB of memory. */
  readonly memory: number;
  /** USUAL, or boot arguments with + between them. */
  readonly policy: string;
}

/** What a matrix is made of: every combination is a run. */
export interface Axes {
  readonly suites: readonly Suite[];
  readonly hosts: readonly Host[];
  readonly harts: readonly number[];
  readonly memory: readonly number[];
  readonly policies: readonly string[];
}

/** Is this USUAL, or policies that exist with values that exist, and + between them? */
export function isPolicy(text: string): boolean {
  const known = (word: string): boolean => {
    const [name, value, ...rest] = word.split("=");
    return rest.length === 0 && value !== undefined && Object.hasOwn(POLICIES, name!) && POLICIES[name!]!.includes(value);
  };
  return text === USUAL || text.split("+").every(known);
}

/** All combinations, those of one suite and one machine together. */
export function runsOf({ suites, hosts, harts, memory, policies }: Axes): Run[] {
  return suites.flatMap((suite) => hosts.flatMap((host) => policies.flatMap((policy) => harts.flatMap((h) => memory.map((m) => ({ suite, host, policy, harts: h, memory: m }))))));
}

/** A run in a few words that can be part of a file's name. */
export const nameOf = (r: Run): string => `${r.suite}-${r.host}-${r.harts}-harts-${r.memory}-MiB-${r.policy}`;

/** The boot arguments that choose a run's policies. */
export const bootArguments = (r: Run): string => (r.policy === USUAL ? "" : r.policy.replaceAll("+", " "));

/** The arguments of qemu-system-riscv64 and of our command, in this order of need: the kernel, a disk of the run's own, the guest's command. */
export function argumentsOf(r: Run, kernel: string, disk: string, command: string): string[] {
  const policy = bootArguments(r);
  if (r.host === "emulator") {
    const append = policy === "" ? [] : ["--append", policy];
    return ["--kernel", kernel, "--disk", disk, "--smp", String(r.harts), "--memory", `${r.memory}M`, ...append, "run", command];
  }
  return [
    "-machine", "virt", "-bios", "none", "-kernel", kernel, "-m", `${r.memory}M`, "-smp", String(r.harts), "-nographic",
    "-global", "virtio-mmio.force-legacy=false", "-drive", `file=${disk},if=none,format=raw,id=x0`,
    "-device", "virtio-blk-device,drive=x0,bus=virtio-mmio-bus.0", "-append", `${policy} run="${command}"`.trim(),
  ];
}

/** What came of a run. */
export interface Verdict {
  readonly passed: boolean;
  /** Tests announced and tests that passed. */
  readonly planned: number;
  readonly good: number;
  /** Why it failed, in a few words: the failed tests, a panic, a status; empty when it passed. */
  readonly why: string;
}

/** Judge a run by everything that it printed (TAP) and its exit status; null: it was stopped because its time was up. */
export function judge(text: string, status: number | null): Verdict {
  const lines = text.split(/\r?\n/);
  const planned = Number(lines.find((l) => /^1\.\.\d+$/.test(l))?.slice(3) ?? 0);
  const good = lines.filter((l) => /^ok \d+ - /.test(l)).length;
  const bad = lines.filter((l) => l.startsWith("not ok")).map((l) => l.replace(/^not ok \d+ - /, ""));
  const panic = lines.find((l) => /panic/i.test(l));
  const reasons = [...bad, ...(panic === undefined ? [] : [panic])];
  if (status !== 0) reasons.push(status === null ? "its time was up" : `exit status ${status}`);
  if (good + bad.length !== planned || planned === 0) reasons.push(`${good + bad.length} of ${planned} tests told of an end`);
  return { passed: reasons.length === 0, planned, good, why: reasons.join("; ") };
}
