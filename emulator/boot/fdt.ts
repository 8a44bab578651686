// The device tree of this machine, as QEMU's `virt` describes the same devices.
import * as map from "../memory-map.ts";
import { bytes, cells, flag, flatten, node, strings, wide, type Node } from "./device-tree.ts";

/** What differs from one machine to the next. */
export interface FdtOptions {
  /** 1..8 */
  readonly harts: number;
  /** Bytes of RAM. */
  readonly memory: number;
  /** Kernel command line; absent or empty: none. */
  readonly bootargs?: string | undefined;
  /** Where the initial RAM disk was put: first byte, and the byte after its last. */
  readonly initrd?: { readonly start: number; readonly end: number } | undefined;
  /** rng-seed is made from it. */
  readonly seed: number;
  /** ISA string of every hart. */
  readonly isa?: string | undefined;
}

/** What every hart can do, unless the machine says otherwise. */
export const DEFAULT_ISA = "rv64imafdc_zicntr_zicsr_zifencei_sstc";

const RNG_SEED_BYTES = 32;
const IRQ_MSOFT = 3;
const IRQ_MTIMER = 7;
const IRQ_MEXT = 11;
const IRQ_SEXT = 9;

/** Handles by which nodes name each other. */
const PHANDLE_PLIC = 1;
const PHANDLE_FINISHER = 2;
const cpuPhandle = (hart: number): number => 3 + 2 * hart;
const intcPhandle = (hart: number): number => 4 + 2 * hart;

/** The flattened device tree. Throws an Error of one line when `bootargs` holds a NUL. */
export function buildFdt(options: FdtOptions): Uint8Array {
  const root = node(
    "",
    [
      cells("#address-cells", 2),
      cells("#size-cells", 2),
      strings("compatible", "riscv-virtio"),
      strings("model", "riscv-virtio,pagewalk"),
    ],
    [
      chosen(options),
      node("aliases", [strings("serial0", `/soc/${at("serial", map.UART)}`)]),
      node(at("memory", map.RAM), [strings("device_type", "memory"), wide("reg", map.RAM, options.memory)]),
      cpus(options.harts, options.isa ?? DEFAULT_ISA),
      syscon("poweroff", 0x5555),
      syscon("reboot", 0x7777),
      soc(options.harts),
    ],
  );
  return flatten(root);
}

