// Keeps an idle guest's time in step with the clock on the wall, without sleeping for each short wait.

/** Waits are put off until they add up to this many ms: a disk's answer takes microseconds, the host's shortest sleep 1 ms. */
const WORTH_SLEEPING = 3;

export class Pacer {
  readonly #clock: () => number;
  /** How far (ms) virtual time has run ahead in waits that were not slept. */
  #ahead = 0;
  #seen: number;

  /** `clock` reads milliseconds of real time. */
  constructor(clock: () => number) {
    this.#clock = clock;
    this.#seen = clock();
  }

  /** The guest waits for `wanted` ms: how long to sleep now, in ms; 0 when the wait may be passed over. */
  wait(wanted: number): number {
    const now = this.#clock();
    this.#ahead = Math.max(0, this.#ahead - (now - this.#seen)) + wanted;
    this.#seen = now;
    return this.#ahead < WORTH_SLEEPING ? 0 : this.#ahead;
  }

  /** The sleep that `wait` asked for is over, or was cut short: nothing is owed. Returns how long (ms) it took. */
  slept(): number {
    const now = this.#clock();
    const took = now - this.#seen;
    this.#seen = now;
    this.#ahead = 0;
    return took;
  }
}

/** Sleeping that can be ended from elsewhere. */
export class Waker {
  #wake: (() => void) | undefined;
  #woken = false;

  /** Ends the sleep under way, or else the next one before it begins. */
  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }

  /** Sleep for `ms` (Infinity: until woken). */
  async sleep(ms: number): Promise<void> {
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        // A timer in any case: it keeps the process alive; and longer ones than this overflow.
        const timer = setTimeout(resolve, Math.min(ms, 1e9));
        this.#wake = (): void => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = undefined;
    this.#woken = false;
  }
}
