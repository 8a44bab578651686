// The TCP port on which gdb is served: loopback only, one gdb at a time.

import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { GdbConnection } from "./connection.ts";
import type { GdbTarget } from "./target.ts";

/** This computer and no other: whoever talks to the port may do anything with the machine. */
const LOOPBACK = "127.0.0.1";
/**
 * What the first byte of a gdb may be: an acknowledgement, a packet, Ctrl-C. Web browsers can be made to talk to any
 * port of their own computer, and begin otherwise.
 */
const FIRST_BYTES = new Set("+-$\x03".split("").map((c) => c.charCodeAt(0)));
/** A connection that says nothing at first is cut after so long (ms). */
const SILENCE = 10_000;
/** How long (ms) a gdb may take at the end to read what was said. */
const LAST_WORDS = 500;
/** Bytes that may wait for a gdb which does not read, before the line is cut. */
const MOST_UNREAD = 16 * 2 ** 20;

export interface GdbServerEvents {
  /** A gdb has come or gone; something for the person at the terminal. */
  readonly onChange: (attached: boolean) => void;
}

export class GdbServer {
  readonly #target: GdbTarget;
  readonly #events: GdbServerEvents;
  readonly #server: Server;
  /** The gdb that is attached. */
  #talk: { readonly socket: Socket; readonly connection: GdbConnection } | null = null;

  /** Serve on `port` (0: any that is free). Resolves when it can be connected to; rejects with the host's error. */
  static async listen(target: GdbTarget, port: number, events: GdbServerEvents): Promise<GdbServer> {
    const server = new GdbServer(target, events);
    await new Promise<void>((resolve, reject) => {
      server.#server.once("error", reject);
      server.#server.listen({ host: LOOPBACK, port }, () => {
        server.#server.off("error", reject);
        server.#server.on("error", () => undefined); // a connection that could not be accepted is the other side's loss
        resolve();
      });
    });
    return server;
  }

  private constructor(target: GdbTarget, events: GdbServerEvents) {
    this.#target = target;
    this.#events = events;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Serve no more. Resolves when gdb has got what was written before, or has had time to. */
  async close(): Promise<void> {
    this.#server.close();
    const talk = this.#talk;
    if (talk === null) return;
    const { socket, connection } = talk;
    const late = new Promise((resolve) => { setTimeout(resolve, LAST_WORDS).unref(); });
    await Promise.race([late, connection.settled().then(() => new Promise<void>((resolve) => { socket.end(resolve); }))]);
    socket.destroy();
  }

  #accept(socket: Socket): void {
    let connection: GdbConnection | null = null;
    socket.on("error", () => socket.destroy());
    socket.setTimeout(SILENCE, () => socket.destroy());
    socket.on("data", (bytes: Buffer) => {
      connection ??= this.#connect(socket, bytes[0]!);
      connection?.receive(bytes);
    });
    socket.on("close", () => {
      if (connection === null) return;
      this.#talk = null;
      connection.close();
      this.#events.onChange(false);
    });
  }

  /** The other side has begun to talk: a connection, or null where it is no gdb or there is one already. */
  #connect(socket: Socket, first: number): GdbConnection | null {
    if (this.#talk !== null || !FIRST_BYTES.has(first)) {
      socket.destroy();
      return null;
    }
    socket.setTimeout(0);
    this.#events.onChange(true);
    const connection = new GdbConnection(this.#target, (bytes) => {
      if (socket.writableLength > MOST_UNREAD) socket.destroy();
      else if (!socket.writableEnded) socket.write(bytes);
    });
    this.#talk = { socket, connection };
    return connection;
  }
}
