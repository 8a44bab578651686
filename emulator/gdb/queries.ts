// The packets that ask or set something by name: q and Q.

import type { ConnectionState } from "./connection.ts";
import { crc32 } from "./crc.ts";
import { fromHex, hexNumber, hexSmall, toHex } from "./hex.ts";
import { physicalSpace, readMemory } from "../monitor/address-space.ts";
import { PACKET_SIZE } from "./packet.ts";
import type { GdbTarget } from "./target.ts";
import { hartInfo, threadOf, transfer, transfers } from "./transfer.ts";
import { parseThread } from "./resume.ts";

const FEATURES = "QStartNoAckMode+;swbreak+;hwbreak+;vContSupported+;ReverseStep+;ReverseContinue+";

const BAD = "E16";
const FAULT = "E0e";
/** Most that gdb may have checksummed at once. */
const LONGEST_CRC = 16 * 2 ** 20;

export class Queries {
  readonly #target: GdbTarget;
  readonly #state: ConnectionState;
  /** Shows text on gdb's console. */
  readonly #console: (text: string) => void;

  constructor(target: GdbTarget, state: ConnectionState, console: (text: string) => void) {
    this.#target = target;
    this.#state = state;
    this.#console = console;
  }

  /** The answer to a q or Q packet; the empty one when it is not known. */
  async answer(text: string): Promise<string> {
    const [, name, rest] = /^([qQ][A-Za-z.]*)[:,;]?(.*)$/s.exec(text)!;
    const { machine } = this.#target;
    switch (name) {
      case "qSupported": return `PacketSize=${PACKET_SIZE.toString(16)};${FEATURES};${transfers(this.#target)}`;
      case "qAttached": return "1"; // gdb lets go of the machine when it leaves, and does not end it
      case "qC": return `QC${threadOf(this.#state.hart)}`;
      case "qfThreadInfo": return `m${machine.harts.map(({ id }) => threadOf(id)).join(",")}`;
      case "qsThreadInfo": return "l";
      case "qThreadExtraInfo": return this.#extraInfo(rest!);
      case "qSymbol": return "OK"; // gdb offers to look up symbols: there are none that we want
      case "qXfer": return transfer(rest!, this.#target) ?? "";
      case "qCRC": return this.#crc(rest!);
      case "qRcmd": return await this.#command(rest!);
      case "qqemu.PhyMemMode": return this.#state.physical ? "1" : "0";
      case "Qqemu.PhyMemMode": return this.#setPhysical(rest!);
      default: return "";
    }
  }

  #extraInfo(thread: string): string {
    const hart = parseThread(thread, this.#target.machine.harts.length, this.#state.hart);
    return hart === undefined ? BAD : toHex(new TextEncoder().encode(hartInfo(this.#target.machine, hart, this.#target.processOf(hart))));
  }

  #setPhysical(value: string): string {
    if (value !== "0" && value !== "1") return BAD;
    this.#state.physical = value === "1";
    return "OK";
  }

  /** gdb's compare-sections. */
  #crc(range: string): string {
    const [address, length] = range.split(",", 2) as [string, string?];
    const [a, n] = [hexNumber(address), hexSmall(length ?? "")];
    if (a === undefined || n === undefined || n > LONGEST_CRC) return BAD;
    const space = this.#state.physical ? physicalSpace : this.#target.space(this.#state.hart);
    const bytes = readMemory(this.#target.machine, space, a, n);
    return bytes.length < n ? FAULT : `C${crc32(bytes).toString(16).padStart(8, "0")}`;
  }

  /** A `monitor` command. Its text goes to gdb's console; gdb keeps registers in mind, so say when they have moved. */
  async #command(hex: string): Promise<string> {
    const bytes = fromHex(hex);
    if (bytes === undefined) return BAD;
    const { machine } = this.#target;
    const before = machine.steps;
    const text = await this.#target.monitor(new TextDecoder().decode(bytes), this.#state.hart);
    const moved = machine.steps !== before ? "(the machine is at another moment now: `maintenance flush register-cache` makes gdb look again)\n" : "";
    this.#console((text === "" || text.endsWith("\n") ? text : `${text}\n`) + moved);
    return "OK";
  }
}
