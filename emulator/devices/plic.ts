// The PLIC: gathers the devices' interrupt wires and hands them to harts by priority.
//
//   0x000000 + 4s             priority of source s (0: never, 7: highest)
//   0x001000                  pending bits, one a source (read only)
//   0x002000 + 0x80 c         enable bits of context c
//   0x200000 + 0x1000 c       threshold of context c: only priorities above it interrupt
//   0x200004 + 0x1000 c       read: claim the best pending source; write: complete it
//
// RISC-V PLIC specification 1.0. Each source has a gateway for a level-triggered wire: while its wire is high
// it forwards one request, then waits for the completion before it forwards another. A forwarded request stays
// pending even when the wire falls. A claim does not look at the threshold.
import type { Device, IrqLine, State } from "../bus.ts";
import { Fields } from "./state.ts";

const PENDING = 0x1000;
const ENABLE = 0x2000;
const ENABLE_STRIDE = 0x80;
const CONTEXT = 0x20_0000;
const CONTEXT_STRIDE = 0x1000;
const PRIORITY_MASK = 7;

/** See the top of this file. Only words are accessible; what does not exist reads 0 and swallows writes. */
export class Plic implements Device {
  readonly name = "plic";
  readonly #sources: number;
  readonly #words: number;
  readonly #contexts: readonly IrqLine[];
  readonly #priority: Uint8Array;
  readonly #level: Uint32Array;
  readonly #pending: Uint32Array;
  /** Claimed and not yet completed: the gateway is shut. */
  readonly #inService: Uint32Array;
  /** Enable bits, `#words` for each context. */
  readonly #enable: Uint32Array;
  readonly #threshold: Uint8Array;

  /** Sources 1..`sources`; one outgoing wire for each context (2h: M mode of hart h, 2h+1: S mode). */
  constructor(sources: number, contexts: readonly IrqLine[]) {
    this.#sources = sources;
    this.#words = (sources >> 5) + 1;
    this.#contexts = contexts;
    this.#priority = new Uint8Array(sources + 1);
    this.#level = new Uint32Array(this.#words);
    this.#pending = new Uint32Array(this.#words);
    this.#inService = new Uint32Array(this.#words);
    this.#enable = new Uint32Array(this.#words * contexts.length);
    this.#threshold = new Uint8Array(contexts.length);
  }

