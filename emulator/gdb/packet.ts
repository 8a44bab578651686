// The framing of gdb's remote serial protocol (Debugging with GDB, appendix E): $body#checksum, acknowledgements, the
// escape character, run-length encoding, and the lone byte 0x03 that stands for Ctrl-C. Bytes in, bytes out; no meaning.

const DOLLAR = 0x24;
const HASH = 0x23;
const STAR = 0x2a;
const PLUS = 0x2b;
const MINUS = 0x2d;
const ESCAPE = 0x7d;
const CTRL_C = 0x03;
const ESCAPE_BIT = 0x20;

/** Bytes that a packet's body may have, both ways; gdb is told so in PacketSize. */
export const PACKET_SIZE = 0x4000;

/** What came over the line. */
export type Arrival =
  | { readonly kind: "packet"; readonly body: Uint8Array }
  /** A packet with a wrong checksum, or one longer than PACKET_SIZE. */
  | { readonly kind: "damaged" }
  | { readonly kind: "interrupt" }
  | { readonly kind: "ack" }
  | { readonly kind: "nack" };

/** Finds packets in a stream of bytes, however it is cut. Bytes between packets that mean nothing are passed over. */
export class PacketReader {
  readonly #body = new Uint8Array(PACKET_SIZE);
  #used = 0;
  #sum = 0;
  /** Between packets; in a body; after its escape character; at the first and second digit of the checksum. */
  #state: "between" | "body" | "escaped" | "high" | "low" = "between";
  #tooLong = false;
  #claimed = 0;

  /** Take bytes in; what they complete, in order. */
  feed(bytes: Uint8Array): Arrival[] {
    const out: Arrival[] = [];
    for (const byte of bytes) {
      const arrival = this.#state === "between" ? this.#between(byte) : this.#inside(byte);
      if (arrival !== undefined) out.push(arrival);
    }
    return out;
  }

  #between(byte: number): Arrival | undefined {
    switch (byte) {
      case DOLLAR:
        this.#begin();
        return undefined;
      case PLUS:
        return { kind: "ack" };
      case MINUS:
        return { kind: "nack" };
      case CTRL_C:
        return { kind: "interrupt" };
      default:
        return undefined;
    }
  }

  #inside(byte: number): Arrival | undefined {
    switch (this.#state) {
      case "high":
        this.#claimed = hexDigit(byte) << 4;
        this.#state = "low";
        return undefined;
      case "low":
        this.#state = "between";
        return this.#end(this.#claimed | hexDigit(byte));
      case "escaped":
        this.#sum += byte;
        this.#put(byte ^ ESCAPE_BIT);
        this.#state = "body";
        return undefined;
      default:
        return this.#inBody(byte);
    }
  }

  #inBody(byte: number): undefined {
    if (byte === HASH) this.#state = "high";
    else if (byte === DOLLAR) this.#begin(); // the last one was cut off: this is a new beginning
    else {
      this.#sum += byte;
      if (byte === ESCAPE) this.#state = "escaped";
      else this.#put(byte);
    }
    return undefined;
  }

  #begin(): void {
    this.#used = this.#sum = 0;
    this.#tooLong = false;
    this.#state = "body";
  }

  #put(byte: number): void {
    if (this.#used < PACKET_SIZE) this.#body[this.#used++] = byte;
    else this.#tooLong = true;
  }

  #end(claimed: number): Arrival {
    if (this.#tooLong || claimed !== (this.#sum & 0xff)) return { kind: "damaged" };
    return { kind: "packet", body: this.#body.slice(0, this.#used) };
  }
}

/** A packet with this body: escaped, run-length encoded, framed. */
export function encodePacket(body: Uint8Array): Uint8Array {
  const packed = runLength(escape(body));
  let sum = 0;
  for (const byte of packed) sum += byte;
  const out = new Uint8Array(packed.length + 4);
  out[0] = DOLLAR;
  out.set(packed, 1);
  out[packed.length + 1] = HASH;
  out.set(new TextEncoder().encode((sum & 0xff).toString(16).padStart(2, "0")), packed.length + 2);
  return out;
}

function escape(body: Uint8Array): number[] {
  const out: number[] = [];
  for (const byte of body) {
    if (byte === DOLLAR || byte === HASH || byte === ESCAPE || byte === STAR) out.push(ESCAPE, byte ^ ESCAPE_BIT);
    else out.push(byte);
  }
  return out;
}

/** Repetitions are counted in one printable byte: 29 more than the number of repeats, of which there must be 3 to 97. */
const COUNT_BIAS = 29;
const MOST_REPEATS = 126 - COUNT_BIAS;

function runLength(bytes: readonly number[]): number[] {
  const out: number[] = [];
  for (let i = 0; i < bytes.length; ) {
    const byte = bytes[i]!;
    let repeats = 0;
    while (repeats < MOST_REPEATS && bytes[i + repeats + 1] === byte) repeats++;
    if (repeats + COUNT_BIAS === HASH || repeats + COUNT_BIAS === DOLLAR) repeats = HASH - COUNT_BIAS - 1; // these two would end the packet
    out.push(byte);
    if (repeats >= 3) out.push(STAR, repeats + COUNT_BIAS);
    i += repeats >= 3 ? repeats + 1 : 1;
  }
  return out;
}

/** Value of a hexadecimal digit; −1 makes every checksum wrong. */
function hexDigit(byte: number): number {
  const value = "0123456789abcdef".indexOf(String.fromCharCode(byte).toLowerCase());
  return value;
}
