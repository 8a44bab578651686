// For tests: a gdb connection over an in-memory stream, with a machine that runs when it is pumped.

import { Machine } from "../machine.ts";
import { directChanges } from "../history/changes.ts";
import { History } from "../history/history.ts";
import { Monitor } from "../monitor/monitor.ts";
import type { RunControl } from "../monitor/run-control.ts";
import { GdbConnection } from "./connection.ts";
import { DebugTarget } from "./debug-target.ts";
import { KERNEL_FILE } from "./files.ts";

const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** A packet as gdb sends it; what is special in the body has been escaped. */
export const packet = (body: string): string => `$${body}#${([...body].reduce((n, c) => n + c.charCodeAt(0), 0) & 0xff).toString(16).padStart(2, "0")}`;

/** What gdb makes of a packet's body: run lengths and escapes undone. */
const decoded = (body: string): string =>
  body.replace(/(.)\*(.)/gs, (_, c: string, n: string) => c.repeat(n.charCodeAt(0) - 28)).replace(/\}(.)/gs, (_, c: string) => String.fromCharCode(c.charCodeAt(0) ^ 0x20));

/** A machine, its debugger, and gdb's side of a connection. */
export class Bench {
  readonly machine: Machine;
  readonly control: RunControl;
  readonly target: DebugTarget;
  killed = 0;
  private connection: GdbConnection;
  private received = "";

  /** Without a history there is no going back. */
  static async of(kernel: Uint8Array, harts = 1, { history }: { history: boolean } = { history: false }): Promise<Bench> {
    const machine = await Machine.create({ kernel, harts, memory: 2 ** 20 });
    return new Bench(machine, history ? new History(machine, { interval: 1000 }) : undefined);
  }

  private constructor(machine: Machine, history: History | undefined) {
    this.machine = machine;
    const monitor = new Monitor(machine, { timeline: history, door: history, drive: () => undefined });
    this.control = monitor.control;
    this.target = new DebugTarget(monitor, history ?? directChanges(machine), new Map([[KERNEL_FILE, machine.options.kernel!]]), () => { this.killed++; });
    this.connection = this.connect();
  }

  private connect(): GdbConnection {
    this.received = "";
    return new GdbConnection(this.target, (bytes) => { this.received += latin1(bytes); });
  }

  /** The line breaks, and a gdb comes anew. */
  reconnect(): void {
    this.connection.close();
    this.connection = this.connect();
  }

  close(): void {
    this.connection.close();
  }

  /** Raw bytes to the server; the raw bytes that it answers with. */
  async raw(text: string): Promise<string> {
    this.received = "";
    this.connection.receive(bytesOf(text));
    await new Promise((resolve) => setImmediate(resolve));
    return this.received;
  }

  /** A packet, and the body of the last packet that answers it; undefined when there is none yet. */
  async ask(body: string): Promise<string | undefined> {
    return this.last(await this.raw(packet(body)));
  }

  /** Let the machine run until it halts or ends, at most so many steps; the last packet that gdb then gets (`each` hears of all). */
  pump(steps = 1_000_000, each: (body: string) => void = () => undefined): string | undefined {
    this.received = "";
    const end = this.machine.steps + steps;
    while (this.machine.steps < end) {
      const stop = this.control.run(Math.min(1000, end - this.machine.steps));
      if (stop.reason === "halted" || stop.reason === "poweroff") break;
      if (stop.reason === "idle") this.control.skipTo(stop.wakeAt);
    }
    return this.last(this.received, each);
  }

  /** A resume packet, and the stop reply. */
  async run(body: string): Promise<string | undefined> {
    const refusal = await this.ask(body);
    return refusal ?? this.pump();
  }

  private last(stream: string, each: (body: string) => void = () => undefined): string | undefined {
    const bodies = [...stream.matchAll(/\$([^#]*)#[0-9a-f]{2}/gs)].map(([, body]) => decoded(body!));
    bodies.forEach(each);
    return bodies.at(-1);
  }
}
