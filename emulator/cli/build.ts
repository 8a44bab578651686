// From settings to a machine: reads files, opens disks, and says in the person's own words what cannot be.
import { readFileSync, statSync } from "node:fs";
import { defaultImage } from "../../scripts/default-disk.ts";
import { ImageError } from "../../scripts/fs/layout.ts";
import { KERNEL_PATH, kernelImage } from "../../scripts/guest-files.ts";
import { isElf } from "../boot/elf.ts";
import type { BlockBackend } from "../bus.ts";
import { MemoryBlock } from "../devices/memory-block.ts";
import { wasWritable, type Recording } from "../history/recording.ts";
import { FORMATS } from "../isa/formats.ts";
import { decode } from "../isa/decode.ts";
import { expand } from "../isa/rvc.ts";
import { INSTRUCTIONS } from "../isa/table.ts";
import { Machine, type MachineOptions } from "../machine.ts";
import { hostReason, UsageError } from "./errors.ts";
import { FileBlock } from "./file-block.ts";
import type { DiskSetting, Settings } from "./settings.ts";

/** What our own kernel takes in of its command line, in bytes. */
const OWN_KERNEL_LINE = 1023;

/** A machine that is ready to run. */
export interface Built {
  readonly machine: Machine;
  /** Things to tell the person that are no errors. */
  readonly notes: readonly string[];
  /** Close the files of its disks. */
  readonly close: () => void;
}

/** Build the machine; to replay a recording, with disks that leave their files alone. Rejects with UsageError. */
export async function buildMachine(s: Settings, recording: Recording | null = null): Promise<Built> {
  const options = { ...images(s), ...machineOptions(s) };
  const { disks, files } = openDisks(s, recording);
  const close = (): void => files.forEach((f) => f.close());
  try {
    const notes = files.filter((f) => disks.includes(f) && f.readOnly && s.disks?.some((d) => d?.file === f.file && d.readOnly !== true))
      .map((f) => `disk ${f.file} is read-only: the guest cannot write to it`);
    return { machine: await create(s, { ...options, disks }), notes, close };
  } catch (e) {
    close();
    throw e;
  }
}

const machineOptions = (s: Settings): MachineOptions => ({
  memory: s.memory, harts: s.harts, engine: s.engine, adUpdate: s.adUpdate, append: commandLine(s),
});

async function create(s: Settings, options: MachineOptions): Promise<Machine> {
  try {
    return await Machine.create(options);
  } catch (e) {
    if (e instanceof RangeError && /memory/i.test(e.message)) {
      throw new UsageError(`the host has no room for ${s.memory / 2 ** 20} MiB of guest memory`);
    }
    if (!(e instanceof Error) || e instanceof TypeError) throw e;
    const names: Readonly<Record<string, string | null | undefined>> = { kernel: s.kernel ?? KERNEL_PATH, firmware: s.bios, initrd: s.initrd };
    const [, what, rest] = /^(kernel|firmware|initrd): (.*)$/s.exec(e.message) ?? [];
    throw new UsageError(what === undefined ? e.message : `${what} ${names[what]}: ${rest}`);
  }
}

/** The words that the kernel gets. */
function commandLine(s: Settings): string | undefined {
  const words = [...s.append];
  if (s.run !== undefined) words.push(`run="${s.run.replace(/["\\]/g, "\\$&")}"`);
  const line = words.join(" ");
  const length = new TextEncoder().encode(line).length;
  if (s.kernel === undefined && length > OWN_KERNEL_LINE) throw new UsageError(`the kernel's command line has ${length} bytes, more than the ${OWN_KERNEL_LINE} it reads`);
  return line === "" ? undefined : line;
}

function images(s: Settings): MachineOptions {
  const kernel = s.kernel === undefined ? ownKernel(s) : readProgram("kernel", s.kernel);
  return {
    ...(kernel === undefined ? {} : { kernel }),
    bios: s.bios === null ? null : readProgram("bios", s.bios),
    ...(s.initrd === undefined ? {} : { initrd: readFile("initrd", s.initrd) }),
  };
}

