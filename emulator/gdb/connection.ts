// One gdb at the other end of a stream of bytes: takes its packets, answers them, and tells it of stops. All-stop mode:
// while the machine runs, gdb waits for the one answer to its last order. Hostile packets get an error or nothing.

import type { Report } from "../monitor/run-control.ts";
import { Breakpoints } from "./breakpoints.ts";
import { Files } from "./files.ts";
import { hexNumber, hexRegister, hexSmall, fromHex, registerHex, toHex } from "./hex.ts";
import { physicalSpace, readMemory, type AddressSpace } from "../monitor/address-space.ts";
import { encodePacket, PACKET_SIZE, PacketReader, type Arrival } from "./packet.ts";
import { Queries } from "./queries.ts";
import { GENERAL_COUNT, readRegister } from "./registers.ts";
import { begin, parseResume, parseThread, VCONT_ACTIONS, type Resumption } from "./resume.ts";
import { refusedReply, stopReply } from "./stop-reply.ts";
import type { GdbTarget } from "./target.ts";
import { threadOf } from "./transfer.ts";

/** EINVAL and EFAULT, as gdb numbers errors; EBUSY while the machine runs. */
const BAD = "E16";
const FAULT = "E0e";
const BUSY = "E10";
const OK = "OK";
/** gdb's number of the pc. */
const PC = GENERAL_COUNT - 1;
/** What the protocol answers to a packet that is not known. */
const UNKNOWN = "";
/** Packets that may wait while an answer is being made; a gdb sends one. */
const MOST_WAITING = 64;

const encoder = new TextEncoder();
const latin1 = new TextDecoder("latin1");

/** What H chose, and how addresses are meant: shared by all that answers packets. */
export interface ConnectionState {
  hart: number;
  /** Qqemu.PhyMemMode: addresses are physical ones. */
  physical: boolean;
}

export class GdbConnection {
  readonly #target: GdbTarget;
  readonly #send: (bytes: Uint8Array) => void;
  readonly #reader = new PacketReader();
  readonly #state: ConnectionState = { hart: 0, physical: false };
  readonly #breakpoints: Breakpoints;
  readonly #queries: Queries;
  readonly #files: Files;
  readonly #waiting: Arrival[] = [];
  /** Undoes what attaching did. */
  readonly #leave: () => void;
  #answering = false;
  #working: Promise<void> = Promise.resolve();
  /** A monitor command is being carried out. */
  #commanding = false;
  /** gdb gave an order and waits for the stop. */
  #awaitsStop = false;
  #acknowledges = true;
  /** gdb has written the pc since the last stop: a jump, or a call of a function. */
  #jumped = false;
  #last: Uint8Array = new Uint8Array();
  #open = true;

