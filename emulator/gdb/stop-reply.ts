// What gdb is told when the machine has stopped: T packets with the hart, the reason and the registers that it wants at
// once; W when the machine is off.

import type { StopReason } from "../history/stop-report.ts";
import type { Machine } from "../machine.ts";
import type { Report } from "../monitor/run-control.ts";
import { registerHex } from "./hex.ts";
import { EXPEDITED, readRegister } from "./registers.ts";
import type { StopKind } from "./target.ts";
import { threadOf } from "./transfer.ts";

const SIGINT = "02";
const SIGTRAP = "05";
const SIGSEGV = "0b";

/** What gdb put in to stop at: its kind, and where, in gdb's own terms. */
export interface Inserted {
  readonly kind: StopKind;
  readonly address: bigint;
}

/** The stop reply for a report. `inserted` knows what gdb put in, by the number of the point. */
export function stopReply(machine: Machine, report: Report, inserted: (id: number) => Inserted | undefined): string {
  if (report.reason === "poweroff" && report.held === true) return `T${SIGTRAP}${place(machine, machine.lastHart)}`;
  if (report.reason === "poweroff") return `W${(report.code <= 0xff ? report.code : 0xff).toString(16).padStart(2, "0")}`;
  const reason = report.all.map((why) => reasonText(why, inserted)).find((text) => text !== "") ?? "";
  return `T${report.why.kind === "paused" ? SIGINT : SIGTRAP}${place(machine, report.hart, reason)}`;
}

/** The reply where a hart does not go on at all, because its pc is where it cannot run. */
export const refusedReply = (machine: Machine, hart: number): string => `T${SIGSEGV}${place(machine, hart)}`;

/** Whose stop it is, why, and the registers that gdb asks for anyway. */
function place(machine: Machine, hart: number, reason = ""): string {
  const registers = EXPEDITED.map((n) => `${n.toString(16)}:${registerHex(readRegister(machine, hart, n)!)};`).join("");
  return `thread:${threadOf(hart)};core:${hart.toString(16)};${reason}${registers}`;
}

const REASONS: Readonly<Record<StopKind, string>> = {
  breakpoint: "swbreak:;", "hardware breakpoint": "hwbreak:;", write: "watch", read: "rwatch", access: "awatch",
};

/** gdb's word for a reason; none for what gdb has not asked for, or sees for itself. */
function reasonText(why: StopReason, inserted: (id: number) => Inserted | undefined): string {
  if (why.kind === "start") return "replaylog:begin;";
  const place = why.kind === "breakpoint" || why.kind === "watchpoint" ? inserted(why.id) : undefined;
  if (place === undefined) return "";
  return why.kind === "watchpoint" ? `${REASONS[place.kind]}:${place.address.toString(16)};` : REASONS[place.kind];
}
