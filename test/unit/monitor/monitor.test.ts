// The monitor's framework, and the commands that need nothing but the machine: on small programs without symbols.

import { beforeAll, describe, expect, test } from "vitest";
import { Machine } from "../../../emulator/index.ts";
import { FAMILIES } from "../../../emulator/monitor/command.ts";
import { COMMANDS } from "../../../emulator/monitor/commands/index.ts";
import { Monitor } from "../../../emulator/monitor/monitor.ts";
import { RAM } from "../../../emulator/memory-map.ts";
import { Asm } from "../../support/asm.ts";

const DATA = RAM + 0x1000;
let machine: Machine;
let monitor: Monitor;

beforeAll(async () => {
  const a = new Asm();
  a.li("a1", 0).li("a0", 0x1234).li("sp", DATA + 0x800).li("t0", DATA).s("sd", "a0", "t0", 8);
  a.label("loop").i("addi", "a1", "a1", 1).j("loop");
  a.org(DATA).data(new TextEncoder().encode("hello\0"));
  machine = await Machine.create({ memory: 2 ** 21, harts: 2, kernel: a.image() });
  machine.run(60);
  monitor = new Monitor(machine);
});

const text = async (line: string): Promise<string> => (await monitor.run(line)).text;
const failure = async (line: string): Promise<string> => {
  const { ok, text: t, json } = await monitor.run(line);
  expect([ok, json], line).toEqual([false, { error: t }]);
  expect(t.split("\n"), line).toHaveLength(1);
  return t;
};

test.each(["trap", "commits", "instruction,trap"])("a trace of %s to a file that is full ends, and the run goes on", async (events) => {
  const m = await Machine.create({ memory: 2 ** 20, kernel: new Asm().label("loop").op("ecall").j("loop").image() });
  let [room, closed] = [3, 0];
  const write = (): void => { if (room-- === 0) throw new Error("no space is left"); };
  const traced = new Monitor(m, { openFile: () => ({ write, close: () => { closed++; } }) });
  const heard: number[] = [];
  await traced.run(`trace ${events} to full.txt`);
  m.events.on("trap", (e) => heard.push(e.cause));
  traced.control.go((d) => d.continue());
  expect(traced.control.run(100)).toEqual({ reason: "budget" });
  await Promise.resolve();
  expect([m.steps, closed, traced.told]).toEqual([100, 1, ["the trace to full.txt has ended: no space is left"]]);
  expect([heard.length, m.events.instruction, (await traced.run("trace")).text]).toEqual([m.harts[0]!.traps, undefined, "no trace is on"]);
});

