// The framing of the Debug Adapter Protocol: a header that says how many bytes of JSON follow, as in HTTP. Bytes in,
// messages out.

/** Longest header and longest message that are taken, in bytes; a client sends some hundreds. */
const LONGEST_HEADER = 4096;
const LONGEST_MESSAGE = 16 * 2 ** 20;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Finds messages in a stream of bytes, however it is cut. */
export class MessageReader {
  #bytes = new Uint8Array();
  /** Length of the message whose header has been read; −1 between messages. */
  #length = -1;

  /** Take bytes in; the JSON values that they complete. Throws an Error of one line when the stream is none of this protocol. */
  feed(bytes: Uint8Array): unknown[] {
    const joined = new Uint8Array(this.#bytes.length + bytes.length);
    joined.set(this.#bytes);
    joined.set(bytes, this.#bytes.length);
    this.#bytes = joined;
    const out: unknown[] = [];
    while (this.#length >= 0 || this.#header()) {
      if (this.#bytes.length < this.#length) break;
      out.push(parse(decoder.decode(this.#bytes.subarray(0, this.#length))));
      this.#bytes = this.#bytes.slice(this.#length);
      this.#length = -1;
    }
    return out;
  }

  /** Take a header off the front; false when it has not come whole. */
  #header(): boolean {
    const text = String.fromCharCode(...this.#bytes.subarray(0, LONGEST_HEADER));
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) {
      if (text.length === LONGEST_HEADER) throw new Error("a message without a header");
      return false;
    }
    const [, digits] = /^Content-Length: *(\d{1,9})\r?$/im.exec(text.slice(0, end)) ?? [];
    if (digits === undefined) throw new Error("a header without Content-Length");
    if (Number(digits) > LONGEST_MESSAGE) throw new Error(`a message of ${digits} bytes: too long`);
    this.#bytes = this.#bytes.slice(end + 4);
    this.#length = Number(digits);
    return true;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Error("a message that is no JSON");
  }
}

/** A message as bytes, header included. */
export function encodeMessage(message: unknown): Uint8Array {
  const body = encoder.encode(JSON.stringify(message));
  const header = encoder.encode(`Content-Length: ${body.length}\r\n\r\n`);
  const out = new Uint8Array(header.length + body.length);
  out.set(header);
  out.set(body, header.length);
  return out;
}
