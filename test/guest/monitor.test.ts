// The monitor on the real kernel: what its commands say must be what the kernel itself says.

import { beforeAll, describe, expect, test } from "vitest";
import { RAM } from "../../emulator/memory-map.ts";
import { mappersOf } from "../../emulator/monitor/commands/frames.ts";
import { FRAME_USES } from "../../emulator/monitor/kernel-view/kernel-view.ts";
import type { Monitor } from "../../emulator/monitor/monitor.ts";
import { leaves } from "../../emulator/monitor/page-table.ts";
import { data, monitored, monitorOf, say, shellPid, type } from "./monitor.ts";
import { diskImage, machine, pagingImage } from "./support.ts";
import { MemoryBlock } from "../../emulator/index.ts";

let m: Monitor;
beforeAll(async () => {
  m = await monitored({ memory: 32 * 2 ** 20 });
  type(m, "cowdemo");
});

describe("processes", () => {
  test("ps has what the guest's ps has", async () => {
    const guest = type(m, "ps").split("\n").map((l) => l.trim().split(/\s+/)).filter((w) => /^\d+$/.test(w[0] ?? "") && w.at(-1) !== "ps");
    const ours = (await data<{ pid: number; parent: number; name: string; size?: number; resident?: number }[]>(m, "ps")).map((p) =>
      [p.pid, p.parent ?? 0, Math.floor((p.size ?? 0) / 1024), (p.resident ?? 0) * 4, p.name].join(" "));
    expect(ours).toEqual(guest.map(([pid, ppid, _state, _hart, size, rss, _time, name]) => [pid, ppid, size, rss, name].join(" ")));
  });

  test("the pages that are on swap, thousands of them, are each found, in a slot of its own", async () => {
    const small = await monitored({ memory: 16 * 2 ** 20, disk: new MemoryBlock(pagingImage()) });
    small.machine.type("bigsort 24\n"); // MiB
    small.machine.runUntil(() => false, { maxSteps: 150_000_000 });
    const sorter = small.view.processes().find((p) => p.name === "bigsort")!;
    const slots = small.view.maps(sorter.pid)!.filter((x) => x.what !== "guard").flatMap((x) => {
      const pages = Array.from({ length: Number((x.end - x.start) / 4096n) }, (_, i) => small.view.pageAt(sorter.pid, x.start + BigInt(i) * 4096n));
      return pages.flatMap((p) => p?.slot ?? []);
    });
    const used = Number(/ = (\d+)$/.exec(await say(small, "print swap.total - swap.free"))?.[1]);
    expect(slots.length).toBeGreaterThan(1000);
    expect(slots.length).toBeLessThanOrEqual(used); // other processes have some
    expect(new Set(slots).size).toBe(slots.length);
    expect(small.view.trouble()).toEqual([]);
  });

  test("regs and bt of a process that waits go from the kernel into the program", async () => {
    const bt = await say(m, `bt ${shellPid(m)}`);
    for (const call of ["sched() guest-kernel/proc/sched.c", "consoleread() guest-kernel/dev/console.c", "sys_read()", "usertrap()", "-- from user mode --", "main() guest-user/bin/sh/"]) expect(bt).toContain(call);
    const regs = await data<{ user: { pc: string; sp: string; a7: string }; kernel: { pc: string } }>(m, `regs ${shellPid(m)}`);
    expect(Number(regs.user.a7)).toBe(5); // read
    expect(BigInt(regs.user.sp)).toBeGreaterThan(0x3fff000000n);
    expect(await say(m, `symbols ${regs.user.pc} in ${shellPid(m)}`)).toMatch(/ is read\+0x\w+/);
  });

  test("maps has what /proc says", async () => {
    const pid = shellPid(m);
    const proc = type(m, `cat /proc/${pid}/maps`).split("\n").map((l) => /^\s*(?:0x)?([0-9a-f]+)-(?:0x)?([0-9a-f]+)\s+([-rwx]{3})/.exec(l)).filter((x) => x !== null);
    const maps = m.view.maps(pid)!;
    expect(proc.length).toBeGreaterThan(4);
    expect(maps.filter((x) => x.what !== "guard").map((x) => `${x.start.toString(16)}-${x.end.toString(16)} ${x.rights}`))
      .toEqual(expect.arrayContaining(proc.filter(([, start, , rights]) => rights !== "---" && !start!.includes("3fffff")) // not the vDSO, which is in no map
.map(([, start, end, rights]) => `${start!.replace(/^0+/, "")}-${end!.replace(/^0+/, "")} ${rights}`)));
    expect(await say(m, `maps ${pid}`)).toMatch(/heap; \d+ pages? of \d+ in the page table\n {4}anonymous 0x\w+ \(1 ref, /);
  });

  test("each page that the page table shows is where the map says", () => {
    let pages = 0;
    for (const p of m.view.processes()) {
      if (p.root === undefined) continue;
      for (const e of leaves(m.machine, p.root, 0n, 0x3fffff0000n - 1n)) {
        const page = m.view.pageAt(p.pid, e.va);
        const pfn = Number((e.raw >> 10n) & 0xfffffffffffn);
        if (page?.pfn === undefined) expect(page?.text, `${p.name} ${e.va.toString(16)}`).toMatch(/zeros/); // the shared page of zeros
        else expect(page.pfn, `${p.name} ${e.va.toString(16)}`).toBe(pfn);
        pages++;
      }
    }
    expect(pages).toBeGreaterThan(12);
    expect(m.view.trouble()).toEqual([]);
  });
});

describe("frames", () => {
  test("every count that the kernel keeps is true, and check finds nothing", async () => {
    expect(await say(m, "check")).toMatch(/^nothing wrong in [\d,]+ entries of 3 address spaces$/);
    let checked = 0;
    for (const [i, code] of m.view.frameUses().entries()) {
      if (FRAME_USES[code] === "free") continue;
      const f = m.view.frame(RAM / 4096 + i)!;
      for (const c of f.checks) {
        expect(c.found, `${f.pfn.toString(16)} ${f.text} ${c.what}`).toBe(c.claimed);
        checked++;
      }
    }
    expect(checked).toBeGreaterThan(30);
  });

  test("frames counts as many free ones as the guest", async () => {
    const { totals } = await data<{ totals: { use: string; frames: number }[] }>(m, "frames");
    const free = type(m, "free").split("\n").find((l) => l.includes("Mem:"))!.split(/\s+/)[3];
    const ours = totals.find((t) => t.use === "free")!.frames * 4;
    expect(Math.abs(ours - Number(free))).toBeLessThan(1500); // the guest counts clean pages of files and slabs as free, and ran a program to say so
    expect(totals.reduce((n, t) => n + t.frames, 0)).toBe(32 * 256);
  });

  test("frame finds all that map it: a page of sh's text is in init's cache too only if they share the file", async () => {
    const pid = shellPid(m);
    const text = m.view.pageAt(pid, 0x10000n)!;
    const f = m.view.frame(text.pfn!)!;
    expect(f).toMatchObject({ use: "file" });
    expect(f.expected).toContainEqual({ pid, va: 0x10000n });
    const mapped = mappersOf(m, text.pfn!);
    expect(mapped.some((x) => x.space.pid === pid && x.va === 0x10000n)).toBe(true);
    expect(mapped.some((x) => x.space.kernel)).toBe(true);
    expect(await say(m, `frame 0x${text.pfn!.toString(16)}`)).not.toContain("<- not the same");
  });
});

describe("faults", () => {
  test("the log agrees with the kernel's counters", async () => {
    const before = m.faults.total;
    const vmstat = (): Record<string, number> => Object.fromEntries(m.view.processes().flatMap((p) => Object.entries(p.faults ?? {}).map(([k, v]) => [`${p.pid} ${k}`, v])));
    const pid = shellPid(m);
    const counts = (): Record<string, number> => Object.fromEntries(Object.entries(vmstat()).filter(([k]) => k.startsWith(`${pid} `)));
    const a = counts();
    type(m, "echo hi");
    const b = counts();
    const logged: Record<string, number> = {};
    for (const f of m.faults.backwards()) if (f.index >= before && f.pid === pid) logged[`${pid} ${f.outcome}`] = (logged[`${pid} ${f.outcome}`] ?? 0) + 1;
    for (const [k, n] of Object.entries(logged)) expect(b[k]! - a[k]!, k).toBeGreaterThanOrEqual(n); // the kernel counts its own accesses too
    expect(Object.keys(logged).length).toBeGreaterThan(0);
  });

  test("cowdemo's faults are copies and zero-filled pages, each with a cost", async () => {
    const { kinds } = await data<{ kinds: { kind: string; number: number; cost: number; most: number }[] }>(m, "faults");
    for (const kind of ["zero", "cow_copy", "cow_reuse", "file"]) {
      const k = kinds.find((x) => x.kind === kind)!;
      expect(k.number, kind).toBeGreaterThan(5);
      expect(k.cost / k.number, kind).toBeGreaterThan(100);
      expect(k.cost / k.number, kind).toBeLessThan(20_000);
    }
    expect(await say(m, "faults")).toMatch(/taken back \(nobody else used it\)/);
  });
});

describe("stopping", () => {
  test("bt at usertrap's first instruction knows where the program was, which the trapframe does not yet", async () => {
    const s = await monitored();
    await say(s, "break usertrap");
    s.machine.type("cat README\n");
    for (let i = 0; i < 5; i++) {
      await say(s, "continue");
      const pc = s.machine.inspect.csr(0, "sepc").toString(16);
      expect(await say(s, "bt")).toMatch(new RegExp(`^#0 {2}0x\\w+ usertrap\\(\\)[^]*-- from user mode --\\n#1 {2}0x0*${pc} `));
    }
  });

  test("break with a condition, bt, finish, step by line", async () => {
    const s = await monitored();
    expect(await say(s, "break vm_fault if $a2 == 2")).toMatch(/^1: breakpoint at 0x8\w+ vm_fault$/);
    s.machine.type("cat README\n");
    expect(await say(s, "continue")).toMatch(/^breakpoint 1\nhart 0, pid \d+ sh, t=[\d,]+: vm_fault guest-kernel\/vm\/vm_fault\.c:\d+\n=> 0x8/);
    expect(s.machine.inspect.registers(0).x[12]).toBe(2n);
    expect(await say(s, "bt")).toMatch(/^#0 {2}0x\w+ vm_fault\(\)[^]*usertrap\(\)[^]*-- from user mode --\n#\d+/);
    expect(await say(s, "next")).toContain("guest-kernel/");
    expect(await say(s, "finish")).toMatch(/^returned 0x0\n[^]*usertrap/);
    await say(s, "delete");
    expect(await say(s, "catch syscall open")).toBe("2: catch system call 15 open");
    expect(await say(s, "continue")).toMatch(/^catch 2: system call 15 open\nhart 0, pid \d+ cat, /);
    expect(Number((await data<{ a7: string }>(s, "regs a7")).a7)).toBe(15);
  });

  test("a page-table entry is watched, in one process", async () => {
    const s = await monitored();
    const pid = shellPid(s);
    expect(await say(s, `watch pte 0x10000 in ${pid}`)).toMatch(/^1: watchpoint on writes of 8 bytes at physical 0x8\w+ \(entry for 0x10000\)$/);
    const heap = s.view.maps(pid)!.find((x) => x.what === "heap" || x.what === "anonymous")!;
    await say(s, "delete");
    await say(s, `watch pte 0x${heap.start.toString(16)} in ${pid}`);
    s.machine.type("echo hi\n");
    const stop = await say(s, "continue"); // fork takes the right to write away
    expect(stop).toMatch(/^watchpoint 2 \(entry for 0x\w+\): 8 bytes at 0x8\w+ written; 0x\w+ -> 0x\w+\nhart 0, pid \d+ sh, /);
    expect(await say(s, "bt")).toMatch(/fork|pmap_protect/);
  });

  test("expect runs until the console shows a text, and says when it does not", async () => {
    const s = await monitored();
    await say(s, "type echo it works");
    expect(await s.run('expect "it works\n$ "')).toMatchObject({ ok: true });
    expect(await s.run("expect never")).toMatchObject({ ok: false, text: expect.stringMatching(/^it has not come; halted: every hart waits for an interrupt/) });
  });
});

test("looking has no effect on the guest, and off costs nothing: the run is the same", async () => {
  const plain = await machine({ append: 'run="cowdemo; ls"', memory: 16 * 2 ** 20 });
  plain.runToEnd({ maxSteps: 6e6 });
  const looked = await machine({ append: 'run="cowdemo; ls"', memory: 16 * 2 ** 20 });
  const monitor = monitorOf(looked);
  for (let i = 0; i < 3; i++) {
    looked.runToEnd({ maxSteps: 2e6 });
    for (const line of ["ps", "frames", "check", "faults", "tlb", "pt kernel", "bt", "regs all", "csr all", "devices plic", "virtio", "disas", ...(i === 1 ? ["alarm all", "alarm off"] : []), "trace trap", "trace off"]) expect((await monitor.run(line)).text.length).toBeGreaterThan(0);
  }
  expect(looked.steps).toBe(plain.steps);
  expect(looked.stateHash()).toBe(plain.stateHash());
});

test("nonsense in the kernel's memory becomes a sentence", async () => {
  const s = await monitored({ memory: 16 * 2 ** 20, disk: new MemoryBlock(diskImage()) });
  let seed = 99;
  const random = (n: number): number => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % n;
  const kernelData = Number(s.naming.kernel!.addressOf("proc")!);
  const words = new Uint8Array(8);
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < 50; i++) {
      const at = random(2) === 0 ? kernelData + 8 * random(8000) : RAM + 0x300000 + 8 * random(100_000);
      new DataView(words.buffer).setBigUint64(0, random(3) === 0 ? BigInt(RAM + 8 * random(2 ** 20)) : BigInt(random(2 ** 31)) << BigInt(random(33)), true);
      s.machine.memory.write(at, words);
    }
    for (const line of ["ps", "frames", "check", "maps 4", "maps 4 0x16000", "bt 4", "bt 1", "regs 4", "pt 4", "pt kernel", "frame 0x80400", "faults", "tlb", "hart", "bt"]) expect(typeof (await s.run(line)).text).toBe("string");
  }
});
