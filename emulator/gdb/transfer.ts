// qXfer: documents that gdb reads piece by piece, and the list of harts as one of them.

import type { Machine } from "../machine.ts";
import { KERNEL_FILE } from "./files.ts";
import { hexSmall } from "./hex.ts";
import { memoryMapXml, targetXml } from "./registers.ts";
import type { GdbTarget } from "./target.ts";

/** What gdb may read by qXfer, for the answer to qSupported. */
export const transfers = ({ files }: GdbTarget): string =>
  `qXfer:features:read+;qXfer:memory-map:read+;qXfer:threads:read+${files.has(KERNEL_FILE) ? ";qXfer:exec-file:read+" : ""}`;

/** gdb's number of a hart: threads are counted from 1, for 0 means "any". */
export const threadOf = (hart: number): string => (hart + 1).toString(16);

const PRIVILEGES = ["user", "supervisor", "", "machine"] as const;

/** What gdb shows beside a hart in `info threads`. `process` names the process that it runs, where that is known. */
export function hartInfo(machine: Machine, hart: number, process: string | undefined): string {
  const privilege = PRIVILEGES[machine.inspect.registers(hart).privilege] ?? "";
  const mode = machine.harts[hart]!.waiting ? `${privilege} mode, wfi` : `${privilege} mode`;
  return process === undefined ? mode : `${mode}, ${process}`;
}

const escapeXml = (text: string): string => text.replace(/[^ -~]/g, "?").replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

function threadsXml(target: GdbTarget): string {
  const { machine } = target;
  const lines = machine.harts.map(({ id }) =>
    `  <thread id="${threadOf(id)}" core="${id}" name="hart ${id}">${escapeXml(hartInfo(machine, id, target.processOf(id)))}</thread>\n`);
  return `<?xml version="1.0"?>\n<threads>\n${lines.join("")}</threads>\n`;
}

/** Answers `qXfer:OBJECT:read:ANNEX:OFFSET,LENGTH`, given without its first word; undefined for what there is not. */
export function transfer(request: string, target: GdbTarget): string | undefined {
  const [, object, annex, from, size] = /^([a-z-]+):read:([^:]*):([0-9a-f]+),([0-9a-f]+)$/i.exec(request) ?? [];
  if (object === undefined) return undefined;
  const document = object === "features" && annex === "target.xml" ? targetXml()
    : object === "memory-map" && annex === "" ? memoryMapXml()
    : object === "threads" && annex === "" ? threadsXml(target)
    : object === "exec-file" && target.files.has(KERNEL_FILE) ? KERNEL_FILE
    : object === "features" ? "" : undefined;
  if (document === undefined) return undefined;
  const [offset, length] = [hexSmall(from!), hexSmall(size!)];
  if (document === "" || offset === undefined || length === undefined || offset > document.length) return "E00";
  const piece = document.slice(offset, offset + Math.min(length, 0x1000));
  return (offset + piece.length < document.length ? "m" : "l") + piece;
}
