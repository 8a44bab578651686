// Where a function of the kernel begins, as the debug information of the file says from which the kernel was built.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Symbols } from "../../emulator/monitor/symbols/symbols.ts";
import { KERNEL } from "../support/gdb.ts";
import { ROOT } from "./cli-guests.ts";

export const kernel = Symbols.fromElf(new Uint8Array(readFileSync(KERNEL)), { name: "kernel" });

/** File and line of a kernel function's first instruction. */
export function kernelLine(name: string): { path: string; line: number } {
  const { file, line } = kernel.lineAt(kernel.addressOf(name)!)!;
  return { path: join(ROOT, file), line };
}
