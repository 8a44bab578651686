// A kernel that is right is never suspected: at moments all over a busy run, on one hart and on several, whatever each
// of them is in the middle of, its books and page tables show nothing that could not be.
import { expect, test } from "vitest";
import { suspicions } from "../../emulator/monitor/explain/suspicions.ts";
import { monitored } from "./monitor.ts";
import { diskImage } from "./support.ts";
import { MemoryBlock } from "../../emulator/index.ts";

/** Steps between two looks: no divisor of a turn's steps. */
const APART = 19_961;
const LOOKS = 300;

test.each([1, 3])("nothing is suspected of the kernel on %i harts", async (harts) => {
  const m = await monitored({ harts, memory: 16 * 2 ** 20, disk: new MemoryBlock(diskImage()) });
  const { machine } = m;
  machine.type("cowdemo 1 & lazydemo & ls | wc & usertests & vmtests & cat README | wc\n");
  let looks = 0;
  for (; looks < LOOKS; looks++) {
    const stop = machine.run(APART);
    if (stop.reason === "idle") {
      if (stop.wakeAt === Infinity) break;
      machine.skipTo(stop.wakeAt);
    }
    const pid = m.view.current(0)?.pid ?? 0;
    const found = suspicions(m, { hart: 0, pid, moment: machine.moment, stopped: false, facts: undefined, va: undefined, root: undefined, origin: [], near: false });
    expect(found.map((f) => f.sentence), `t=${machine.moment}\n${machine.console.text.slice(-300)}`).toEqual([]);
    expect(m.view.trouble()).toEqual([]);
  }
  expect(looks, machine.console.text.slice(-500)).toBeGreaterThan(LOOKS / 4);
}, 120_000);
