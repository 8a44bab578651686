// The virtio block device (virtio 1.2, section 5.2): in, out, flush, get-id. A request takes its time on the
// virtual clock; requests are carried out one after another at their completion, so what a crash leaves on
// the disk is always the first so many of them.
import { MediumError, type BlockBackend, type Dma, type State } from "../../bus.ts";
import type { Alarm, Clock } from "../../clock.ts";
import { Fields } from "../state.ts";
import type { VirtioDevice, VirtioHost } from "./mmio.ts";
import { gather, QueueError, scatter, totalLength, type Chain, type Segment } from "./queue.ts";

const DEVICE_ID = 2;
const QUEUE_SIZE = 256;
const SEG_MAX = QUEUE_SIZE - 2;
const SECTOR = 512;
const HEADER = 16;
const ID_LENGTH = 20;

const FEATURE_SEG_MAX = 1 << 2;
const FEATURE_READ_ONLY = 1 << 5;
const FEATURE_BLOCK_SIZE = 1 << 6;
const FEATURE_FLUSH = 1 << 9;

const IN = 0;
const OUT = 1;
const FLUSH = 4;
const GET_ID = 8;

const OK = 0;
const IOERR = 1;
const UNSUPP = 2;

/** What a request costs: a fixed latency, and one nanosecond a byte (1 GB/s). */
const LATENCY_NS = 20_000;
const NS_PER_BYTE = 1;
/** Bytes of data in one request. Its buffers may name the same memory again and again, and the host copies all of them. */
const MOST_DATA = 2 ** 28;

/** See the top of this file. */
export class VirtioBlock implements VirtioDevice {
  readonly deviceId = DEVICE_ID;
  readonly features: number;
  readonly queues = [QUEUE_SIZE];
  readonly #backend: BlockBackend;
  readonly #clock: Clock;
  readonly #alarm: Alarm;
  readonly #sectors: number;
  readonly #id: string;
  #host: VirtioHost | null = null;
  #pending: Chain[] = [];

  /** `name` (at most 20 ASCII letters) is the disk's serial number and names its alarm. */
  constructor(name: string, clock: Clock, backend: BlockBackend) {
    this.#id = name;
    this.#clock = clock;
    this.#backend = backend;
    this.#sectors = Math.floor(backend.bytes / SECTOR);
    const readOnly = backend.readOnly ? FEATURE_READ_ONLY : 0;
    this.features = FEATURE_SEG_MAX | FEATURE_BLOCK_SIZE | FEATURE_FLUSH | readOnly;
    this.#alarm = clock.alarm(`${name}.request`, () => this.#finish());
  }