  /** The machine halts: gdb takes it to be stopped when it attaches. `send` passes bytes to gdb. */
  constructor(target: GdbTarget, send: (bytes: Uint8Array) => void) {
    this.#target = target;
    this.#send = send;
    this.#breakpoints = new Breakpoints(target);
    this.#queries = new Queries(target, this.#state, (text) => this.#console(text));
    this.#files = new Files(target.files);
    target.control.halt();
    this.#state.hart = this.#stoppedHart();
    const { control } = target;
    const undo = [control.onReport((report) => this.#stopped(report)), ...(target.hasHistory ? [control.holdAtEnd()] : [])];
    this.#leave = () => undo.forEach((u) => u());
  }

  /** Bytes from gdb. */
  receive(bytes: Uint8Array): void {
    for (const arrival of this.#reader.feed(bytes)) {
      // A command of the monitor's that runs the machine ends by Ctrl-C; any other Ctrl-C has its turn among the packets.
      if (arrival.kind === "interrupt" && this.#commanding) this.#target.control.halt();
      if (this.#waiting.length >= MOST_WAITING) break;
      this.#waiting.push(arrival);
    }
    if (!this.#answering) this.#working = this.#work();
  }

  /** The line was lost. What gdb had put into the machine goes; the machine stays as it is, stopped or running. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#leave();
    this.#breakpoints.clear();
  }

  /** Resolves when every packet that has come is answered. */
  async settled(): Promise<void> {
    await this.#working;
  }

  /** One packet after the other: the answer to a monitor command may take its time. */
  async #work(): Promise<void> {
    this.#answering = true;
    for (let a = this.#waiting.shift(); a !== undefined && this.#open; a = this.#waiting.shift()) await this.#take(a);
    this.#answering = false;
  }

  async #take(arrival: Arrival): Promise<void> {
    switch (arrival.kind) {
      case "interrupt":
        this.#target.control.halt();
        break;
      case "nack":
        if (this.#acknowledges) this.#send(this.#last);
        break;
      case "damaged":
        if (this.#acknowledges) this.#send(encoder.encode("-"));
        break;
      case "packet": {
        if (this.#acknowledges) this.#send(encoder.encode("+"));
        const answer = await this.#answer(arrival.body).catch(() => BAD); // whatever it was, gdb goes on
        if (answer !== undefined && this.#open) this.#reply(answer);
        break;
      }
      case "ack":
        break;
    }
  }

  #reply(body: string | Uint8Array): void {
    this.#last = encodePacket(typeof body === "string" ? encoder.encode(body) : body);
    this.#send(this.#last);
  }

  /** Text on gdb's console, while it waits for an answer. */
  #console(text: string): void {
    const most = PACKET_SIZE / 4;
    const bytes = encoder.encode(text);
    for (let at = 0; at < bytes.length; at += most) this.#reply(`O${toHex(bytes.subarray(at, at + most))}`);
  }

  #stopped(report: Report): void {
    if (!this.#awaitsStop) return;
    this.#awaitsStop = false;
    if (report.reason === "stop") this.#state.hart = report.hart;
    const text = this.#target.explain(report, (id) => this.#breakpoints.inserted(id) !== undefined);
    if (text !== "") this.#console(`${text}\n`);
    this.#reply(this.#stopReply(report));
  }

  #stoppedHart(): number {
    const { last } = this.#target.control;
    return last?.reason === "stop" ? last.hart : this.#target.machine.lastHart;
  }

  get #space(): AddressSpace {
    return this.#state.physical ? physicalSpace : this.#target.space(this.#state.hart);
  }

  /** The answer to a packet; undefined when there is none now. */
  async #answer(body: Uint8Array): Promise<string | Uint8Array | undefined> {
    const text = latin1.decode(body);
    if (this.#awaitsStop) return BUSY;
    if (text === "QStartNoAckMode") {
      this.#reply(OK);
      this.#acknowledges = false;
      return undefined;
    }
    switch (text[0]) {
      case "q":
      case "Q":
        return await this.#query(text);
      case "X":
        return this.#writeBinary(body, text);
      case "D":
        return this.#detach();
      case "k":
        this.#target.kill();
        return undefined;
      case "c": case "C": case "s": case "S": case "b":
        return this.#resume(parseResume(text, this.#harts, this.#state.hart), text[0] === "b" ? UNKNOWN : BAD);
      case "v":
        return this.#verb(text);
      default:
        return this.#plain(text[0] ?? "", text.slice(1));
    }
  }

  async #query(text: string): Promise<string> {
    this.#commanding = text.startsWith("qRcmd,");
    try {
      return await this.#queries.answer(text);
    } finally {
      this.#commanding = false;
    }
  }

  get #harts(): number {
    return this.#target.machine.harts.length;
  }

  /** Packets of one letter that neither set the machine going nor take long. */
  #plain(letter: string, rest: string): string {
    switch (letter) {
      case "?": return this.#why();
      case "g": return this.#readGeneral();
      case "G": return this.#writeGeneral(rest);
      case "p": return this.#readOne(rest);
      case "P": return this.#writeOne(rest);
      case "m": return this.#read(rest);
      case "M": return this.#write(rest);
      case "H": return this.#select(rest);
      case "T": return parseThread(rest, this.#harts, -1) === undefined ? BAD : OK;
      case "Z": return this.#breakpoints.insert(rest, this.#state.physical) ?? UNKNOWN;
      case "z": return this.#breakpoints.remove(rest, this.#state.physical) ?? UNKNOWN;
      default: return UNKNOWN;
    }
  }

  #verb(text: string): string | Uint8Array | undefined {
    if (text.startsWith("vFile:")) return this.#files.answer(text.slice(6));
    if (text === "vCont?") return VCONT_ACTIONS;
    if (text.startsWith("vCont;")) return this.#resume(parseResume(text, this.#harts, this.#state.hart), BAD);
    if (text.startsWith("vKill;")) {
      this.#reply(OK);
      this.#target.kill();
      return undefined;
    }
    return UNKNOWN;
  }

  #resume(resumption: Resumption | undefined, otherwise: string): string | undefined {
    if (resumption === undefined) return otherwise;
    const { order, at } = resumption;
    if (at !== undefined && !this.#writeRegister(PC, at)) return BAD;
    const obstacle = this.#jumped && !order.kind.startsWith("reverse") ? this.#target.cannotRun(this.#state.hart) : undefined;
    this.#jumped = false;
    if (obstacle !== undefined) {
      this.#console(`${obstacle}\n`);
      return refusedReply(this.#target.machine, this.#state.hart);
    }
    try {
      this.#target.control.go((d) => begin(order, d));
    } catch {
      return BAD; // no history
    }
    this.#awaitsStop = true;
    return undefined;
  }

  /** Why the machine stands: the last stop, also one that came when no gdb was there to hear of it. */
  #why(): string {
    this.#state.hart = this.#stoppedHart();
    const { last } = this.#target.control;
    return last === undefined ? `T05thread:${threadOf(this.#state.hart)};` : this.#stopReply(last);
  }

  #stopReply(report: Report): string {
    return stopReply(this.#target.machine, report, (id) => this.#breakpoints.inserted(id));
  }

  #detach(): undefined {
    this.#reply(OK);
    this.close();
    this.#target.control.go((d) => d.continue());
    return undefined;
  }

