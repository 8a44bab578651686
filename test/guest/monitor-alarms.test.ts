// Alarms on the real kernel: silent while it is right, and naming the mistake when one is planted. Mistakes are planted
// from outside, by changing a few instructions of the kernel in memory or registers at a breakpoint.

import { describe, expect, test } from "vitest";
import type { Monitor } from "../../emulator/monitor/monitor.ts";
import { lookUp } from "../../emulator/monitor/page-table.ts";
import { ALARMS } from "../../emulator/monitor/alarms/index.ts";
import { FRAME_READ, FRAME_WATCHED } from "../../emulator/mmu/physical.ts";
import { monitored, say, type } from "./monitor.ts";
import { MemoryBlock } from "../../emulator/index.ts";
import { diskWith, userProgram } from "./why.ts";
import { diskImage } from "./support.ts";

const sentences = (m: Monitor): string[] => m.alarms.raised.map((r) => `${r.alarm}: ${r.sentence}`);
const symbol = (m: Monitor, name: string): number => Number(m.naming.kernel!.addressOf(name)!);

/** Make a function of the kernel return at once. */
function disarm(m: Monitor, name: string): void {
  m.machine.memory.write(symbol(m, name), Uint8Array.of(0x82, 0x80)); // c.jr ra
}

/** Replace every sfence.vma in the kernel by a nop. */
function withoutFences(m: Monitor): number {
  const at = Math.floor(symbol(m, "main") / 4096) * 4096;
  const code = m.machine.memory.view(at, 0x20000)!;
  const view = new DataView(code.buffer, code.byteOffset, code.length);
  let n = 0;
  for (let i = 0; i + 4 <= code.length; i += 2) {
    if ((view.getUint32(i, true) & 0xfe007fff) >>> 0 !== 0x12000073) continue;
    m.machine.memory.write(at + i, Uint8Array.of(0x13, 0, 0, 0));
    n++;
  }
  return n;
}

describe("a kernel that is right", () => {
  test.each([1, 4])("raises nothing, on %i harts", async (harts) => {
    const m = await monitored({ harts, memory: 16 * 2 ** 20 });
    await say(m, "alarm all");
    type(m, "ls | wc; echo done");
    expect(sentences(m)).toEqual([]);
  });
});

test("a program's own memory at the addresses of kernel stacks is no kernel stack", async () => {
  const AT = 0x3ffc002000;
  const bytes = userProgram((a) => a.call("mmap", AT, 4096, 3, 0x32, -1, 0).li("s2", AT).s("sd", "s2", "s2").li("a0", 0).call("exit"));
  const m = await monitored({ disk: new MemoryBlock(diskWith([{ path: "/inside", bytes }])) });
  expect(m.view.kernelStacks().map((s) => s.start)).toContain(BigInt(AT));
  await say(m, "alarm stack");
  let stores = 0;
  m.machine.stops.watch({ space: "virtual", start: BigInt(AT), length: 8, read: false, write: true }, (a) => { if (m.machine.harts[a.hart]?.privilege === 0) stores++; });
  type(m, "inside");
  expect(stores).toBe(1);
  expect(sentences(m)).toEqual([]);
});

describe("alarms that are off", () => {
  test("leave nothing behind: no listener, no breakpoint, no withheld page", async () => {
    const m = await monitored({ memory: 16 * 2 ** 20 });
    const state = (): unknown => ({
      listeners: [...(Reflect.get(m.machine.events, "listeners") as Map<string, unknown[]>)].map(([name, all]) => `${name} ${all.length}`).filter((t) => !t.endsWith(" 0")).sort(),
      breakpoints: [...(Reflect.get(m.machine.codeCache.breakpoints, "pages") as Map<number, Map<number, unknown[]>>)].map(([page, at]) => `${page} ${[...at.keys()].sort().join()}`).filter((t) => !t.endsWith(" ")).sort(),
      watched: m.machine.memory.watches.active, fetches: m.machine.memory.watches.fetches, flagged: m.machine.memory.frameFlags.filter((f) => (f & (FRAME_WATCHED | FRAME_READ)) !== 0).length,
    });
    const before = state();
    expect(before).toMatchObject({ watched: false, fetches: false, flagged: 0 });
    for (const { name } of ALARMS) {
      await say(m, `alarm ${name}`);
      expect(state(), `${name} listens to nothing`).not.toEqual(before);
      type(m, "ls | wc");
      await say(m, `alarm off ${name}`);
      expect(state(), name).toEqual(before);
    }
  });
});

