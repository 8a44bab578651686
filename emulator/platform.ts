// Wires the devices together and onto the bus: the board. The machine calls this once and keeps what it gets.
import { Bus, type BlockBackend, type Device, type Dma, type IrqLine, type State } from "./bus.ts";
import type { Clock } from "./clock.ts";
import { BootRom } from "./devices/bootrom.ts";
import { Clint } from "./devices/clint.ts";
import { Finisher, type Finish } from "./devices/finisher.ts";
import { Plic } from "./devices/plic.ts";
import { GoldfishRtc } from "./devices/rtc.ts";
import { Fields } from "./devices/state.ts";
import { Uart16550 } from "./devices/uart16550.ts";
import { VirtioBlock } from "./devices/virtio/block.ts";
import { VirtioMmio } from "./devices/virtio/mmio.ts";
import * as map from "./memory-map.ts";

/** What the board needs from the machine. */
export interface PlatformOptions {
  readonly clock: Clock;
  readonly dma: Dma;
  /** Interrupt wires into the harts, one of each kind a hart. */
  readonly lines: HartLines;
  /** The disk of each virtio slot; null or absent: an empty slot. */
  readonly disks: readonly (BlockBackend | null)[];
  /** Each byte that the guest sends to its console. */
  readonly onConsole: (byte: number) => void;
  /** The guest ended the run. */
  readonly onFinish: (finish: Finish) => void;
  /** Seconds since 1970 at virtual time 0. */
  readonly epoch: number;
}

/** Wires into the harts, by hart number: bits of mip. */
export interface HartLines {
  readonly msip: readonly IrqLine[];
  readonly mtip: readonly IrqLine[];
  readonly meip: readonly IrqLine[];
  readonly seip: readonly IrqLine[];
}

/** The board: the bus and every device on it. */
export class Platform {
  readonly bus = new Bus();
  readonly bootRom = new BootRom();
  readonly finisher: Finisher;
  readonly rtc: GoldfishRtc;
  readonly clint: Clint;
  readonly plic: Plic;
  readonly uart: Uart16550;
  /** One transport for each slot, in order. */
  readonly virtio: readonly VirtioMmio[];
  readonly #devices: Device[] = [];

  /** Throws when there are more disks than slots. */
  constructor(options: PlatformOptions) {
    const { clock, lines } = options;
    if (options.disks.length > map.VIRTIO_SLOTS) throw new Error(`${options.disks.length} disks, but only ${map.VIRTIO_SLOTS} slots`);
    this.finisher = new Finisher(options.onFinish);
    this.clint = new Clint(clock, lines.msip, lines.mtip);
    this.plic = new Plic(map.PLIC_SOURCES, lines.meip.flatMap((meip, hart) => [meip, lines.seip[hart]!]));
    this.rtc = new GoldfishRtc(clock, this.plic.line(map.RTC_IRQ), options.epoch);
    this.uart = new Uart16550(clock, this.plic.line(map.UART_IRQ), options.onConsole);
    this.virtio = Array.from({ length: map.VIRTIO_SLOTS }, (_, slot) => this.#slot(slot, options));
    this.#attach(map.BOOT_ROM, map.BOOT_ROM_SIZE, this.bootRom, [1, 2, 4, 8]);
    this.#attach(map.FINISHER, map.FINISHER_SIZE, this.finisher, [2, 4]);
    this.#attach(map.RTC, map.RTC_SIZE, this.rtc, [4]);
    this.#attach(map.CLINT, map.CLINT_SIZE, this.clint, [4, 8]);
    this.#attach(map.PLIC, map.PLIC_SIZE, this.plic, [4]);
    this.#attach(map.UART, map.UART_SIZE, this.uart, [1, 2, 4]);
    this.virtio.forEach((slot, n) => this.#attach(map.VIRTIO + n * map.VIRTIO_STRIDE, map.VIRTIO_STRIDE, slot, [1, 2, 4, 8]));
  }

  /** Every device back to power-on. The clock is the machine's matter. */
  reset(): void {
    for (const device of this.#devices) device.reset();
  }

  /** All devices by name. The clock saves its alarms itself. */
  save(): State {
    return Object.fromEntries(this.#devices.map((device) => [device.name, device.save()]));
  }

  /**
   * Take over a saved state: call it when virtual time and RAM have been restored, and before the clock's
   * alarms are. Throws an Error of one line when the state does not fit.
   */
  load(state: State): void {
    const fields = new Fields(state, "devices");
    for (const device of this.#devices) device.load(fields.value(device.name));
    this.plic.load(fields.value(this.plic.name)); // again: others may have pulled its wires while loading
  }

  #slot(slot: number, options: PlatformOptions): VirtioMmio {
    const name = `virtio${slot}`;
    const disk = options.disks[slot] ?? null;
    const device = disk === null ? null : new VirtioBlock(name, options.clock, disk);
    return new VirtioMmio(name, options.dma, this.plic.line(map.VIRTIO_IRQ + slot), device);
  }

  #attach(base: number, size: number, device: Device, widths: readonly number[]): void {
    this.bus.attach(base, size, device, widths);
    this.#devices.push(device);
  }
}
