// What a debugger's face needs around a machine: the debugger, symbols, the monitor, and who holds the machine.
import { closeSync, openSync, writeSync } from "node:fs";
import { isElf } from "../boot/elf-file.ts";
import type { Machine } from "../machine.ts";
import type { Changes } from "../history/changes.ts";
import { History } from "../history/history.ts";
import { Monitor, type TextFile } from "../monitor/monitor.ts";
import { ProgramFiles, type ProgramFile } from "../monitor/symbols/program-files.ts";
import { Symbols } from "../monitor/symbols/symbols.ts";
import { debugFile, userPrograms } from "../../scripts/guest-files.ts";
import { hostReason } from "./errors.ts";

/** A monitor, with a debugger and who holds the machine in it, and where changes from outside go. */
export interface Debugging {
  readonly monitor: Monitor;
  readonly changes: Changes;
}

/** How often (ms) a command that waits for the machine looks whether it stands. */
const LOOK = 10;

/** Put a debugger around a machine that has not run yet and that a session runs. `tell` takes sentences that no command asked for. */
export function debugging(machine: Machine, tell: (text: string) => void, history = new History(machine)): Debugging {
  const monitor: Monitor = new Monitor(machine, {
    timeline: history, door: history, tell, openFile, kernel: kernelSymbols(machine), files: new ProgramFiles(programs()),
    drive: async (until) => {
      while (!monitor.control.halted && until?.() !== true) await new Promise((resolve) => setTimeout(resolve, LOOK));
      if (!monitor.control.halted) monitor.control.halt();
    },
  });
  return { monitor, changes: history };
}

/** Steps that a headless machine takes between two breaths of the host. */
const BREATH = 5_000_000;

/** A monitor around a machine that nobody watches: its commands run it, idle time passes at once, `over` ends that. */
export function headless(machine: Machine, tell: (text: string) => void, over: () => boolean, history = new History(machine)): Monitor {
  const monitor: Monitor = new Monitor(machine, {
    timeline: history, door: history, tell, openFile, kernel: kernelSymbols(machine), files: new ProgramFiles(programs()),
    drive: async (until) => {
      const { control } = monitor;
      while (!control.halted && until?.() !== true && !over()) {
        const stop = control.run(until === undefined ? BREATH : BREATH / 10);
        if (stop.reason === "idle" && stop.wakeAt !== Infinity) control.skipTo(stop.wakeAt);
        else if (stop.reason === "reset") machine.reset();
        else if (stop.reason !== "budget" && stop.reason !== "halted") break;
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (control.halted) return;
      until?.(); // it may have come true in the last stretch
      control.halt();
    },
  });
  return monitor;
}

/** Symbols of the kernel that was loaded; without any, or with damaged ones, the machine is debugged without names. */
function kernelSymbols({ options: { kernel } }: Machine): Symbols | undefined {
  try {
    return kernel !== undefined && isElf(kernel) ? Symbols.fromElf(kernel, { name: "kernel" }) : undefined;
  } catch {
    return undefined;
  }
}

/** Our own user programs, or none where they are not there. */
export function programs(): ProgramFile[] {
  try {
    return userPrograms().map(({ name, bytes }) => ({ name, elf: () => bytes, debug: () => debugFile(name) }));
  } catch {
    return [];
  }
}

function openFile(name: string): TextFile {
  try {
    const fd = openSync(name, "w");
    return { write: (text) => write(fd, text), close: () => closeSync(fd) };
  } catch (e) {
    throw new Error(`${name}: ${hostReason(e)}`);
  }
}

function write(fd: number, text: string): void {
  try {
    writeSync(fd, text);
  } catch (e) {
    throw new Error(hostReason(e));
  }
}
