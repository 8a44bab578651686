// Every alarm at once over a good part of the guest's own tests: a kernel that is right keeps them all silent.
import { expect, test } from "vitest";
import { monitored, say, type } from "./monitor.ts";
import { MemoryBlock } from "../../emulator/index.ts";
import { pagingImage } from "./support.ts";

test.each([
  ["usertests", "exec_failure_leaks_nothing cow_in_calls crowd_same_name crowd_files exec_status exec_too_many exec_no_arguments load_straddles_end stack_guard kill_writer"],
])("%s: no alarm is raised, on 4 harts", async (program, names) => {
  const m = await monitored({ harts: 4, disk: new MemoryBlock(pagingImage()) });
  expect(await say(m, "alarm all")).toMatch(/^\d+ alarms are on$/); // none was refused
  const text = type(m, `${program} ${names}`);
  expect(text).toMatch(new RegExp(`^${program}: all ${names.split(" ").length} passed`, "m"));
  expect(m.alarms.raised.map((r) => `${r.alarm}: ${r.sentence}`)).toEqual([]);
}, 120_000);
