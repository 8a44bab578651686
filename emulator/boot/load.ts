// Puts what is to be booted into RAM: firmware, kernel, initial RAM disk, device tree, reset vector.

import type { Dma } from "../bus.ts";
import { RAM } from "../memory-map.ts";
import { placeFdt, placeInitrd, resetVector } from "./bootrom.ts";
import { ElfError, checkFits, isElf, parseElf, symbolAddress, type ElfImage } from "./elf.ts";
import { buildFdt } from "./fdt.ts";

/** What to boot. Images are ELF files or raw bytes. */
export interface BootImages {
  readonly bios?: Uint8Array | null | undefined;
  readonly kernel?: Uint8Array | undefined;
  readonly initrd?: Uint8Array | undefined;
  readonly append?: string | undefined;
  readonly harts: number;
  readonly memory: number;
  readonly seed: number;
}

/** What came of it. */
export interface Booted {
  readonly rom: Uint8Array;
  /** Physical address of the `tohost` word of the simulators' test convention, or null. */
  readonly tohost: number | null;
}

/** A raw kernel behind firmware goes where OpenSBI expects it. */
const RAW_KERNEL_OFFSET = 0x200000;

/** Load everything into RAM through `dma`. Throws an Error of one line that says what does not fit or is wrong. */
export function loadImages(images: BootImages, dma: Dma): Booted {
  const ram = { base: RAM, size: images.memory };
  const bios = images.bios ?? null;
  const firmware = bios === null ? null : place("firmware", bios, RAM, ram, dma);
  const kernelAt = firmware === null ? RAM : RAM + RAW_KERNEL_OFFSET;
  const kernel = images.kernel === undefined ? null : place("kernel", images.kernel, kernelAt, ram, dma);
  if (firmware !== null && kernel !== null && kernel.start < firmware.end && firmware.start < kernel.end) {
    throw new Error(`kernel: it begins at ${hex(kernel.start)}, inside the firmware (${hex(firmware.start)} to ${hex(firmware.end)})`);
  }
  const end = Math.max(firmware?.end ?? RAM, kernel?.end ?? RAM);

  const draft = buildFdt({ ...fdtOptions(images), initrd: images.initrd === undefined ? undefined : { start: RAM, end: RAM } });
  const fdtAt = placeFdt(RAM, images.memory, draft.length, end);
  if (fdtAt === null) throw new Error(`${images.memory} bytes of memory have no room for the kernel and the device tree`);
  let initrd: { start: number; end: number } | undefined;
  if (images.initrd !== undefined) {
    const start = placeInitrd(RAM, images.memory, end, images.initrd.length, fdtAt);
    if (start === null) throw new Error(`initrd: ${images.initrd.length} bytes do not fit into ${images.memory} bytes of memory`);
    dma.write(start, images.initrd);
    initrd = { start, end: start + images.initrd.length };
  }
  dma.write(fdtAt, buildFdt({ ...fdtOptions(images), initrd }));
  const entry = firmware?.entry ?? kernel?.entry ?? RAM;
  const rom = resetVector({ entry, fdt: fdtAt, next: firmware === null ? undefined : (kernel?.entry ?? 0) });
  return { rom, tohost: kernel?.tohost ?? firmware?.tohost ?? null };
}

const fdtOptions = (i: BootImages): { harts: number; memory: number; bootargs: string | undefined; seed: number } => ({
  harts: i.harts, memory: i.memory, bootargs: i.append, seed: i.seed,
});

const hex = (n: number): string => `0x${n.toString(16)}`;

/** An image in RAM: its first byte, the byte after its last, and where to start it. */
interface Placed {
  readonly entry: number;
  readonly start: number;
  readonly end: number;
  readonly tohost: number | null;
}

function place(what: string, bytes: Uint8Array, rawAt: number, ram: { base: number; size: number }, dma: Dma): Placed {
  if (!isElf(bytes)) {
    if (bytes.length === 0) throw new Error(`${what}: the file is empty`);
    if (!dma.write(rawAt, bytes)) throw new Error(`${what}: ${bytes.length} bytes do not fit into memory at ${hex(rawAt)}`);
    return { entry: rawAt, start: rawAt, end: rawAt + bytes.length, tohost: null };
  }
  try {
    const image: ElfImage = parseElf(bytes);
    checkFits(image, ram.base, ram.size);
    let start = Infinity;
    let end = ram.base;
    for (const s of image.segments) {
      dma.write(s.pa, s.data);
      dma.write(s.pa + s.data.length, new Uint8Array(s.memorySize - s.data.length));
      start = Math.min(start, s.pa);
      end = Math.max(end, s.pa + s.memorySize);
    }
    return { entry: image.entry, start, end, tohost: symbolAddress(image, "tohost") };
  } catch (e) {
    throw e instanceof ElfError ? new Error(`${what}: ${e.message}`) : e;
  }
}
