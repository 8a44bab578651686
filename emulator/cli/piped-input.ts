// Standard input that is no terminal: it is typed for the guest, line by line, no faster than the guest takes it.
import type { Readable } from "node:stream";

const NEWLINE = 0x0a;
const CTRL_D = 0x04;
/** The longest piece typed at once: shorter than any console's line buffer. */
const PIECE = 100;
/** Bytes kept waiting before the pipe is told to wait. */
const HIGH = 1 << 16;

export class PipedInput {
  /** Called when something has come, or the end. */
  onArrival: () => void = () => undefined;
  readonly #stream: Readable;
  #waiting: Uint8Array = new Uint8Array(0);
  #started = false;
  #ended = false;
  #saidEnd = false;
  #lastByte = NEWLINE;

  constructor(stream: Readable) {
    this.#stream = stream;
  }

  /** Begin to read; until then the pipe's contents are left to others. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    const end = (): void => {
      this.#ended = true;
      this.onArrival();
    };
    this.#stream.on("data", (chunk: Uint8Array) => {
      const joined = new Uint8Array(this.#waiting.length + chunk.length);
      joined.set(this.#waiting);
      joined.set(chunk, this.#waiting.length);
      this.#waiting = joined;
      if (joined.length > HIGH) this.#stream.pause();
      this.onArrival();
    });
    this.#stream.on("end", end);
    this.#stream.on("close", end);
    this.#stream.on("error", end);
  }

  /** Nothing is left, and nothing will come. */
  get exhausted(): boolean {
    return this.#saidEnd;
  }

  /** The next piece to type: a line, or a part of a long one; at the end of input, once, Ctrl-D. Undefined: nothing yet. */
  next(): Uint8Array | undefined {
    if (this.#waiting.length === 0) return this.#ended && !this.#saidEnd ? this.#end() : undefined;
    const newline = this.#waiting.indexOf(NEWLINE);
    const length = Math.min(newline < 0 ? this.#waiting.length : newline + 1, PIECE);
    const piece = this.#waiting.subarray(0, length);
    this.#waiting = this.#waiting.subarray(length);
    this.#lastByte = piece[length - 1]!;
    if (this.#waiting.length < HIGH / 2 && this.#stream.isPaused()) this.#stream.resume();
    return piece;
  }

  /** After half a line the first Ctrl-D only hands the line over. */
  #end(): Uint8Array {
    this.#saidEnd = true;
    return this.#lastByte === NEWLINE ? Uint8Array.of(CTRL_D) : Uint8Array.of(CTRL_D, CTRL_D);
  }
}