  /** The wire of one source (1..sources), for a device to pull. */
  line(source: number): IrqLine {
    if (source < 1 || source > this.#sources) throw new Error(`plic: there is no source ${source}`);
    return { set: (level) => this.#setLevel(source, level) };
  }

  read(offset: number, size: number): number {
    const context = contextOf(offset);
    if (offset >= CONTEXT && (offset & 0xfff) === 4 && context < this.#contexts.length) return this.#claim(context);
    return this.peek(offset, size);
  }

  peek(offset: number, _size: number): number {
    if (offset < PENDING) return this.#priority[offset >> 2] ?? 0;
    if (offset < ENABLE) return this.#pending[(offset - PENDING) >> 2] ?? 0;
    if (offset < CONTEXT) {
      const index = this.#enableIndex(offset);
      return index < 0 ? 0 : this.#enable[index]!;
    }
    const context = contextOf(offset);
    if (context >= this.#contexts.length) return 0;
    if ((offset & 0xfff) === 0) return this.#threshold[context]!;
    return (offset & 0xfff) === 4 ? this.#best(context, 0) : 0;
  }

  write(offset: number, _size: number, value: number): void {
    if (offset < PENDING) {
      const source = offset >> 2;
      if (source >= 1 && source <= this.#sources) this.#priority[source] = value & PRIORITY_MASK;
    } else if (offset >= ENABLE && offset < CONTEXT) {
      this.#writeEnable(this.#enableIndex(offset), value);
    } else if (offset >= CONTEXT) {
      this.#writeContext(contextOf(offset), offset & 0xfff, value);
    }
    this.#update();
  }

  reset(): void {
    for (const array of [this.#priority, this.#level, this.#pending, this.#inService, this.#enable, this.#threshold]) {
      array.fill(0);
    }
    this.#update();
  }

  save(): State {
    return {
      priority: [...this.#priority],
      level: [...this.#level],
      pending: [...this.#pending],
      inService: [...this.#inService],
      enable: [...this.#enable],
      threshold: [...this.#threshold],
    };
  }

  load(state: State): void {
    const fields = new Fields(state, this.name);
    const priority = fields.numbers("priority", this.#priority.length, PRIORITY_MASK);
    const level = fields.numbers("level", this.#words);
    const pending = fields.numbers("pending", this.#words);
    const inService = fields.numbers("inService", this.#words);
    const enable = fields.numbers("enable", this.#enable.length);
    this.#threshold.set(fields.numbers("threshold", this.#threshold.length, PRIORITY_MASK));
    this.#priority.set(priority);
    this.#level.set(level);
    this.#pending.set(pending);
    this.#inService.set(inService);
    this.#enable.set(enable);
    this.#update();
  }

  #setLevel(source: number, level: boolean): void {
    const word = source >> 5;
    const bit = 1 << (source & 31);
    const was = this.#level[word]! & bit;
    if ((was !== 0) === level) return;
    this.#level[word]! ^= bit;
    if (level) {
      this.#gateway(word, bit);
      this.#update();
    }
  }

  /** Forward the wire's level as a request, unless the gateway waits for a completion. */
  #gateway(word: number, bit: number): void {
    if ((this.#level[word]! & ~this.#inService[word]! & bit) !== 0) this.#pending[word]! |= bit;
  }

  #claim(context: number): number {
    const source = this.#best(context, 0);
    if (source === 0) return 0;
    const bit = 1 << (source & 31);
    this.#pending[source >> 5]! &= ~bit;
    this.#inService[source >> 5]! |= bit;
    this.#update();
    return source;
  }

  #writeContext(context: number, register: number, value: number): void {
    if (context >= this.#contexts.length) return;
    if (register === 0) this.#threshold[context] = value & PRIORITY_MASK;
    else if (register === 4) this.#complete(context, value);
  }

  /** A completion counts only for a source that the context has enabled; any other is ignored. */
  #complete(context: number, source: number): void {
    if (source < 1 || source > this.#sources) return;
    const word = source >> 5;
    const bit = 1 << (source & 31);
    if ((this.#enable[context * this.#words + word]! & bit) === 0) return;
    this.#inService[word]! &= ~bit;
    this.#gateway(word, bit);
  }

  /** The pending, enabled source of the highest priority above `threshold` (ties: lowest number), or 0. */
  #best(context: number, threshold: number): number {
    let best = 0;
    let bestPriority = threshold;
    for (let word = 0; word < this.#words; word++) {
      let bits = this.#pending[word]! & this.#enable[context * this.#words + word]!;
      while (bits !== 0) {
        const source = word * 32 + 31 - Math.clz32(bits & -bits);
        bits &= bits - 1;
        if (this.#priority[source]! > bestPriority) {
          bestPriority = this.#priority[source]!;
          best = source;
        }
      }
    }
    return best;
  }

  #update(): void {
    for (let context = 0; context < this.#contexts.length; context++) {
      this.#contexts[context]!.set(this.#best(context, this.#threshold[context]!) !== 0);
    }
  }

  /** Index into `#enable`, or -1 where there is nothing. */
  #enableIndex(offset: number): number {
    const context = Math.floor((offset - ENABLE) / ENABLE_STRIDE);
    const word = ((offset - ENABLE) % ENABLE_STRIDE) >> 2;
    return context < this.#contexts.length && word < this.#words ? context * this.#words + word : -1;
  }

  #writeEnable(index: number, value: number): void {
    if (index < 0) return;
    const word = index % this.#words;
    const none = word === 0 ? 1 : 0; // source 0 does not exist
    const last = this.#sources - word * 32;
    const beyond = last >= 31 ? 0 : ~((2 << last) - 1);
    this.#enable[index] = value & ~none & ~beyond;
  }
}

function contextOf(offset: number): number {
  return Math.floor((offset - CONTEXT) / CONTEXT_STRIDE);
}