describe("a planted mistake", () => {
  test("no sfence.vma anywhere: stale", async () => {
    const m = await monitored();
    await say(m, "alarm stale stop");
    expect(withoutFences(m)).toBeGreaterThan(3);
    m.machine.type("cowdemo\n");
    const stop = await say(m, "continue");
    expect(sentences(m)[0]).toMatch(/^stale: a (load|store) at 0x\w+ went to 0x8\w+ through an old translation\. Its page-table entry 0x8\w+ was changed from 0x\w+ \S+ to 0x\w+ \S+ by \w+\+0x\w+ on hart 0 at t=[\d,]+, .* and hart 0 has executed no sfence\.vma for it since$/);
    expect(stop).toMatch(/^alarm stale: /);
  });

  test("pmap_remove does nothing: freed-mapped", async () => {
    const m = await monitored();
    await say(m, "alarm freed-mapped stop");
    disarm(m, "pmap_remove");
    m.machine.type("lazydemo\n");
    expect(await say(m, "continue")).toMatch(/^alarm freed-mapped: /);
    expect(sentences(m).some((s) => /^freed-mapped: frame 0x8\w+ was freed by \w+\+0x\w+ at t=[\d,]+, and pid \d+ \w+ still maps it at 0x\w+ \(entry 0x8\w+ VR/.test(s)), sentences(m).join("\n")).toBe(true);
  });

  test("a frame is freed twice: double-free", async () => {
    const m = await monitored();
    let first: [number, number] | undefined;
    let again = 20; // leave the beginning alone
    m.machine.stops.breakAt(BigInt(symbol(m, "vm_page_free")), (hart) => {
      const h = m.machine.harts[hart]!;
      const a0 = h.registerIndex(10);
      first ??= [h.words[a0]!, h.words[a0 + 1]!];
      if (--again === 0) h.setRegister(10, ...first);
      return false;
    });
    await say(m, "alarm double-free stop");
    m.machine.type("cowdemo\n");
    expect(await say(m, "continue")).toMatch(/^alarm double-free: frame 0x8\w+ is free already, and \w+\+0x\w+ frees it again; it was freed before by \w+\+0x\w+ at t=[\d,]+ \(hart 0, pid \d+ \w+, t=/);
  });

  test("copyout writes to a page that is still shared: cow-write", async () => {
    const m = await monitored();
    // When copyout returns, take the right to write away again, as if it had gone through a read-only entry.
    m.machine.stops.breakAt(BigInt(symbol(m, "copyout")), (hart) => {
      const { x } = m.machine.inspect.registers(hart);
      const [root, va] = [m.view.rootOfSpace!(x[10]!)!, x[11]!];
      const end = m.machine.stops.breakAt(x[1]!, () => {
        end();
        const leaf = lookUp(m.machine, root, va)?.leaf;
        if (leaf !== undefined) m.machine.memory.write(leaf.address, Uint8Array.of(Number(leaf.raw & 0xffn) & ~4));
        return false;
      });
      return false;
    });
    await say(m, "alarm cow-write stop");
    m.machine.type("cat README\n");
    expect(await say(m, "continue")).toMatch(/^alarm cow-write: copyout, called by \w+\+0x\w+, has written to page 0x\w+, which user mode may not write \(entry 0x8\w+ VR\.\.U\.AD\)/);
  });

  test("a kernel stack is used up: stack", async () => {
    const m = await monitored();
    await say(m, "alarm stack stop");
    let once = true;
    m.machine.stops.breakAt(BigInt(symbol(m, "fileread")), (hart) => {
      const h = m.machine.harts[hart]!;
      const stack = m.view.current(hart)?.kernelStack;
      if (stack === undefined || !once) return false;
      once = false;
      const sp = stack.start + 400n;
      h.setRegister(2, Number(BigInt.asIntN(32, sp)), Number(BigInt.asIntN(32, sp >> 32n)));
      return false;
    });
    m.machine.type("cat README\n");
    expect(await say(m, "continue")).toMatch(/^alarm stack: \w+\+0x\w+ writes \d+ bytes above the end of the kernel stack 0x\w+-0x\w+ \(pid \d+ \w+\)/);
  });

  test("a table of the kernel's own is read after it was freed: junk", async () => {
    const m = await monitored({ disk: new MemoryBlock(diskImage()) });
    await say(m, "alarm junk");
    let done = false;
    // memmove is given the address of a free frame as its source, once.
    m.machine.stops.breakAt(BigInt(symbol(m, "memmove")), (hart) => {
      if (done) return false;
      const free = m.view.frameUses().indexOf(0, 6000);
      const h = m.machine.harts[hart]!;
      if (h.words[h.registerIndex(12)]! < 8) return false;
      done = true;
      h.setRegister(11, (0x80000000 + free * 4096) | 0, 0);
      return false;
    });
    m.machine.type("ls\n");
    await m.run("expect \"\n$ \"");
    expect(sentences(m).filter((s) => s.startsWith("junk"))[0]).toMatch(/^junk: \w+\+0x\w+ guest-kernel\/lib\/string\.c:\d+ reads \d bytes at 0x8\w+, in frame 0x8\w+, which is free/);
  });
});
