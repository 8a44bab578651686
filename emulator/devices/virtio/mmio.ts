// The virtio-mmio transport, modern (version 2): identification, features, status, queues and interrupts of
// one slot. What the device does with its queues is in the VirtioDevice behind it; a slot with none reads
// DeviceID 0. Virtio 1.2, section 4.2.
import type { Device, Dma, IrqLine, State } from "../../bus.ts";
import { Fields } from "../state.ts";
import { QueueError, VirtQueue } from "./queue.ts";

const MAGIC = 0x7472_6976; // "virt"
const VERSION = 2;
const VENDOR = 0x554d_4551; // "QEMU": drivers look for it

const STATUS_DRIVER_OK = 4;
const STATUS_FEATURES_OK = 8;
const STATUS_NEEDS_RESET = 0x40;
const INTERRUPT_USED = 1;
const INTERRUPT_CONFIG = 2;
const CONFIG = 0x100;
const TWO32 = 0x1_0000_0000;

const FEATURE_EVENT_INDEX = 1 << 29;
/** Offered by the transport itself: INDIRECT_DESC, EVENT_IDX; VERSION_1 in the upper half. */
const FEATURES_LO = (1 << 28) | FEATURE_EVENT_INDEX;
const FEATURES_HI = 1;

/** What a device behind the transport can ask of it. */
export interface VirtioHost {
  readonly dma: Dma;
  /** Whether the driver has accepted feature `bit` (0..63). */
  accepted(bit: number): boolean;
  /** A queue that is ready, or null. */
  queue(index: number): VirtQueue | null;
  /** Give a chain back and interrupt if the driver wants that. */
  complete(queue: VirtQueue, head: number, written: number): void;
  /** Run `work`; a QueueError in it breaks the device (DEVICE_NEEDS_RESET) instead of leaving it. */
  guard(work: () => void): void;
}

/** A virtio device type. None of its methods throws for what the guest does, except QueueError. */
export interface VirtioDevice {
  readonly deviceId: number;
  /** Feature bits 0..23 of this type. */
  readonly features: number;
  /** The greatest size of each queue. */
  readonly queues: readonly number[];
  /** The configuration space. */
  config(): Uint8Array;
  /** Chains may be waiting in queue `index`. */
  notify(index: number, host: VirtioHost): void;
  /** The driver took queue `index` away: forget its requests. */
  stop(index: number): void;
  /** Forget all requests. */
  reset(): void;
  save(): State;
  load(state: State, host: VirtioHost): void;
}

interface QueueRegisters {
  /** The greatest size that the device takes. */
  readonly limit: number;
  size: number;
  /** Descriptor table, available ring, used ring: low and high halves. */
  readonly address: number[];
  live: VirtQueue | null;
}

/** See the top of this file. */
export class VirtioMmio implements Device, VirtioHost {
  readonly name: string;
  readonly dma: Dma;
  readonly device: VirtioDevice | null;
  /** Why the device needs a reset; "" while it is well. */
  fault = "";
  readonly #irq: IrqLine;
  #status = 0;
  #interrupt = 0;
  #deviceSelect = 0;
  #driverSelect = 0;
  #accepted: [number, number] = [0, 0];
  #queueSelect = 0;
  #queues: QueueRegisters[] = [];

  constructor(name: string, dma: Dma, irq: IrqLine, device: VirtioDevice | null) {
    this.name = name;
    this.dma = dma;
    this.device = device;
    this.#irq = irq;
    this.#powerOn();
  }

  read(offset: number, size: number): number {
    return this.peek(offset, size); // no register changes by being read
  }

