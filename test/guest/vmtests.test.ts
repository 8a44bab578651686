// The kernel's virtual memory, tested from inside the guest: on 1 and 4 harts, with much memory and with little, on our machine and on QEMU.
import { expect, test } from "vitest";
import { MemoryBlock } from "../../emulator/index.ts";
import { haveQemu, pagingImage, runCommand, runOnQemu } from "./support.ts";

const MIB = 2 ** 20;

const failures = (text: string): string[] => text.split(/\r?\n/).filter((line) => line.startsWith("not ok") || line.includes("panic"));

/** Runs `command` and expects no failed test and exit status 0. */
async function passes(command: string, harts: number, megabytes: number): Promise<void> {
  const { stop, text } = await runCommand(command, { harts, memory: megabytes * MIB, disk: new MemoryBlock(pagingImage()) }, 60e9);
  expect(failures(text), text.slice(-3000)).toEqual([]);
  expect(stop, text.slice(-3000)).toEqual({ reason: "poweroff", code: 0 });
}

test.each([
  [1, 128],
  [4, 128],
  [1, 16],
  [4, 16],
])("vmtests pass on %i hart(s) with %i MiB", async (harts, megabytes) => {
  await passes("vmtests -q", harts, megabytes);
});

test.skipIf(!haveQemu)("vmtests pass on QEMU with 4 harts and 16 MiB", () => {
  const { status, text } = runOnQemu("vmtests -q", { harts: 4, memory: 16, image: pagingImage() });
  expect(failures(text), text.slice(-3000)).toEqual([]);
  expect(status, text.slice(-3000)).toBe(0);
});
