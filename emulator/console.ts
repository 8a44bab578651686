// What the guest printed: passed on as bytes, kept as text, and searched by those who wait for a prompt. It goes back
// and forth in time with the machine: bytes printed again are those that are known, and nobody is shown them twice.

/** Bytes of output that are kept; a guest may print for ever. */
const KEPT = 4 * 2 ** 20;
const CHUNK = 4096;

export class Console {
  /** Called with what the guest printed, when `run` returns or a good deal has gathered. */
  onOutput: (bytes: Uint8Array) => void = () => undefined;
  /** Bytes printed since power-on, up to the present moment. */
  count = 0;
  /** The bytes numbered `first` to `known` − 1; those from `count` on belong to a future that was seen before. */
  private bytes = new Uint8Array(CHUNK);
  private first = 0;
  private known = 0;
  /** Bytes that were passed on. */
  private shown = 0;
  /** `decoded` bytes as text, and how much of that was matched. */
  private decodedText = "";
  private decoded = 0;
  private decoder = new TextDecoder();
  private matched = 0;

  /** What was printed so far (the last 4 to 8 MiB of it). */
  get text(): string {
    const from = Math.max(this.decoded, this.first);
    if (from < this.count) {
      this.decodedText += this.decoder.decode(this.bytes.subarray(from - this.first, this.count - this.first), { stream: true });
      this.decoded = this.count;
    }
    return this.decodedText;
  }

  put(byte: number): void {
    if (this.count === this.known) {
      if (this.known - this.first === this.bytes.length) this.makeRoom();
      this.bytes[this.known++ - this.first] = byte;
    }
    this.count++;
    if (this.count - this.shown >= CHUNK) this.flush();
  }

  /** Pass on what was not yet. */
  flush(): void {
    if (this.count <= this.shown) return;
    const bytes = this.bytes.slice(Math.max(0, this.shown - this.first), this.count - this.first);
    this.shown = this.count;
    this.onOutput(bytes);
  }

  /** Is `wanted` printed after the last match? If so the next search starts behind it. */
  match(wanted: string): boolean {
    this.flush();
    const at = this.text.indexOf(wanted, Math.min(this.matched, this.text.length));
    if (at < 0) return false;
    this.matched = at + wanted.length;
    return true;
  }

  /** What was printed since the last match. */
  get unmatched(): string {
    this.flush();
    return this.text.slice(this.matched);
  }

  /** The moment is one at which `count` bytes had been printed; what comes after them stays known. */
  goTo(count: number): void {
    this.flush();
    this.count = count;
    if (this.decoded > count) this.decodeAgain();
  }

  /** What was known of the future will not happen. */
  cut(): void {
    this.known = this.shown = this.count;
    this.matched = Math.min(this.matched, this.text.length);
  }

  /** Double the room, or let go of the oldest bytes. */
  private makeRoom(): void {
    const { length } = this.bytes;
    if (length < 2 * KEPT) {
      const larger = new Uint8Array(2 * length);
      larger.set(this.bytes);
      this.bytes = larger;
      return;
    }
    this.flush();
    const before = this.text.length;
    this.bytes.copyWithin(0, KEPT);
    this.first += length - KEPT;
    this.decodeAgain();
    this.matched = Math.max(0, this.matched - (before - this.text.length));
  }

  private decodeAgain(): void {
    this.decodedText = "";
    this.decoder = new TextDecoder();
    this.decoded = 0;
  }
}
