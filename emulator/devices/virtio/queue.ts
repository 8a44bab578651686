// A split virtqueue, from the device's side (virtio 1.2, section 2.7): takes chains of buffers from the
// available ring, gives them back through the used ring. Everything in guest memory is doubted: a ring that
// makes no sense raises QueueError, which the transport turns into DEVICE_NEEDS_RESET. The work for one
// notification is bounded by the size of the queue, whatever the rings say.
import type { Dma, State } from "../../bus.ts";
import { Fields } from "../state.ts";

const DESC_NEXT = 1;
const DESC_WRITE = 2;
const DESC_INDIRECT = 4;
const AVAIL_NO_INTERRUPT = 1;
const DESC_SIZE = 16;
/** The longest chain that is followed, through an indirect table too. */
const MAX_CHAIN = 1024;
const TWO32 = 0x1_0000_0000;

/** The driver broke the rules of the ring; `message` says how. Never leaves the virtio folder. */
export class QueueError extends Error {}

/** One buffer of a chain, wholly in RAM. */
export interface Segment {
  readonly pa: number;
  readonly length: number;
}

/** A request: what the device may read, then what it may write. */
export interface Chain {
  /** The index by which the driver knows it. */
  readonly head: number;
  readonly readable: readonly Segment[];
  readonly writable: readonly Segment[];
}

/** Where the driver put the three parts of a ring, and how many entries it has. */
export interface Ring {
  readonly size: number;
  readonly descriptors: number;
  readonly available: number;
  readonly used: number;
}

/** See the top of this file. Built when the driver makes the queue ready. */
export class VirtQueue {
  readonly ring: Ring;
  readonly #dma: Dma;
  readonly #eventIndex: boolean;
  #lastAvailable = 0;
  #nextUsed = 0;
  /** Chains taken and not yet given back. */
  #inFlight = 0;

  /** Throws QueueError when the ring cannot be: bad size, misaligned parts, or outside RAM. */
  constructor(dma: Dma, ring: Ring, eventIndex: boolean) {
    const { size, descriptors, available, used } = ring;
    if (size < 1 || size > 0x8000 || (size & (size - 1)) !== 0) throw new QueueError(`queue size ${size} is not a power of two`);
    checkPart(dma, "descriptor table", descriptors, size * DESC_SIZE, 16);
    checkPart(dma, "available ring", available, 6 + 2 * size, 2);
    checkPart(dma, "used ring", used, 6 + 8 * size, 4);
    this.ring = ring;
    this.#dma = dma;
    this.#eventIndex = eventIndex;
  }

