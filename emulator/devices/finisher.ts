// The finisher: a word stored at its start ends the run. 0x5555: pass; code<<16 | 0x3333: fail with that
// code; 0x7777: reset the machine. Layout of SiFive's test device.
import type { Device, State } from "../bus.ts";

/** How the guest ended the run. */
export type Finish = { kind: "pass" } | { kind: "fail"; code: number } | { kind: "reset" };

const PASS = 0x5555;
const FAIL = 0x3333;
const RESET = 0x7777;

/** See the top of this file. Any other word is ignored; it reads 0. */
export class Finisher implements Device {
  readonly name = "finisher";
  readonly #onFinish: (finish: Finish) => void;

  constructor(onFinish: (finish: Finish) => void) {
    this.#onFinish = onFinish;
  }

  read(_offset: number, _size: number): number {
    return 0;
  }

  peek(_offset: number, _size: number): number {
    return 0;
  }

  write(offset: number, _size: number, value: number): void {
    if (offset !== 0) return;
    const word = value & 0xffff;
    if (word === PASS) this.#onFinish({ kind: "pass" });
    else if (word === FAIL) this.#onFinish({ kind: "fail", code: value >>> 16 });
    else if (word === RESET) this.#onFinish({ kind: "reset" });
  }

  reset(): void {
    // It remembers nothing.
  }

  save(): State {
    return null;
  }

  load(_state: State): void {
    // It remembers nothing.
  }
}
