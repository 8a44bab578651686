// The debugger at the real kernel with its symbols, in tests.
import { readFileSync } from "node:fs";
import { Debugger, type CodeMap, type StopReport, type Timeline } from "../../emulator/history/debugger.ts";
import type { Machine, MachineOptions, MemoryBlock } from "../../emulator/index.ts";
import { Symbols } from "../../emulator/monitor/symbols/symbols.ts";
import { KERNEL, machine } from "./support.ts";

export const symbols = Symbols.fromElf(new Uint8Array(readFileSync(KERNEL)), { name: "kernel" });

/** The kernel's own lines and callers. */
function kernelMap(m: Machine): CodeMap {
  return {
    callerOf(hart) {
      const { pc, x } = m.inspect.registers(hart);
      const caller = symbols.unwind({ pc, x: [...x], exact: true }, (at, length) => m.inspect.virtual(hart, at, length));
      return caller?.x[2] === undefined ? undefined : { pc: caller.pc, sp: caller.x[2] };
    },
    lineAt(hart, pc) {
      const line = m.inspect.registers(hart).privilege === 0 ? undefined : symbols.lineAt(pc);
      return line === undefined ? undefined : { file: line.file, line: line.line, depth: symbols.framesAt(pc).length - 1 };
    },
  };
}

export interface Session {
  readonly m: Machine;
  readonly d: Debugger;
  /** Go on with the motion that was begun until it stops. Throws when the machine ends first. */
  go(): StopReport;
}

/** Four harts that run a command, under a debugger; `timeline` makes one that can go back. */
export async function session(command: string, options: Partial<MachineOptions> & { disk?: MemoryBlock } = {}, timeline?: (m: Machine) => Timeline): Promise<Session> {
  const m = await machine({ harts: 4, memory: 64 * 2 ** 20, append: `run="${command}"`, ...options });
  const d = new Debugger(m, timeline?.(m), kernelMap(m));
  return {
    m, d,
    go() {
      const stop = d.runToStop(200_000_000);
      if (stop.reason !== "stop") throw new Error(`the machine stopped: ${JSON.stringify(stop)}; it said:\n${m.console.text}`);
      return stop;
    },
  };
}

/** The function at a stop's pc (inlined ones not counted), and the file in which that is. */
export const functionAt = (stop: StopReport): string | undefined => symbols.functionAt(stop.pc)?.name;
export const fileAt = (stop: StopReport): string | undefined => symbols.framesAt(stop.pc).at(-1)?.file;

/** Address of a function of the kernel. Throws when it has none of that name. */
export function address(name: string): bigint {
  const at = symbols.addressOf(name);
  if (at === undefined) throw new Error(`the kernel has no ${name}`);
  return at;
}
