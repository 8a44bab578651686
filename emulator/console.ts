// What the guest printed: passed on as bytes, kept as text, and searched by those who wait for a prompt.

/** Characters of console text that are kept; a guest may print for ever. */
const KEPT = 4 * 2 ** 20;
const CHUNK = 4096;

export class Console {
  /** Called with what the guest printed, when `run` returns or a good deal has gathered. */
  onOutput: (bytes: Uint8Array) => void = () => undefined;
  /** What was printed so far (the last 4 Mi characters of it). */
  text = "";
  private matched = 0;
  private readonly buffer = new Uint8Array(CHUNK);
  private used = 0;
  private readonly decoder = new TextDecoder();

  put(byte: number): void {
    this.buffer[this.used++] = byte;
    if (this.used === CHUNK) this.flush();
  }

  flush(): void {
    if (this.used === 0) return;
    const bytes = this.buffer.slice(0, this.used);
    this.used = 0;
    this.text += this.decoder.decode(bytes, { stream: true });
    if (this.text.length > 2 * KEPT) {
      const cut = this.text.length - KEPT;
      this.text = this.text.slice(cut);
      this.matched = Math.max(0, this.matched - cut);
    }
    this.onOutput(bytes);
  }

  /** Is `wanted` printed after the last match? If so the next search starts behind it. */
  match(wanted: string): boolean {
    this.flush();
    const at = this.text.indexOf(wanted, this.matched);
    if (at < 0) return false;
    this.matched = at + wanted.length;
    return true;
  }

  /** What was printed since the last match. */
  get unmatched(): string {
    this.flush();
    return this.text.slice(this.matched);
  }
}
