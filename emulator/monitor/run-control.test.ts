// Who holds the machine, while it looks back.
import { expect, test } from "vitest";
import { Asm } from "../../test/support/asm.ts";
import { RIG_MEMORY } from "../../test/support/rig.ts";
import { Debugger } from "../history/debugger.ts";
import { History } from "../history/history.ts";
import { Machine } from "../index.ts";
import { RunControl, type Report } from "./run-control.ts";

async function searching(): Promise<{ control: RunControl; history: History; end: number; hash: string; last: () => Report | undefined }> {
  const machine = await Machine.create({ memory: RIG_MEMORY, kernel: new Asm().label("loop").i("addi", "a0", "a0", 1).j("loop").image() });
  const history = new History(machine);
  const control = new RunControl(machine, new Debugger(machine, history), history);
  history.run(30_000_000);
  const hash = machine.stateHash();
  control.halt();
  control.go((d) => d.rcontinue());
  while (history.position.steps > 15_000_000 || history.live) expect(control.run(1_000_000).reason).toBe("budget"); // half of it was searched
  expect(control.debugger.goingBack).toBe(true);
  return { control, history, end: 30_000_000, hash, last: () => control.last };
}

test("what is typed while a search looks back changes nothing: the future stays", async () => {
  const { control, history, end, last } = await searching();
  control.input({ kind: "console", bytes: Uint8Array.of(3) });
  while (!control.halted) control.run(1_000_000);
  expect(last()).toMatchObject({ reason: "stop", why: { kind: "start" }, moment: 0 });
  expect(history.end.steps).toBe(end);
  expect(history.live).toBe(false);
});

test("a search that is ended leaves the machine where it began", async () => {
  const { control, history, end, hash, last } = await searching();
  control.halt();
  expect(last()).toMatchObject({ reason: "stop", why: { kind: "paused" }, moment: end });
  expect([history.live, history.machine.stateHash()]).toEqual([true, hash]);
});
