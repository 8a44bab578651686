// The boot ROM: read-only bytes at the reset address. What stands in them is boot/bootrom.ts's matter.
import type { Device, State } from "../bus.ts";

/** Read-only memory on the bus; 0 beyond its bytes, and writes are lost. */
export class BootRom implements Device {
  readonly name = "bootrom";
  #bytes = new Uint8Array(0);

  /** Burn `bytes` (copied). */
  program(bytes: Uint8Array): void {
    this.#bytes = bytes.slice();
  }

  read(offset: number, size: number): number {
    return this.peek(offset, size);
  }

  peek(offset: number, size: number): number {
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + (this.#bytes[offset + i] ?? 0);
    return value;
  }

  write(_offset: number, _size: number, _value: number): void {
    // Read-only.
  }

  reset(): void {
    // The bytes stay.
  }

  save(): State {
    return this.#bytes.slice();
  }

  load(state: State): void {
    if (!(state instanceof Uint8Array)) throw new Error("snapshot: the boot ROM is not bytes");
    this.#bytes = state.slice();
  }
}
