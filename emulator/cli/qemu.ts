// The command line of qemu-system-riscv64, as far as it can be honoured: what a Makefile like xv6's writes.
// An option that means something this machine does not do is an error that names it; none is passed over silently.
import { VIRTIO_SLOTS } from "../memory-map.ts";
import type { Request } from "./arguments.ts";
import { UsageError } from "./errors.ts";
import { checkWait, GDB_PORT, hartCount, memorySize, portNumber, type DiskSetting, type Settings } from "./settings.ts";

/** What is gathered while the options are read; disks are put into slots at the end. */
interface Draft {
  readonly settings: Settings;
  readonly drives: Map<string, DiskSetting>;
  readonly devices: { readonly drive: string; readonly slot: number | undefined; readonly word: string }[];
  biosGiven: boolean;
  snapshot: boolean;
}

interface Rule {
  /** Its value's name in the help text; undefined: it has none. */
  readonly value?: string;
  readonly help: string;
  readonly set: (d: Draft, value: string, option: string) => void;
}

const nothing = (): void => undefined;
const refuse = (option: string, value: string, why = ""): UsageError =>
  new UsageError(`qemu: ${`${option} ${value}`.trim()} can't be honoured${why === "" ? "" : `: ${why}`}`);

/** A rule for an option whose only values that can be honoured are those (all of them what happens anyway). */
const only = (values: readonly string[], help: string): Rule => ({
  value: values.join("|"), help,
  set: (_d, value, option) => {
    if (!values.includes(value)) throw refuse(option, value, `only ${values.join(" and ")} can`);
  },
});
const anyway = (help: string): Rule => ({ help, set: nothing });

/** The port of a -gdb device: tcp::N, with this computer's name or address between if it must be. */
function gdbPort(value: string, option: string): number {
  const [device, ...properties] = value.split(",");
  const [, host, port] = /^tcp:([^:]*):(\d+)$/.exec(device!) ?? [];
  if (port === undefined) throw refuse(option, value, "only tcp::PORT can");
  if (!["", "localhost", "127.0.0.1"].includes(host!)) throw refuse(option, value, "gdb is served to this computer only");
  const refused = properties.find((p) => !["server", "server=on", "nowait", "wait=off"].includes(p));
  if (refused !== undefined) throw refuse(option, value, refused);
  return portNumber(port, option);
}

const machine: Rule = {
  value: "virt", help: "the board; accel=tcg, aclint=off, aia=none, acpi=off may follow",
  set: (_d, value, option) => {
    const [type, ...properties] = value.split(",");
    if (type !== "virt" && type !== "type=virt") throw refuse(option, value, "virt is the only board");
    const refused = properties.find((p) => !["accel=tcg", "aclint=off", "aia=none", "acpi=off"].includes(p));
    if (refused !== undefined) throw refuse(option, value, refused);
  },
};