/** `count` bytes that are the same for the same seed: a Weyl sequence through a 32-bit finaliser. */
export function seedBytes(seed: number, count: number): Uint8Array {
  const out = new Uint8Array(count);
  let state = (seed >>> 0) ^ Math.floor(seed / 2 ** 32);
  for (let i = 0; i < count; i++) {
    state = (state + 0x9e37_79b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85eb_ca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
    out[i] = (mixed ^ (mixed >>> 16)) & 0xff;
  }
  return out;
}

function at(name: string, address: number): string {
  return `${name}@${address.toString(16)}`;
}

function chosen(options: FdtOptions): Node {
  const { bootargs, initrd } = options;
  return node("chosen", [
    bootargs !== undefined && bootargs !== "" ? strings("bootargs", bootargs) : null,
    strings("stdout-path", `/soc/${at("serial", map.UART)}`),
    bytes("rng-seed", seedBytes(options.seed, RNG_SEED_BYTES)),
    initrd !== undefined ? wide("linux,initrd-start", initrd.start) : null,
    initrd !== undefined ? wide("linux,initrd-end", initrd.end) : null,
  ]);
}

function cpus(harts: number, isa: string): Node {
  const numbers = Array.from({ length: harts }, (_, hart) => hart);
  const cores = numbers.map((hart) => node(`core${hart}`, [cells("cpu", cpuPhandle(hart))]));
  return node(
    "cpus",
    [cells("#address-cells", 1), cells("#size-cells", 0), cells("timebase-frequency", map.TIMEBASE)],
    [...numbers.map((hart) => cpu(hart, isa)), node("cpu-map", [], [node("cluster0", [], cores)])],
  );
}

function cpu(hart: number, isa: string): Node {
  return node(
    at("cpu", hart),
    [
      strings("device_type", "cpu"),
      cells("reg", hart),
      strings("status", "okay"),
      strings("compatible", "riscv"),
      strings("riscv,isa", isa),
      strings("mmu-type", "riscv,sv39"),
      cells("phandle", cpuPhandle(hart)),
    ],
    [
      node("interrupt-controller", [
        cells("#address-cells", 0),
        cells("#interrupt-cells", 1),
        flag("interrupt-controller"),
        strings("compatible", "riscv,cpu-intc"),
        cells("phandle", intcPhandle(hart)),
      ]),
    ],
  );
}

/** A node that says which word stored in the finisher does what. */
function syscon(name: string, value: number): Node {
  return node(name, [
    strings("compatible", `syscon-${name}`),
    cells("regmap", PHANDLE_FINISHER),
    cells("offset", 0),
    cells("value", value),
  ]);
}

function soc(harts: number): Node {
  const slots = Array.from({ length: map.VIRTIO_SLOTS }, (_, slot) => virtio(slot));
  return node(
    "soc",
    [cells("#address-cells", 2), cells("#size-cells", 2), strings("compatible", "simple-bus"), flag("ranges")],
    [finisher(), rtc(), clint(harts), plic(harts), uart(), ...slots],
  );
}

function finisher(): Node {
  return node(at("test", map.FINISHER), [
    strings("compatible", "sifive,test1", "sifive,test0", "syscon"),
    wide("reg", map.FINISHER, map.FINISHER_SIZE),
    cells("phandle", PHANDLE_FINISHER),
  ]);
}

function rtc(): Node {
  return node(at("rtc", map.RTC), [
    strings("compatible", "google,goldfish-rtc"),
    wide("reg", map.RTC, map.RTC_SIZE),
    cells("interrupt-parent", PHANDLE_PLIC),
    cells("interrupts", map.RTC_IRQ),
  ]);
}

function clint(harts: number): Node {
  return node(at("clint", map.CLINT), [
    strings("compatible", "sifive,clint0", "riscv,clint0"),
    wide("reg", map.CLINT, map.CLINT_SIZE),
    cells("interrupts-extended", ...perHart(harts, [IRQ_MSOFT, IRQ_MTIMER])),
  ]);
}

function plic(harts: number): Node {
  return node(at("plic", map.PLIC), [
    strings("compatible", "sifive,plic-1.0.0", "riscv,plic0"),
    wide("reg", map.PLIC, map.PLIC_SIZE),
    cells("#address-cells", 0),
    cells("#interrupt-cells", 1),
    flag("interrupt-controller"),
    cells("interrupts-extended", ...perHart(harts, [IRQ_MEXT, IRQ_SEXT])),
    cells("riscv,ndev", map.PLIC_SOURCES),
    cells("phandle", PHANDLE_PLIC),
  ]);
}

function uart(): Node {
  return node(at("serial", map.UART), [
    strings("compatible", "ns16550a"),
    wide("reg", map.UART, map.UART_SIZE),
    cells("clock-frequency", map.UART_CLOCK),
    cells("interrupt-parent", PHANDLE_PLIC),
    cells("interrupts", map.UART_IRQ),
  ]);
}

function virtio(slot: number): Node {
  const base = map.VIRTIO + slot * map.VIRTIO_STRIDE;
  return node(at("virtio_mmio", base), [
    strings("compatible", "virtio,mmio"),
    wide("reg", base, map.VIRTIO_STRIDE),
    cells("interrupt-parent", PHANDLE_PLIC),
    cells("interrupts", map.VIRTIO_IRQ + slot),
  ]);
}

/** For each hart and each of the `interrupts`: the hart's controller, the interrupt. */
function perHart(harts: number, interrupts: readonly number[]): number[] {
  const out: number[] = [];
  for (let hart = 0; hart < harts; hart++) {
    for (const interrupt of interrupts) out.push(intcPhandle(hart), interrupt);
  }
  return out;
}