  #select(rest: string): string {
    const hart = parseThread(rest.slice(1), this.#harts, this.#state.hart);
    if (hart === undefined || !"gc".includes(rest[0] ?? " ")) return BAD;
    this.#state.hart = hart;
    return OK;
  }

  #readGeneral(): string {
    const { x, pc } = this.#target.machine.inspect.registers(this.#state.hart);
    return [...x, pc].map(registerHex).join("");
  }

  #writeGeneral(rest: string): string {
    if (rest.length < 16 * GENERAL_COUNT) return BAD;
    for (let n = 0; n < GENERAL_COUNT; n++) {
      const value = hexRegister(rest.slice(16 * n, 16 * n + 16));
      if (value === undefined || !this.#writeRegister(n, value)) return BAD;
    }
    return OK;
  }

  #readOne(rest: string): string {
    const number = hexSmall(rest);
    const value = number === undefined ? undefined : readRegister(this.#target.machine, this.#state.hart, number);
    return value === undefined ? BAD : registerHex(value);
  }

  #writeOne(rest: string): string {
    const [number, value] = rest.split("=", 2) as [string, string?];
    const [n, v] = [hexSmall(number), hexRegister(value ?? "")];
    return n !== undefined && v !== undefined && this.#writeRegister(n, v) ? OK : BAD;
  }

  #writeRegister(n: number, value: bigint): boolean {
    this.#jumped ||= n === PC;
    return this.#target.writeRegister(this.#state.hart, n, value);
  }

  #read(rest: string): string {
    const [address, length] = parseRange(rest);
    if (address === undefined || length === undefined) return BAD;
    if (length === 0) return "";
    const bytes = readMemory(this.#target.machine, this.#space, address, Math.min(length, PACKET_SIZE / 2 - 2));
    return bytes.length === 0 ? FAULT : toHex(bytes);
  }

  #write(rest: string): string {
    const colon = rest.indexOf(":");
    return this.#store(rest.slice(0, colon), fromHex(rest.slice(colon + 1)));
  }

  #writeBinary(body: Uint8Array, text: string): string {
    const colon = text.indexOf(":");
    return this.#store(text.slice(1, colon), body.subarray(colon + 1));
  }

  #store(range: string, bytes: Uint8Array | undefined): string {
    const [address, length] = parseRange(range);
    if (address === undefined || bytes === undefined || bytes.length !== length) return BAD;
    if (length === 0) return OK; // how gdb asks whether X is known
    return this.#target.writeMemory(this.#space, address, bytes) ? OK : FAULT;
  }
}

/** "address,length". */
function parseRange(text: string): [bigint | undefined, number | undefined] {
  const [address, length, more] = text.split(",", 3) as [string, string?, string?];
  return more === undefined ? [hexNumber(address), hexSmall(length ?? "")] : [undefined, undefined];
}