  /** The next chain, or null when the driver has offered no more. Throws QueueError on a ring without sense. */
  pop(): Chain | null {
    const { size, available, used } = this.ring;
    const index = this.#u16(available + 2);
    const offered = (index - this.#lastAvailable) & 0xffff;
    if (offered === 0) return null;
    if (offered > size) throw new QueueError(`available index ${index} is ${offered} ahead in a queue of ${size}`);
    if (this.#inFlight >= size) throw new QueueError(`more chains in flight than the queue of ${size} holds`);
    const head = this.#u16(available + 4 + 2 * (this.#lastAvailable & (size - 1)));
    if (head >= size) throw new QueueError(`available ring names descriptor ${head} of ${size}`);
    const chain = this.#chain(head);
    this.#lastAvailable = (this.#lastAvailable + 1) & 0xffff;
    this.#inFlight++;
    if (this.#eventIndex) this.#put16(used + 4 + 8 * size, this.#lastAvailable);
    return chain;
  }

  /** Give a chain back with `written` bytes in its writable part. True: the driver wants an interrupt. */
  push(head: number, written: number): boolean {
    const { size, available, used } = this.ring;
    const entry = new Uint8Array(8);
    const view = new DataView(entry.buffer);
    view.setUint32(0, head, true);
    view.setUint32(4, written, true);
    this.#put(used + 4 + 8 * (this.#nextUsed & (size - 1)), entry);
    this.#nextUsed = (this.#nextUsed + 1) & 0xffff;
    this.#put16(used + 2, this.#nextUsed);
    this.#inFlight--;
    if (!this.#eventIndex) return (this.#u16(available) & AVAIL_NO_INTERRUPT) === 0;
    const event = this.#u16(available + 4 + 2 * size);
    return event === ((this.#nextUsed - 1) & 0xffff);
  }

  save(): State {
    return { lastAvailable: this.#lastAvailable, nextUsed: this.#nextUsed, inFlight: this.#inFlight };
  }

  load(state: State): void {
    const fields = new Fields(state, "virtqueue");
    this.#inFlight = fields.number("inFlight", this.ring.size);
    this.#lastAvailable = fields.number("lastAvailable", 0xffff);
    this.#nextUsed = fields.number("nextUsed", 0xffff);
  }

  #chain(head: number): Chain {
    const readable: Segment[] = [];
    const writable: Segment[] = [];
    let table = this.ring.descriptors;
    let entries = this.ring.size;
    let index = head;
    let indirect = false;
    for (let steps = 0; ; steps++) {
      if (steps >= Math.min(entries, MAX_CHAIN)) throw new QueueError(`the chain of descriptor ${head} does not end`);
      const at = table + index * DESC_SIZE;
      const length = this.#u32(at + 8);
      const flags = this.#u16(at + 12);
      const pa = this.#u32(at + 4) * TWO32 + this.#u32(at);
      if ((flags & DESC_INDIRECT) !== 0) {
        if (indirect) throw new QueueError("an indirect table inside an indirect table");
        if ((flags & DESC_NEXT) !== 0) throw new QueueError("a descriptor is both indirect and continued");
        if (length === 0 || length % DESC_SIZE !== 0) throw new QueueError(`an indirect table of ${length} bytes`);
        this.#inRam(pa, length, "an indirect table");
        indirect = true;
        table = pa;
        entries = length / DESC_SIZE;
        index = 0;
        steps = -1;
        continue;
      }
      if (length === 0) throw new QueueError("a buffer of no length");
      this.#inRam(pa, length, "a buffer");
      if ((flags & DESC_WRITE) !== 0) writable.push({ pa, length });
      else if (writable.length > 0) throw new QueueError("a readable buffer after a writable one");
      else readable.push({ pa, length });
      if ((flags & DESC_NEXT) === 0) return { head, readable, writable };
      index = this.#u16(at + 14);
      if (index >= entries) throw new QueueError(`a chain goes on at descriptor ${index} of ${entries}`);
    }
  }

  #inRam(pa: number, length: number, what: string): void {
    if (this.#dma.view(pa, length) === null) {
      throw new QueueError(`${what} of ${length} bytes at 0x${pa.toString(16)} is not in RAM`);
    }
  }

  #u16(pa: number): number {
    const view = this.#look(pa, 2);
    return view[0]! | (view[1]! << 8);
  }

  #u32(pa: number): number {
    const view = this.#look(pa, 4);
    return (view[0]! | (view[1]! << 8) | (view[2]! << 16) | (view[3]! << 24)) >>> 0;
  }

  #look(pa: number, length: number): Uint8Array {
    const view = this.#dma.view(pa, length);
    if (view === null) throw new QueueError(`0x${pa.toString(16)} is not in RAM`);
    return view;
  }

  #put16(pa: number, value: number): void {
    this.#put(pa, Uint8Array.of(value & 0xff, value >> 8));
  }

  #put(pa: number, bytes: Uint8Array): void {
    if (!this.#dma.write(pa, bytes)) throw new QueueError(`0x${pa.toString(16)} is not in RAM`);
  }
}

function checkPart(dma: Dma, what: string, pa: number, length: number, alignment: number): void {
  if (pa % alignment !== 0) throw new QueueError(`the ${what} at 0x${pa.toString(16)} is not aligned to ${alignment}`);
  if (dma.view(pa, length) === null) throw new QueueError(`the ${what} at 0x${pa.toString(16)} is not in RAM`);
}

/** How many bytes the segments hold together. */
export function totalLength(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment.length, 0);
}

/** Copy `length` bytes from `skip` bytes into the segments. Throws QueueError when they are not there. */
export function gather(dma: Dma, segments: readonly Segment[], skip: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  const copied = eachPart(segments, skip, length, (pa, from, count) => {
    const view = dma.view(pa, count);
    if (view === null) throw new QueueError(`a buffer at 0x${pa.toString(16)} is not in RAM`);
    out.set(view, from);
  });
  if (copied !== length) throw new QueueError("a request is shorter than its kind needs");
  return out;
}

/** Copy `bytes` to `skip` bytes into the segments. Throws QueueError when there is no room. */
export function scatter(dma: Dma, segments: readonly Segment[], skip: number, bytes: Uint8Array): void {
  const copied = eachPart(segments, skip, bytes.length, (pa, from, count) => {
    if (!dma.write(pa, bytes.subarray(from, from + count))) {
      throw new QueueError(`a buffer at 0x${pa.toString(16)} is not in RAM`);
    }
  });
  if (copied !== bytes.length) throw new QueueError("a request has less room than its kind needs");
}

/** Visit the parts of [skip, skip+length) of the segments: (address, offset from skip, bytes). Returns the sum. */
function eachPart(
  segments: readonly Segment[],
  skip: number,
  length: number,
  visit: (pa: number, from: number, count: number) => void,
): number {
  let done = 0;
  let before = 0;
  for (const segment of segments) {
    const start = Math.max(skip + done - before, 0);
    const count = Math.min(segment.length - start, length - done);
    if (count > 0) {
      visit(segment.pa + start, done, count);
      done += count;
    }
    before += segment.length;
  }
  return done;
}