/** The kernel of this checkout, which is no use behind firmware: it starts in machine mode itself. */
function ownKernel(s: Settings): Uint8Array | undefined {
  if (s.bios !== null) return undefined;
  try {
    return kernelImage();
  } catch (e) {
    throw new UsageError(`kernel ${KERNEL_PATH}: ${hostReason(e)} (npm run build:guest makes it)`);
  }
}

function readFile(what: string, file: string): Uint8Array {
  try {
    const stat = statSync(file);
    if (stat.isDirectory()) throw new UsageError(`${what} ${file}: is a directory, not a file`);
    if (stat.isCharacterDevice() || stat.isBlockDevice()) throw new UsageError(`${what} ${file}: is a device, not a file`);
    return readFileSync(file);
  } catch (e) {
    throw e instanceof UsageError ? e : new UsageError(`${what} ${file}: ${hostReason(e)}`);
  }
}

/** A file to be executed: an ELF file, or a raw image that begins with instructions. */
function readProgram(what: string, file: string): Uint8Array {
  const bytes = readFile(what, file);
  if (bytes.length === 0) throw new UsageError(`${what} ${file}: the file is empty`);
  if (!isElf(bytes) && !startsWithCode(bytes)) {
    throw new UsageError(`${what} ${file}: not an ELF file, and no raw image either: it does not begin with RISC-V instructions`);
  }
  return bytes;
}

const PROBE = 16;

/** Are the first instructions (up to the first jump away) legal ones? Text, archives and zeros fail this soon. */
function startsWithCode(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  for (let i = 0; i < PROBE && at + 2 <= bytes.length; i++) {
    const half = view.getUint16(at, true);
    const compressed = (half & 3) !== 3;
    if (!compressed && at + 4 > bytes.length) return false;
    const word = compressed ? expand(half) : view.getInt32(at, true);
    const instruction = INSTRUCTIONS[decode(word)]!;
    if (instruction.name === "illegal") return false;
    const jump = instruction.name === "jal" || instruction.name === "jalr" || instruction.name === "mret";
    if (jump && (!FORMATS[instruction.format].rd || ((word >>> 7) & 31) === 0)) return true;
    at += compressed ? 2 : 4;
  }
  return at > 0;
}

/** The disks, and the files that stay open for them. */
interface OpenDisks {
  readonly disks: readonly (BlockBackend | null)[];
  readonly files: readonly FileBlock[];
}

function openDisks(s: Settings, recording: Recording | null): OpenDisks {
  if (s.disks === undefined) return { disks: [s.bios === null ? ownDisk() : null], files: [] };
  const files: FileBlock[] = [];
  const kept = (file: FileBlock): FileBlock => {
    files.push(file);
    return file;
  };
  try {
    const disks = s.disks.map((d, slot) => {
      if (d === null) return null;
      if (recording !== null) return new MemoryBlock(kept(new FileBlock(d.file, { readOnly: true })), { readOnly: !wasWritable(recording, slot) });
      return d.snapshot === true ? copied(d) : kept(new FileBlock(d.file, d));
    });
    return { disks, files };
  } catch (e) {
    for (const file of files) file.close();
    throw e;
  }
}

/** The disk of a file as it is now, in memory. */
function copied({ file, readOnly = false }: DiskSetting): MemoryBlock {
  const disk = new FileBlock(file, { readOnly: true });
  try {
    const image = new Uint8Array(disk.bytes);
    disk.read(0, image);
    return new MemoryBlock(image, { readOnly });
  } catch (e) {
    throw e instanceof RangeError ? new UsageError(`disk ${file}: too large to keep in memory`) : e;
  } finally {
    disk.close();
  }
}

/** A fresh disk in memory with this checkout's programs. */
function ownDisk(): BlockBackend {
  try {
    return new MemoryBlock(defaultImage());
  } catch (e) {
    throw e instanceof ImageError ? new UsageError(`the default disk: ${e.message}`) : e;
  }
}