const RULES: Readonly<Record<string, Rule>> = {
  "-machine": machine,
  "-M": machine,
  "-cpu": {
    value: "rv64|max", help: "the processor; properties can't be honoured",
    set: (_d, value, option) => { if (!["rv64", "max", "any"].includes(value)) throw refuse(option, value, "only rv64 and max can"); },
  },
  "-accel": only(["tcg"], "what happens anyway"),
  "-smp": {
    value: "N", help: "number of harts; cpus=N too",
    set: (d, value, option) => { d.settings.harts = harts(value, option); },
  },
  "-m": {
    value: "SIZE", help: "RAM, such as 128M, 1G or 256 (MiB); size=SIZE too",
    set: (d, value, option) => { d.settings.memory = memorySize(value.replace(/^size=/, ""), option); },
  },
  "-bios": {
    value: "none|FILE", help: "firmware; OpenSBI is not built in",
    set: (d, value, option) => {
      if (value === "default") throw refuse(option, value, "no firmware is built in");
      d.settings.bios = value === "none" ? null : value;
      d.biosGiven = true;
    },
  },
  "-kernel": { value: "FILE", help: "the kernel", set: (d, value) => { d.settings.kernel = value; } },
  "-initrd": { value: "FILE", help: "initial RAM disk", set: (d, value) => { d.settings.initrd = value; } },
  "-append": { value: "TEXT", help: "the kernel's command line", set: (d, value) => { d.settings.append = [value]; } },
  "-drive": { value: "file=F,if=none,format=raw,id=ID[,readonly=on][,snapshot=on]", help: "a disk image", set: drive },
  "-device": { value: "virtio-blk-device,drive=ID[,bus=virtio-mmio-bus.N]", help: "its place", set: device },
  "-snapshot": { help: "keep what is written to disks in memory only", set: (d) => { d.snapshot = true; } },
  "-global": only(["virtio-mmio.force-legacy=false", "virtio-mmio.force-legacy=off"], "what happens anyway"),
  "-nographic": anyway("what happens anyway"),
  "-serial": only(["mon:stdio", "stdio"], "what happens anyway"),
  "-display": only(["none"], "what happens anyway"),
  "-vga": only(["none"], "what happens anyway"),
  "-monitor": only(["none"], "what happens anyway"),
  "-parallel": only(["none"], "what happens anyway"),
  "-net": only(["none"], "what happens anyway"),
  "-nic": only(["none"], "what happens anyway"),
  "-nodefaults": anyway("what happens anyway"),
  "-no-user-config": anyway("what happens anyway"),
  "-name": { value: "TEXT", help: "taken and not shown", set: nothing },
  "-no-reboot": { help: "end where the guest resets the machine", set: (d) => { d.settings.reboot = false; } },
  "-gdb": { value: "tcp::PORT", help: "serve gdb on a TCP port of this computer", set: (d, value, option) => { d.settings.gdb = gdbPort(value, option); } },
  "-s": { help: `the same as -gdb tcp::${GDB_PORT}`, set: (d) => { d.settings.gdb = GDB_PORT; } },
  "-S": { help: "nothing runs before gdb says so", set: (d) => { d.settings.wait = true; } },
};

/** Read the words after `qemu`, over settings from Pagewalk's own options before it. Throws UsageError. */
export function parseQemu(args: readonly string[], settings: Settings, version: string): Request {
  const d: Draft = { settings, drives: new Map(), devices: [], biosGiven: false, snapshot: false };
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (!word.startsWith("-")) throw new UsageError(`qemu: ${word} stands alone: a disk is given with -drive and -device`);
    const option = word.startsWith("--") ? word.slice(1) : word;
    // Makefiles ask for a version of QEMU before they start it, and grep the help for -gdb.
    if (option === "-version") return { print: `QEMU emulator version 7.2.0 (Pagewalk ${version} stands in for it)\n` };
    if (option === "-help" || option === "-h") return { print: qemuHelp() };
    const rule = Object.hasOwn(RULES, option) ? RULES[option] : undefined;
    if (rule === undefined) throw new UsageError(`qemu: ${word} can't be honoured (qemu -help lists what can)`);
    const value = rule.value === undefined ? "" : args[++i];
    if (value === undefined) throw new UsageError(`qemu: ${word} needs a value: ${word} ${rule.value}`);
    rule.set(d, value, word);
  }
  if (!d.biosGiven) throw new UsageError("qemu: no -bios: QEMU would start its own OpenSBI, which is not built in; say -bios none or -bios FILE");
  if (settings.kernel === undefined && settings.bios === null) throw new UsageError("qemu: no -kernel, and no firmware to start without one");
  checkWait(settings, "qemu: -S");
  settings.disks = slots(d);
  return { settings };
}

/** The value of -smp: a number first or as cpus=N; what else it says of sockets and cores cannot be seen by a guest. */
function harts(value: string, option: string): number {
  let count: string | undefined;
  for (const [i, part] of value.split(",").entries()) {
    const [key, n] = part.includes("=") ? part.split("=", 2) as [string, string] : ["cpus", part];
    if (key === "cpus" && (i === 0 || part.includes("="))) count = n;
    else if (key === "maxcpus" ? n !== count : !["sockets", "dies", "clusters", "cores", "threads"].includes(key)) throw refuse(option, value, part);
  }
  if (count === undefined) throw refuse(option, value, "it names no number of cpus");
  return hartCount(count, option);
}