  peek(offset: number, size: number): number {
    if (offset >= CONFIG) return this.#config(offset - CONFIG, size);
    if (size !== 4) return 0;
    if (this.device === null) return offset === 0 ? MAGIC : offset === 4 ? VERSION : offset === 0xc ? VENDOR : 0;
    switch (offset) {
      case 0x000:
        return MAGIC;
      case 0x004:
        return VERSION;
      case 0x008:
        return this.device.deviceId;
      case 0x00c:
        return VENDOR;
      case 0x010:
        return this.#offered(this.#deviceSelect);
      case 0x034:
        return this.device.queues[this.#queueSelect] ?? 0;
      case 0x044:
        return this.#selected()?.live != null ? 1 : 0;
      case 0x060:
        return this.#interrupt;
      case 0x070:
        return this.#status;
      case 0x0b0: // length and base of a shared memory region: there is none
      case 0x0b4:
      case 0x0b8:
      case 0x0bc:
        return 0xffff_ffff;
      default: // ConfigGeneration too: our configuration never changes
        return 0;
    }
  }

  write(offset: number, size: number, value: number): void {
    if (size !== 4 || this.device === null || offset >= CONFIG) return;
    switch (offset) {
      case 0x014:
        this.#deviceSelect = value;
        break;
      case 0x020:
        this.#acceptFeatures(value);
        break;
      case 0x024:
        this.#driverSelect = value;
        break;
      case 0x030:
        this.#queueSelect = value;
        break;
      case 0x038:
        this.#configure((queue) => (queue.size = value));
        break;
      case 0x044:
        this.#setReady(this.#queueSelect, value);
        break;
      case 0x050:
        this.#notify(value);
        break;
      case 0x064:
        this.#interrupt &= ~value;
        this.#update();
        break;
      case 0x070:
        this.#writeStatus(value & 0xff);
        break;
      case 0x080:
      case 0x084:
      case 0x090:
      case 0x094:
      case 0x0a0:
      case 0x0a4:
        this.#configure((queue) => (queue.address[((offset >> 4) & 3) * 2 + ((offset >> 2) & 1)] = value));
        break;
    }
  }

  reset(): void {
    this.device?.reset();
    this.#powerOn();
    this.#update();
  }

  accepted(bit: number): boolean {
    return ((this.#accepted[bit >> 5]! >>> (bit & 31)) & 1) !== 0;
  }

  queue(index: number): VirtQueue | null {
    return this.#queues[index]?.live ?? null;
  }

  complete(queue: VirtQueue, head: number, written: number): void {
    if (queue.push(head, written)) this.#raise(INTERRUPT_USED);
  }

  guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof QueueError)) throw error;
      this.#break(error.message);
    }
  }

  save(): State {
    return {
      fault: this.fault,
      status: this.#status,
      interrupt: this.#interrupt,
      selects: [this.#deviceSelect, this.#driverSelect, this.#queueSelect],
      accepted: [...this.#accepted],
      queues: this.#queues.map((q) => ({ size: q.size, address: [...q.address], live: q.live?.save() ?? null })),
      device: this.device?.save() ?? null,
    };
  }

  load(state: State): void {
    const fields = new Fields(state, this.name);
    const fault = fields.value("fault");
    const [deviceSelect, driverSelect, queueSelect] = fields.numbers("selects", 3);
    const [lo, hi] = fields.numbers("accepted", 2);
    const queues = fields.list("queues", this.#queues.length);
    if (queues.length !== this.#queues.length) throw new Error(`snapshot: ${this.name} has another device`);
    this.#status = fields.number("status", 0xff);
    this.#interrupt = fields.number("interrupt", 3);
    this.fault = typeof fault === "string" ? fault : "";
    this.#deviceSelect = deviceSelect!;
    this.#driverSelect = driverSelect!;
    this.#queueSelect = queueSelect!;
    this.#accepted = [lo!, hi!];
    this.guard(() => (this.#queues = queues.map((queue, i) => this.#loadQueue(queue, this.#queues[i]!.limit))));
    this.guard(() => this.device?.load(fields.value("device"), this));
    this.#update();
  }

  #loadQueue(state: State, limit: number): QueueRegisters {
    const fields = new Fields(state, `${this.name}.queue`);
    const live = fields.value("live");
    const address = fields.numbers("address", 6);
    const registers: QueueRegisters = { limit, size: fields.number("size"), address, live: null };
    if (live !== null) {
      registers.live = this.#build(registers);
      registers.live.load(live);
    }
    return registers;
  }

  #powerOn(): void {
    this.fault = "";
    this.#status = this.#interrupt = 0;
    this.#deviceSelect = this.#driverSelect = this.#queueSelect = 0;
    this.#accepted = [0, 0];
    const limits = this.device?.queues ?? [];
    this.#queues = limits.map((limit) => ({ limit, size: 0, address: [0, 0, 0, 0, 0, 0], live: null }));
  }

  #offered(half: number): number {
    if (half === 0) return (this.device!.features | FEATURES_LO) >>> 0;
    return half === 1 ? FEATURES_HI : 0;
  }

  #config(offset: number, size: number): number {
    const bytes = this.device?.config();
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + (bytes?.[offset + i] ?? 0);
    return value;
  }

  #selected(): QueueRegisters | undefined {
    return this.#queues[this.#queueSelect];
  }

  /** Registers of a queue are fixed while it is ready. */
  #configure(set: (queue: QueueRegisters) => void): void {
    const queue = this.#selected();
    if (queue !== undefined && queue.live === null) set(queue);
  }

  #acceptFeatures(value: number): void {
    if ((this.#status & STATUS_FEATURES_OK) !== 0 || this.#driverSelect > 1) return;
    this.#accepted[this.#driverSelect] = value;
  }

  /**
   * Zero resets. Bits are only ever added; FEATURES_OK stays off when the driver accepted what was not
   * offered. A driver that leaves VERSION_1 out (xv6's does) is served like any other.
   */
  #writeStatus(value: number): void {
    if (value === 0) {
      this.reset();
      return;
    }
    let added = value & ~this.#status & ~STATUS_NEEDS_RESET;
    const [lo, hi] = this.#accepted;
    const unknown = (lo & ~this.#offered(0)) !== 0 || (hi & ~this.#offered(1)) !== 0;
    if (unknown) added &= ~STATUS_FEATURES_OK;
    this.#status |= added;
  }

  #setReady(index: number, value: number): void {
    const queue = this.#queues[index];
    if (queue === undefined) return;
    if ((value & 1) === 0) {
      queue.live = null;
      this.device!.stop(index);
    } else if (queue.live === null) {
      this.guard(() => (queue.live = this.#build(queue)));
    }
  }

  #build(queue: QueueRegisters): VirtQueue {
    if (queue.size > queue.limit) throw new QueueError(`queue size ${queue.size} is above ${queue.limit}`);
    const [descLo, descHi, availLo, availHi, usedLo, usedHi] = queue.address;
    const ring = {
      size: queue.size,
      descriptors: descHi! * TWO32 + descLo!,
      available: availHi! * TWO32 + availLo!,
      used: usedHi! * TWO32 + usedLo!,
    };
    return new VirtQueue(this.dma, ring, this.accepted(29));
  }

  #notify(index: number): void {
    const live = (this.#status & (STATUS_DRIVER_OK | STATUS_NEEDS_RESET)) === STATUS_DRIVER_OK;
    if (live && this.queue(index) !== null) this.guard(() => this.device!.notify(index, this));
  }

  /** The driver broke the rules: stop until it resets the device. */
  #break(reason: string): void {
    this.fault = reason;
    this.device?.reset();
    this.#status |= STATUS_NEEDS_RESET;
    if ((this.#status & STATUS_DRIVER_OK) !== 0) this.#raise(INTERRUPT_CONFIG);
  }

  #raise(bit: number): void {
    this.#interrupt |= bit;
    this.#update();
  }

  #update(): void {
    this.#irq.set(this.#interrupt !== 0);
  }
}
