// Machines for tests that install stops and listeners: what one test leaves behind is gone in the next.

import type { Machine } from "../../emulator/index.ts";
import { machineWith } from "./rig.ts";

let clear: () => void = () => undefined;

/** A machine as from `machineWith`, without what was installed in the one before. */
export async function machineFor(...args: Parameters<typeof machineWith>): Promise<Machine> {
  clear();
  const machine = await machineWith(...args);
  const loud = [machine.stops.quiet(), machine.events.quiet()];
  clear = () => loud.forEach((end) => end());
  return machine;
}