/** A list of key=value as QEMU writes it: commas between, a comma in a value doubled. */
function keyValues(text: string): Map<string, string> {
  const parts = text.split(/(?<!,),(?!,)/).map((p) => p.replaceAll(",,", ","));
  return new Map(parts.map((p) => {
    const equals = p.indexOf("=");
    return equals < 0 ? [p, ""] : [p.slice(0, equals), p.slice(equals + 1)];
  }));
}

const isOn = (value: string): boolean => ["on", "yes", "true", ""].includes(value);
const isOff = (value: string): boolean => ["off", "no", "false"].includes(value);

function drive(d: Draft, value: string, option: string): void {
  let file: string | undefined;
  let id: string | undefined;
  let kind: string | undefined;
  const flags = { readonly: false, snapshot: false };
  for (const [key, v] of keyValues(value)) {
    if (key === "file") file = v;
    else if (key === "id") id = v;
    else if (key === "if") kind = v;
    else if (key === "format" && v === "raw") continue;
    else if ((key === "readonly" || key === "snapshot" || key === "read-only") && (isOn(v) || isOff(v))) flags[key === "snapshot" ? key : "readonly"] = isOn(v);
    else if (key === "cache" && ["writeback", "writethrough", "none", "directsync", "unsafe"].includes(v)) continue;
    else throw refuse(option, value, v === "" ? key : `${key}=${v}`);
  }
  if (kind !== "none") throw refuse(option, value, `if=none is the only way, with a -device virtio-blk-device`);
  if (file === undefined || file === "") throw refuse(option, value, "it names no file");
  if (id === undefined || id === "") throw refuse(option, value, "it has no id for a -device to name");
  if (d.drives.has(id)) throw refuse(option, value, `there is another drive ${id}`);
  d.drives.set(id, { file, readOnly: flags.readonly, snapshot: flags.snapshot });
}

function device(d: Draft, value: string, option: string): void {
  const [type, ...rest] = value.split(",");
  if (type !== "virtio-blk-device") throw refuse(option, value, `there is no ${type!}`);
  let driveId: string | undefined;
  let slot: number | undefined;
  for (const [key, v] of keyValues(rest.join(","))) {
    const [, bus] = /^virtio-mmio-bus\.(\d+)$/.exec(v) ?? [];
    if (key === "drive") driveId = v;
    else if (key === "id") continue;
    else if (key === "bus" && bus !== undefined && Number(bus) < VIRTIO_SLOTS) slot = Number(bus);
    else if (key !== "") throw refuse(option, value, `${key}=${v}`);
  }
  if (driveId === undefined) throw refuse(option, value, "it names no drive");
  d.devices.push({ drive: driveId, slot, word: `${option} ${value}` });
}

/** Put the devices into slots: where they ask for, and as QEMU does the others from the last slot down. */
function slots(d: Draft): (DiskSetting | null)[] {
  const disks: (DiskSetting | null)[] = Array.from({ length: VIRTIO_SLOTS }, () => null);
  const used = new Set<string>();
  const put = (slot: number, id: string, word: string): void => {
    const disk = d.drives.get(id);
    if (disk === undefined) throw new UsageError(`qemu: ${word}: there is no drive ${id}`);
    if (used.has(id)) throw new UsageError(`qemu: ${word}: drive ${id} has a device already`);
    if (slot < 0 || disks[slot] !== null) throw new UsageError(`qemu: ${word}: ${slot < 0 ? "all slots are taken" : `slot ${slot} is taken`}`);
    used.add(id);
    disks[slot] = d.snapshot ? { ...disk, snapshot: true } : disk;
  };
  for (const { drive: id, slot, word } of d.devices) if (slot !== undefined) put(slot, id, word);
  for (const { drive: id, slot, word } of d.devices) if (slot === undefined) put(disks.lastIndexOf(null), id, word);
  return disks;
}

function qemuHelp(): string {
  const lines = Object.entries(RULES).map(([name, { value, help }]) => `${`${name}${value === undefined ? "" : ` ${value}`}`.padEnd(31)} ${help}\n`);
  return `Options of qemu-system-riscv64 that Pagewalk honours; any other is an error.\n\n${lines.join("")}`;
}
