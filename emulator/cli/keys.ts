// The escape key of the terminal: Ctrl-A and the key after it are for Pagewalk, all else goes to the guest.

const CTRL_A = 0x01;

/** What a person can ask of Pagewalk itself. */
export type Action = "quit" | "help" | "monitor";

const ACTIONS: Readonly<Record<string, Action>> = { x: "quit", h: "help", "?": "help", c: "monitor" };

export const KEYS_HELP = `Ctrl-A x       quit: the machine stops at once
Ctrl-A h       this help
Ctrl-A c       the monitor: stop and look around (help says how); again: go on
Ctrl-A Ctrl-A  send Ctrl-A to the guest
`;

/** Parts what was typed into what the guest gets and what is meant for us, in order. Other keys after Ctrl-A do nothing. */
export class Keys {
  #escaped = false;
  readonly #type: (bytes: Uint8Array) => void;
  readonly #act: (action: Action) => void;

  constructor(type: (bytes: Uint8Array) => void, act: (action: Action) => void) {
    this.#type = type;
    this.#act = act;
  }

  take(bytes: Uint8Array): void {
    let out: number[] = [];
    const hand = (): void => {
      if (out.length > 0) this.#type(Uint8Array.from(out));
      out = [];
    };
    for (const byte of bytes) {
      if (!this.#escaped) {
        if (byte === CTRL_A) this.#escaped = true;
        else out.push(byte);
        continue;
      }
      this.#escaped = false;
      const action = ACTIONS[String.fromCharCode(byte).toLowerCase()];
      if (byte === CTRL_A) out.push(byte);
      else if (action !== undefined) {
        hand();
        this.#act(action);
      }
    }
    hand();
  }
}