  /** capacity (u64, sectors), size_max, seg_max, geometry, blk_size; the rest is 0. */
  config(): Uint8Array {
    const bytes = new Uint8Array(60);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.#sectors >>> 0, true);
    view.setUint32(4, Math.floor(this.#sectors / 0x1_0000_0000), true);
    view.setUint32(12, SEG_MAX, true);
    view.setUint32(20, SECTOR, true);
    return bytes;
  }

  notify(index: number, host: VirtioHost): void {
    const queue = host.queue(index);
    if (queue === null) return;
    this.#host = host;
    for (let chain = queue.pop(); chain !== null; chain = queue.pop()) {
      if (totalLength(chain.readable) < HEADER) throw new QueueError("a block request without its header");
      if (chain.writable.length === 0) throw new QueueError("a block request without room for its status");
      this.#pending.push(chain);
      if (this.#pending.length === 1) this.#start(chain);
    }
  }

  stop(_index: number): void {
    this.reset();
  }

  reset(): void {
    this.#pending = [];
    this.#alarm.cancel();
  }

  save(): State {
    const pairs = (segments: readonly Segment[]): State => segments.map((s) => [s.pa, s.length]);
    return this.#pending.map((c) => ({ head: c.head, readable: pairs(c.readable), writable: pairs(c.writable) }));
  }

  load(state: State, host: VirtioHost): void {
    if (!Array.isArray(state) || state.length > QUEUE_SIZE) throw new Error("snapshot: a disk's requests are not a list");
    const pending = state.map((entry) => loadChain(entry, host.dma));
    this.#host = host;
    this.#pending = pending;
  }

  #start(chain: Chain): void {
    const bytes = totalLength(chain.readable) + totalLength(chain.writable);
    this.#alarm.set(this.#clock.now + LATENCY_NS + bytes * NS_PER_BYTE);
  }

  /** The oldest request is done: carry it out, give it back, start the next. */
  #finish(): void {
    const host = this.#host!;
    host.guard(() => {
      const chain = this.#pending[0];
      const queue = host.queue(0);
      if (chain === undefined || queue === null) return this.reset();
      const written = this.#perform(chain, host.dma);
      this.#pending.shift();
      host.complete(queue, chain.head, written);
      if (this.#pending.length > 0) this.#start(this.#pending[0]!);
    });
  }

  /**
   * Carry a request out and leave its status in the last writable byte. Returns how many bytes from the start
   * of the writable part were written.
   */
  #perform(chain: Chain, dma: Dma): number {
    const header = new DataView(gather(dma, chain.readable, 0, HEADER).buffer);
    const kind = header.getUint32(0, true);
    const sector = header.getUint32(12, true) * 0x1_0000_0000 + header.getUint32(8, true);
    const room = totalLength(chain.writable) - 1;
    const status = this.#tried(() => this.#carryOut(kind, sector, chain, room, dma));
    scatter(dma, chain.writable, room, Uint8Array.of(status));
    const filled = status !== OK || kind === FLUSH ? 0 : kind === GET_ID ? Math.min(room, ID_LENGTH) : room;
    return filled === room ? room + 1 : filled;
  }

  #tried(carryOut: () => number): number {
    try {
      return carryOut();
    } catch (e) {
      if (e instanceof MediumError) return IOERR;
      throw e;
    }
  }

  #carryOut(kind: number, sector: number, chain: Chain, room: number, dma: Dma): number {
    const sent = totalLength(chain.readable) - HEADER;
    switch (kind) {
      case IN:
        if (sent > 0) throw new QueueError("a block read whose data buffer is not writable");
        return this.#read(sector, chain, room, dma);
      case OUT:
        if (room > 0) throw new QueueError("a block write whose data buffer is writable");
        return this.#write(sector, chain, sent, dma);
      case FLUSH:
        this.#backend.flush();
        return OK;
      case GET_ID:
        return this.#identify(chain, room, dma);
      default:
        return UNSUPP;
    }
  }

  #read(sector: number, chain: Chain, length: number, dma: Dma): number {
    if (!this.#onDisk(sector, length)) return IOERR;
    const data = new Uint8Array(length);
    this.#backend.read(sector * SECTOR, data);
    scatter(dma, chain.writable, 0, data);
    return OK;
  }

  #write(sector: number, chain: Chain, length: number, dma: Dma): number {
    if (this.#backend.readOnly || !this.#onDisk(sector, length)) return IOERR;
    this.#backend.write(sector * SECTOR, gather(dma, chain.readable, HEADER, length));
    return OK;
  }

  #identify(chain: Chain, room: number, dma: Dma): number {
    const id = new Uint8Array(Math.min(ID_LENGTH, room));
    for (let i = 0; i < id.length && i < this.#id.length; i++) id[i] = this.#id.charCodeAt(i) & 0x7f;
    scatter(dma, chain.writable, 0, id);
    return OK;
  }

  /** Whole sectors, no more than are taken at once, and all of them there. */
  #onDisk(sector: number, length: number): boolean {
    return length > 0 && length <= MOST_DATA && length % SECTOR === 0 && sector + length / SECTOR <= this.#sectors;
  }
}

function loadChain(state: State, dma: Dma): Chain {
  const fields = new Fields(state, "disk request");
  const segments = (name: string): Segment[] =>
    fields.list(name, 1024).map((entry) => {
      const [pa, length] = Array.isArray(entry) ? entry : [];
      if (typeof pa !== "number" || typeof length !== "number" || dma.view(pa, length) === null) {
        throw new Error("snapshot: a disk request's buffer is not in RAM");
      }
      return { pa, length };
    });
  return { head: fields.number("head", QUEUE_SIZE - 1), readable: segments("readable"), writable: segments("writable") };
}
