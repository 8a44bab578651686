// Runs a machine to its end for a person or a script: slices of work with the host's event loop between them, sleep
// while the guest is idle, typing what comes from outside.
import type { Input, Machine, Stop } from "../machine.ts";
import { exitStatus, UsageError } from "./errors.ts";
import type { PipedInput } from "./piped-input.ts";
import { Pacer, Waker } from "./pacer.ts";

/** What a session drives: a machine, or one under a debugger's control. */
export interface Runner {
  /** Like the machine's; "halted" when a debugger holds it. */
  run(maxSteps: number): Stop | { readonly reason: "halted" };
  skipTo(time: number): void;
  input(input: Input): void;
  /** Now is the present, not a part of the past that is being looked at: only then input is fetched for the guest. */
  readonly live: boolean;
  /** Called when `run` would do something again after "halted", or has less to do than it had. */
  onWake: () => void;
}

/** A machine and nothing around it. */
export const bare = (machine: Machine): Runner => ({
  run: (steps) => machine.run(steps), skipTo: (time) => machine.skipTo(time), input: (input) => machine.input(input), live: true, onWake: () => undefined,
});

export interface SessionOptions {
  /** An idle guest waits in real time. Otherwise idle time passes at once. */
  readonly realTime: boolean;
  /** Go on when the guest resets the machine. */
  readonly reboot: boolean;
  /** Input that is typed when the guest is ready for it; null: there is none, or it comes through `type`. */
  readonly piped: PipedInput | null;
  /** Takes that input; left out: the guest's console gets it as it is. */
  readonly takePiped?: ((bytes: Uint8Array) => void) | undefined;
  /** Something will be typed through `type`. */
  readonly keyboard: boolean;
  /** Called between slices; what was printed is on its way. Resolves when the host has taken it. */
  readonly between: () => Promise<void>;
}

/** How long (ms) a slice of work should take. */
const SLICE = 10;
const FIRST_STEPS = 200_000;
const LEAST_STEPS = 2_000;
const MOST_STEPS = 20_000_000;
/** A guest that is idle for at least so long (ns) is taken to wait for input. */
const LONG_IDLE = 20e6;
/** A guest that is never idle gets a piece of piped input so often (ms). */
const PATIENCE = 1000;

export class Session {
  readonly #machine: Machine;
  readonly #runner: Runner;
  readonly #o: SessionOptions;
  readonly #waker = new Waker();
  readonly #pacer = new Pacer(() => performance.now());
  #status: number | undefined;
  #fed = performance.now();
  #breathed = 0;

  constructor(machine: Machine, options: SessionOptions, runner = bare(machine)) {
    this.#machine = machine;
    this.#runner = runner;
    runner.onWake = () => this.#waker.wake();
    this.#o = options;
    if (options.piped !== null) {
      options.piped.onArrival = () => this.#waker.wake();
      if (options.realTime) options.piped.start();
    }
  }

  /** Type at the guest's console. */
  type(bytes: Uint8Array): void {
    this.#runner.input({ kind: "console", bytes });
    this.#waker.wake();
  }

  /** Make `run` return with this status soon. */
  end(status: number): void {
    this.#status ??= status;
    this.#waker.wake();
  }

  /** Run until the guest powers off, or `end`. Resolves with the process status. Rejects with UsageError. */
  async run(): Promise<number> {
    let steps = FIRST_STEPS;
    while (this.#status === undefined) {
      const began = performance.now();
      const stop = this.#runner.run(steps);
      const took = performance.now() - began;
      await this.#o.between();
      switch (stop.reason) {
        case "poweroff":
          return exitStatus(stop.code);
        case "reset":
          if (!this.#o.reboot) return 0;
          this.#machine.reset();
          break;
        case "halted":
          await this.#waker.sleep(Infinity);
          break;
        case "idle":
          await (this.#o.realTime ? this.#idle(stop.wakeAt) : this.#skip(stop.wakeAt));
          break;
        default:
          steps = Math.round(Math.min(MOST_STEPS, Math.max(LEAST_STEPS, steps * Math.min(4, Math.max(0.25, SLICE / took)))));
          if (this.#o.realTime && performance.now() - this.#fed > PATIENCE) this.#feed();
      }
      await this.#breathe();
    }
    return this.#status;
  }

  /** Let the host's event loop turn, but no more often than is of use. */
  async #breathe(): Promise<void> {
    if (performance.now() - this.#breathed < SLICE / 2) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#breathed = performance.now();
  }

  /** The guest waits, until `wakeAt` (ns) at the latest, and real time passes. */
  async #idle(wakeAt: number): Promise<void> {
    const m = this.#machine;
    if (wakeAt - m.now >= LONG_IDLE && this.#feed()) return;
    if (wakeAt === Infinity && !this.#o.keyboard && this.#o.piped?.exhausted !== false) {
      this.end(0); // nothing will ever happen any more
      return;
    }
    const wait = this.#pacer.wait((wakeAt - m.now) / 1e6);
    if (wait === 0) {
      this.#runner.skipTo(wakeAt);
      return;
    }
    await this.#waker.sleep(wait);
    this.#runner.skipTo(m.now + Math.floor(this.#pacer.slept() * 1e6));
  }

  /** The guest waits, and nobody watches: on to the next alarm at once. */
  async #skip(wakeAt: number): Promise<void> {
    if (wakeAt !== Infinity) {
      this.#runner.skipTo(wakeAt);
      return;
    }
    const { piped } = this.#o;
    piped?.start();
    if (this.#feed()) return;
    if (piped === null || piped.exhausted) {
      throw new UsageError(`the guest waits for ever: no timer is set, and there is no input${piped === null ? " (standard input is a terminal)" : " left"}`);
    }
    await this.#waker.sleep(Infinity);
  }

  /** Type the next piece of piped input, unless the guest has yet to take what was typed before. */
  #feed(): boolean {
    if (this.#machine.platform.uart.waiting > 0 || !this.#runner.live) return false;
    const piece = this.#o.piped?.next();
    if (piece === undefined) return false;
    this.#fed = performance.now();
    if (this.#o.takePiped === undefined) this.type(piece);
    else this.#o.takePiped(piece);
    return true;
  }
}