describe("a line", () => {
  test("nothing does nothing", async () => {
    expect(await monitor.run("  ")).toEqual({ ok: true, text: "", json: null });
  });

  test("names a command by its name, another name, or an unmistakable beginning", async () => {
    expect(await text("stats")).toBe(await text("status"));
    expect(await text("stat")).toBe(await text("stats"));
  });

  test("that is wrong gives one line that says why", async () => {
    expect(await failure("foo")).toBe('there is no command "foo"; help lists them');
    expect(await failure("dis")).toBe('"dis" may be disas, disable');
    expect(await failure("stats now")).toBe('"now" is not understood; the form is: stats');
    expect(await failure("x")).toMatch(/^an address is missing; the form is: x\[/);
    expect(await failure("stats/4")).toMatch(/^stats takes no format/);
    expect(await failure('x "0')).toBe('the quote " is not closed');
    expect(await failure("hart 7")).toBe("there is no hart 7: the machine has 2");
    expect(await failure("csr foo")).toBe("there is no CSR foo");
    expect(await failure("pt 7")).toBe("there is no process 7; ps lists them");
    expect(await failure("pt")).toBe("hart 0 translates nothing: its satp is 0x0 (Bare)");
    expect(await failure("frame 0x10")).toMatch(/^0x10 is no frame of RAM/);
    expect(await failure("goto 5")).toBe("this machine keeps no history: it cannot go back");
    expect(await failure("rstep")).toBe("this machine keeps no history: it cannot go back");
    expect(await failure("trace foo")).toMatch(/^there is no event foo/);
    expect(await failure("trace trap to x")).toBe("there are no files here to write to");
    expect(await failure("watch 0 0x10000000")).toMatch(/is no number of bytes/);
    expect(await failure("catch foo")).toMatch(/cannot be caught/);
    expect(await failure("break foo")).toBe("there is no symbol foo");
    expect(await failure("delete 99")).toBe("there is no point 99; points lists them");
    expect(await failure("alarm junk")).toMatch(/^which frames are free cannot be asked/);
  });

  test("with --json prints data", async () => {
    const { text: t, json } = await monitor.run("stats --json");
    expect(JSON.parse(t)).toEqual(json);
    expect(json).toMatchObject({ steps: 60, view: "hardware", harts: [{ hart: 0 }, { hart: 1 }] });
    expect(JSON.parse((await monitor.run("foo --json")).text)).toHaveProperty("error");
  });

  test("of anything at all is answered", async () => {
    let seed = 12345;
    const random = (n: number): number => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % n;
    const words = ["0x80000000", "--all", "--json", "in", "as", "7", "kernel", "satp=0x8000000000080010", "$sp", "*0", "-1", "(", "\"", "0x1000-0x2000", "store", "physical", "root=0x80000000", "hart1", "/", "if", "99999999999999999999"];
    const harmless = COMMANDS.filter((c) => !["stop and go", "machine", "go back"].includes(c.family) && c.name !== "trace");
    for (let i = 0; i < 2000; i++) {
      const command = harmless[random(harmless.length)]!.name;
      const line = [command, ...Array.from({ length: random(4) }, () => words[random(words.length)]!)].join(" ");
      const output = await monitor.run(line);
      expect(typeof output.text, line).toBe("string");
    }
  });
});

describe("help", () => {
  test("lists every command in a family, and has a text for each", async () => {
    const list = await text("help");
    for (const c of COMMANDS) {
      expect(list).toContain(`  ${c.name} `);
      expect(FAMILIES).toContain(c.family);
      expect(c.usage.startsWith(c.name), c.name).toBe(true);
      expect(c.help.length, c.name).toBeGreaterThan(10);
      expect(await text(`help ${c.name}`)).toContain(c.summary);
    }
  });

  test("no two commands share a name", () => {
    const names = COMMANDS.flatMap((c) => [c.name, ...(c.aliases ?? [])]);
    expect(names.filter((n, i) => names.indexOf(n) !== i)).toEqual([]);
  });
});

test("completion offers what may follow", () => {
  expect(monitor.complete("wa")).toEqual(["walk", "watch"]);
  expect(monitor.complete("csr sat")).toEqual(["satp"]);
  expect(monitor.complete("walk 0x1000 as st")).toEqual(["store"]);
  expect(monitor.complete("help fra")).toEqual(["frame", "frames"]);
  expect(monitor.complete("trace page")).toEqual(["pageFault"]);
  expect(monitor.complete("x/4i --j")).toEqual(["--json"]);
  expect(monitor.complete("nonsense f")).toEqual([]);
});

describe("registers and memory", () => {
  test("regs", async () => {
    expect(await text("regs a0")).toBe("a0 0x0000000000001234 (4,660)");
    expect((await text("regs")).split("\n")[0]).toMatch(/^hart 0: pc 0x0000000080000[0-9a-f]+, machine mode$/);
    expect((await monitor.run("regs all")).json).toMatchObject([{ hart: 0, a0: "0x1234", privilege: "machine" }, { hart: 1 }]);
  });

  test("floating-point registers: bits and values, singles marked f", async () => {
    const h = machine.harts[0]!;
    const before = [h.floatIndex(10), h.floatIndex(11)].map((i) => [i, h.words[i]!, h.words[i + 1]!] as const);
    h.setFloat(10, 0, 0x3ff80000);
    h.setFloat(11, 0xc0200000 | 0, -1);
    expect(await text("regs fa0")).toBe("fa0 0x3ff8000000000000 (1.5)");
    expect(await text("regs f11")).toBe("f11 0xffffffffc0200000 (-2.5f)");
    expect(await text("regs f")).toMatch(/^hart 0: fcsr 0x00 frm=rne, FS=off\n +ft0 +0x0000000000000000 +0 [^]*fa0 +0x3ff8000000000000 +1\.5 [^]*-2\.5f/);
    expect((await monitor.run("regs f")).json).toMatchObject({ hart: 0, fcsr: "0x0", fa0: { bits: "0x3ff8000000000000", value: "1.5" } });
    for (const [i, lo, hi] of before) h.words.set([lo, hi], i);
  });

  test("csr decodes fields", async () => {
    expect(await text("csr misa")).toMatch(/^misa +0x[0-9a-f]{16} +RV64/);
    expect(await text("csr mstatus")).toBe("mstatus  0x0000000a00000000  SPP=user MPP=user FS=off UXL=2 SXL=2");
    expect(await text("csr satp")).toBe("satp  0x0000000000000000  Bare: no translation");
  });

  test("x and xp in every format", async () => {
    const at = `0x${DATA.toString(16)}`;
    expect(await text(`x/2xg ${at}`)).toBe(`${at}  0x0000006f6c6c6568  0x0000000000001234`);
    expect(await text(`xp/1xw ${at}+8`)).toBe("0x80001008  0x00001234");
    expect(await text(`x/3db ${at}`)).toBe(`${at}  104  101  108`);
    expect(await text(`x/s ${at}`)).toBe(`${at}  "hello"`);
    expect(await text(`x/2c ${at}`)).toBe(`${at}  'h'  'e'`);
    expect(await text(`x/1oh ${at}`)).toBe(`${at}  062550`);
    expect(await text("x/1dg $sp-0x800+8")).toBe("0x80001008  4660");
    expect(await failure("x/q 0")).toMatch(/is no format/);
    expect(await failure("x/99999999x 0")).toMatch(/too many at once/);
    expect(await failure("x/1xg 0x70000000")).toBe("there is no memory at physical address 0x70000000");
    expect(await text("x/9xg 0x801fffc0")).toContain("? is where nothing is mapped");
  });

  test("disas marks the pc and says where far calls go", async () => {
    expect(await text("disas 0x80000000 1")).toBe("   0x80000000  00000593  li a1,0");
    expect(await text("disas")).toMatch(/^=> 0x80000/);
  });

  test("devices and their state, without effect", async () => {
    const before = machine.stateHash();
    const list = await text("devices");
    for (const name of ["bootrom", "clint", "plic", "uart", "virtio7", "RAM"]) expect(list).toContain(name);
    for (const { device } of machine.platform.bus.mappings) expect(await text(`devices ${device.name}`)).toContain(`device`);
    expect(await text("virtio")).toBe("no slot has a device");
    expect(await text("virtio 3")).toBe("virtio3: empty slot");
    expect(machine.stateHash()).toBe(before);
  });
});

test("hart chooses whom commands are about", async () => {
  expect((await text("hart 1")).split("\n")[1]).toMatch(/^\* {2}hart 1/);
  expect(await text("regs")).toMatch(/^hart 1: /);
  await monitor.run("hart 0");
});

test("points are made, listed, switched and removed", async () => {
  expect(await text("break 0x80000010")).toBe("1: breakpoint at 0x80000010");
  expect(await text("watch 0x80001000+16 access physical")).toBe("2: watchpoint on accesses of 16 bytes at physical 0x80001000");
  expect(await text("catch fault store not-writable")).toBe("3: catch page fault of a store not-writable");
  expect(await text("catch trap illegal")).toBe("4: catch illegal instruction");
  expect(await text("catch csr satp")).toBe("5: catch write of satp");
  await monitor.run("disable 2");
  expect((await text("points")).split("\n")[1]).toMatch(/^\(2\) {2}watchpoint .* met 0 times$/);
  await monitor.run("delete");
  expect(await text("points")).toBe("there are none");
});

test("the machine runs to a stop, headless", async () => {
  const m = new Monitor(machine);
  const loop = machine.harts[0]!.pcLo >>> 0;
  expect(await m.run(`break 0x${loop.toString(16)} on 1 if $a1 > 20`)).toMatchObject({ ok: true });
  const { text: t, json } = await m.run("continue");
  expect(t).toMatch(/^breakpoint 1\nhart 1, t=[\d,]+: 0x80000/);
  expect(json).toMatchObject({ hart: 1, stop: [{ kind: "breakpoint", id: 1 }] });
  expect(machine.inspect.registers(1).x[11]).toBe(21n);
  expect((await m.run("stepi")).json).toMatchObject({ hart: 1, stop: [{ kind: "step" }] });
  expect(machine.inspect.registers(1).x[11]).toBeGreaterThan(20n);
  m.close();
});
