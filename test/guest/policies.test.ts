// The kernel's policies (docs/virtual-memory.md): the guest's quick tests of virtual memory pass under each. The tests of a
// policy's effect assert the one in force. `npm run matrix` has all combinations, and the slow tests.
import { expect, test } from "vitest";
import { MemoryBlock } from "../../emulator/index.ts";
import { judge } from "../../scripts/matrix/runs.ts";
import { haveQemu, machine, pagingImage, runOnQemu } from "./support.ts";

const MIB = 2 ** 20;
const HARTS = 4;

/** Boot with these arguments and run a command. Everything printed, and the exit status; null when it came to no end. */
async function run(append: string, command: string, megabytes: number): Promise<{ text: string; status: number | null }> {
  const m = await machine({ harts: HARTS, memory: megabytes * MIB, disk: new MemoryBlock(pagingImage()), append: `${append} run="${command}"` });
  const stop = m.runToEnd({ maxSteps: 60e9 });
  return { text: m.console.text, status: stop.reason === "poweroff" ? stop.code : null };
}

/** All quick tests, and where those would take long, the groups that a policy changes most. */
const ALL = "vmtests -q";
const SOME = "vmtests -q heap_* fork_* exec_* map_* remap_* commit_* super_* look_*";
const TLBS = "vmtests harts_* fork_* exec_* protect_* shared_* super_*";

test.each([
  ["vm.heap=eager", "emulator", 16, ALL],
  ["vm.fork=copy", "qemu", 128, SOME],
  ["vm.exec=load", "emulator", 16, ALL],
  ["vm.zeropage=off", "qemu", 16, SOME],
  ["vm.superpages=off", "emulator", 128, SOME],
  ["vm.commit=overcommit", "emulator", 16, ALL],
  ["vm.asids=2", "emulator", 128, TLBS], // not a policy: generations of address-space numbers end all the time
  ["vm.asids=0", "emulator", 128, TLBS], // a machine that has none
] as const)("vmtests pass under %s, on the %s with %i MiB", async (policy, where, megabytes, command) => {
  const onQemu = where === "qemu" && haveQemu;
  const { text, status } = onQemu ? runOnQemu(command, { harts: HARTS, memory: megabytes, image: pagingImage(), append: policy }) : await run(policy, command, megabytes);
  expect(judge(text, status), text.slice(-3000)).toMatchObject({ passed: true, why: "" });
});

test("who touches more than there is, granted under vm.commit=overcommit, is killed alone and with a sentence", async () => {
  const { text, status } = await run("vm.commit=overcommit", "vmtests commit_policy_contest; usertests memory_contest", 16);
  expect(status, text).toBe(0);
  expect(text.match(/^pid \d+ vmtests: store page fault at 0x[0-9a-f]+ \(no memory: more was granted than there is\), pc 0x[0-9a-f]+: killed\r?$/gm)).toHaveLength(4);
  expect(text.match(/^pid \d+ usertests: store page fault at .* \(no memory: more was granted than there is\), .*: killed\r?$/gm)).toHaveLength(5);
});
