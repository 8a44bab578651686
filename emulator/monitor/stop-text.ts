// Why the machine has stopped, in sentences, for every face.

import type { CatchSpec, StopReason } from "../history/stop-report.ts";
import { exceptionName, interruptName } from "../hart/cause-names.ts";
import { CSR_NAMES } from "../isa/csr-names.ts";
import { count, hex, plural } from "./format.ts";
import type { Monitor } from "./monitor.ts";
import { accessName } from "./pte.ts";
import type { Report } from "./run-control.ts";

/** What the debugger was to catch, in words. */
export function catchText(m: Monitor, what: CatchSpec): string {
  switch (what.kind) {
    case "trap": return what.cause === undefined ? "any exception" : exceptionName(what.cause);
    case "interrupt": return what.cause === undefined ? "any interrupt" : interruptName(what.cause);
    case "page-fault": return ["page fault", what.access === undefined ? "" : `of a ${accessName(what.access)}`, what.why ?? ""].filter((t) => t !== "").join(" ");
    case "syscall": return what.number === undefined ? "any system call" : `system call ${what.number}${m.naming.systemCall(what.number) === undefined ? "" : ` ${m.naming.systemCall(what.number)}`}`;
    case "csr": return `write of ${CSR_NAMES.get(what.csr) ?? hex(what.csr)}`;
  }
}

const bytesText = (bytes: Uint8Array | undefined): string => {
  if (bytes === undefined) return "?";
  if (bytes.length <= 8) return hex(bytes.reduceRight((v, b) => (v << 8n) | BigInt(b), 0n));
  return [...bytes.subarray(0, 16)].map((b) => b.toString(16).padStart(2, "0")).join(" ") + (bytes.length > 16 ? " …" : "");
};

/** One reason for a stop, without its place. */
export function reasonText(m: Monitor, r: StopReason, backward: boolean): string {
  const label = "label" in r && r.label !== undefined ? ` (${r.label})` : "";
  switch (r.kind) {
    case "breakpoint": return `breakpoint ${r.id}${r.label !== undefined && m.naming.kernelName(r.address) === r.label ? "" : label}`;
    case "watchpoint": {
      const by = r.by === "cpu" ? "" : `, by ${r.by === "dma" ? "a device" : r.by === "walker" ? "the page-table walk (A or D)" : "the host"}`;
      const change = r.access === "read" ? `it holds ${bytesText(r.now)}` : r.old === undefined ? `it holds ${bytesText(r.now)} now` : `${bytesText(r.old)} -> ${bytesText(r.now)}`;
      return `watchpoint ${r.id}${label}: ${plural(r.size, "byte")} at ${hex(r.pa)} ${r.access === "read" ? "read" : backward ? "about to be written" : "written"}${by}; ${change}`;
    }
    case "catch": return `catch ${r.id}${label}: ${catchText(m, r.what)}`;
    case "step": return "";
    case "finish": return r.value === undefined ? (backward ? "before the call" : "returned") : `returned ${hex(r.value)}`;
    case "until": return "";
    case "paused": return m.machine.harts.every((h) => h.waiting) ? "halted: every hart waits for an interrupt" : "halted";
    case "start": return "this is where history begins";
  }
}

/** "hart 0, pid 7 sh, t=18,204,511": whose stop it is. */
export function whereText(m: Monitor, hart: number, moment: number): string {
  const process = m.view.current(hart);
  return [`hart ${hart}`, process === undefined ? "" : `pid ${process.pid} ${process.name}`, `t=${count(moment)}`].filter((t) => t !== "").join(", ");
}

/** The stop in a few lines: why, whose and when, and the instruction that is next. */
export function stopText(m: Monitor, report: Report): string {
  if (report.reason === "poweroff") return `the machine is off, with code ${report.code}${report.held === true ? "; it may go back from here, and going on ends it" : ""}`;
  const alarm = m.alarms.halting;
  m.alarms.halting = undefined;
  const reasons = alarm !== undefined && report.why.kind === "paused" ? [alarm] : report.all.map((r) => reasonText(m, r, report.backward)).filter((t) => t !== "");
  const h = m.look.hart(report.hart);
  const space = m.look.present(h);
  const instruction = m.look.instruction(space, report.pc);
  const place = m.naming.place(report.pc, space);
  return [
    ...reasons,
    `${whereText(m, report.hart, report.moment)}: ${place}`,
    `=> ${hex(report.pc, 8)}  ${instruction === undefined ? "(cannot be fetched: nothing is mapped)" : instruction.text}`,
  ].join("\n");
}

/** The same as data. */
export function stopJson(m: Monitor, report: Report): unknown {
  if (report.reason === "poweroff") return report;
  const process = m.view.current(report.hart);
  return {
    stop: report.all.map((r) => ({ ...r, text: reasonText(m, r, report.backward) })), hart: report.hart, pc: report.pc, moment: report.moment, backward: report.backward,
    place: m.naming.place(report.pc, m.look.present(m.look.hart(report.hart))), pid: process?.pid,
  };
}
