// What history costs, and what it takes to go back: the same run with and without one, in this process, by processor time.
import { History } from "../emulator/history/history.ts";
import { Machine, MemoryBlock, type Stop } from "../emulator/index.ts";
import type { Row } from "./bench.ts";

/** What the guest runs: computing, copying, faults, processes. */
const COMMAND = "bench sort; bench copy; bench fault; bench forkexec; bench syscall";
const SLICE = 5_000_000;
/** Moments from which a step back is measured, so many steps apart. */
const BACKS = 8;
const APART = 1_700_000;

interface Runner {
  run(maxSteps: number): Stop;
  skipTo(time: number): void;
}

/** Processor time (ms) of this process so far. */
function cpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Run to the end of the guest's run; processor time in ms. */
function timed(r: Runner): number {
  const began = cpu();
  for (;;) {
    const stop = r.run(SLICE);
    if (stop.reason === "idle" && stop.wakeAt !== Infinity) r.skipTo(stop.wakeAt);
    else if (stop.reason === "poweroff" && stop.code === 0) return cpu() - began;
    else if (stop.reason !== "budget") throw new Error(`the guest's run ended by ${JSON.stringify(stop)}`);
  }
}

/** Time (ms) of the slowest step back from the present, and of the slowest further one. */
function stepsBack(h: History): { first: number; next: number } {
  const slowest = { first: 0, next: 0 };
  const time = (to: number): number => {
    const began = performance.now();
    h.goTo(to);
    return performance.now() - began;
  };
  for (let n = 0; n < BACKS; n++) {
    const at = h.end.steps - 1 - n * APART;
    slowest.first = Math.max(slowest.first, time(at));
    slowest.next = Math.max(slowest.next, time(at - 1));
    h.goTo(h.end);
  }
  return slowest;
}

/** The rows of the table: time with history to time without, and steps back in ms. `kernel` and `disk` are images; the best of `repeat` runs, two at least. */
export async function historyRows(kernel: Uint8Array, disk: Uint8Array, repeat: number): Promise<Row[]> {
  const make = (): Promise<Machine> => Machine.create({ kernel, disks: [new MemoryBlock(disk)], append: `run="${COMMAND}"` });
  let [off, on] = [Infinity, Infinity];
  let back = { first: Infinity, next: Infinity };
  for (let i = 0; i < Math.max(2, repeat); i++) {
    off = Math.min(off, timed(await make()));
    const history = new History(await make());
    on = Math.min(on, timed(history));
    const { first, next } = stepsBack(history);
    back = { first: Math.min(back.first, first), next: Math.min(back.next, next) };
  }
  const row = (name: string, unit: string, ours: number): Row => ({ name, unit, ours, qemu: null, ratio: null });
  return [
    row("history: time with/without", "at most 1.10", on / off),
    row("history: step back", "ms, the slowest", back.first),
    row("history: one more", "ms, the slowest", back.next),
  ];
}
