// The gdb server from its packets: a small guest of two harts, and gdb's side spoken by hand.
import { beforeEach, describe, expect, it } from "vitest";
import { FINISHER, RAM } from "../memory-map.ts";
import { Asm } from "../../test/support/asm.ts";
import { crc32 } from "./crc.ts";
import { toHex } from "./hex.ts";
import { targetXml } from "./registers.ts";
import { Bench, packet } from "./testing.ts";

const DATA = RAM + 0x4000;
const STOP = 7;

/** Hart 0 counts in memory to 20,000 and powers off with code 7; hart 1 reads the count for ever. */
function guest(): Asm {
  const a = new Asm();
  a.csrr("t0", "mhartid").li("s0", DATA).branch("bne", "t0", 0, "second").li("t1", 20_000).i("addi", "sp", "s0", 0);
  a.label("loop").i("lw", "t2", "s0", 0).i("addi", "t2", "t2", 1);
  a.label("store").s("sw", "t2", "s0", 0).branch("bne", "t2", "t1", "loop");
  a.label("end").li("t3", FINISHER).li("t4", (STOP << 16) | 0x3333).s("sw", "t4", "t3").label("stop").j("stop");
  a.label("second").label("read").i("lw", "t2", "s0", 4).j("second");
  return a;
}

const asm = guest();
const image = asm.image();
const at = (label: string): string => asm.address(label).toString(16);
let b: Bench;
beforeEach(async () => {
  b = await Bench.of(image, 2);
});
const pc = (label: string): RegExp => new RegExp(`20:${toHex(new Uint8Array(new BigUint64Array([BigInt(asm.address(label))]).buffer))};`);

describe("the line", () => {
  it("is acknowledged until gdb says that it need not be", async () => {
    expect(await b.raw(packet("qC"))).toBe(`+${packet("QC1")}`);
    expect(await b.raw("-")).toBe(packet("QC1"));
    expect(await b.raw("+")).toBe("");
    expect(await b.raw("$qC#00")).toBe("-");
    expect(await b.raw(packet("QStartNoAckMode"))).toBe(`+${packet("OK")}`);
    expect(await b.raw(packet("qC"))).toBe(packet("QC1"));
    expect(await b.raw("-$qC#00")).toBe("");
  });

  it("answers packets in their order, also when they come together", async () => {
    expect(await b.raw(packet("QStartNoAckMode") + packet("qC") + packet("vMustReplyEmpty"))).toBe(`+${packet("OK")}${packet("QC1")}${packet("")}`);
  });

  it("says what it can do", async () => {
    const features = (await b.ask("qSupported:multiprocess+;swbreak+"))!.split(";");
    for (const f of ["QStartNoAckMode+", "ReverseStep+", "ReverseContinue+", "qXfer:features:read+", "qXfer:memory-map:read+", "vContSupported+"]) expect(features).toContain(f);
    expect(await b.ask("vCont?")).toBe("vCont;c;C;s;S;r");
    for (const unknown of ["qTStatus", "QNonStop:1", "R00", "!", "vRun;", "Z9,0,0", "qXfer:siginfo:read::0,10", ""]) expect(await b.ask(unknown)).toBe("");
  });
});

describe("a jump", () => {
  const to = (address: bigint): string => `P20=${toHex(new Uint8Array(new BigUint64Array([address]).buffer))}`;

  it("to where nothing can be executed is refused at once with a stop, and in words; the next order is carried out", async () => {
    expect(await b.ask(to(0x50n))).toBe("OK");
    const answer = await b.raw(packet("vCont;c"));
    const said = /\$O([0-9a-f]+)#/.exec(answer.replace(/(.)\*(.)/gs, (_, c: string, n: string) => c.repeat(n.charCodeAt(0) - 28)))?.[1] ?? "";
    expect(Buffer.from(said, "hex").toString()).toMatch(/^machine mode can execute nothing at 0x50 \(there is no memory\), so nothing was run: .*\n$/);
    expect(answer).toMatch(/\$T0bthread:1;/);
    expect(b.machine.steps).toBe(0);
    expect(await b.ask(to(BigInt(asm.address("end"))))).toBe("OK");
    expect(await b.ask("vCont;c")).toBeUndefined();
    expect(b.pump()).toBe("W07");
  });
});

describe("registers", () => {
  it("are read and written", async () => {
    expect(await b.ask("g")).toHaveLength(33 * 16);
    expect(await b.ask("p20")).toBe("0010000000000000"); // pc in the boot ROM
    expect(await b.ask("Pb=efcdab8967452301")).toBe("OK");
    expect(await b.ask("pb")).toBe("efcdab8967452301");
    expect(await b.ask("P0=ffffffffffffffff")).toBe("OK");
    expect(await b.ask("p0")).toBe("0".repeat(16));
    const csr = (n: number): string => (65 + n).toString(16);
    expect(await b.ask(`P${csr(0x340)}=0102030405060708`)).toBe("OK"); // mscratch
    expect(await b.ask(`p${csr(0x340)}`)).toBe("0102030405060708");
    expect(b.machine.inspect.csr(0, "mscratch")).toBe(0x0807060504030201n);
    expect(await b.ask("p1041")).toBe("0300000000000000"); // priv
    expect(await b.ask("P1041=0100000000000000")).toBe("OK");
    expect(b.machine.inspect.registers(0).privilege).toBe(1);
    expect(await b.ask("P2b=000000000000f83f")).toBe("OK"); // fa0
    expect([await b.ask("p2b"), b.machine.inspect.floatRegisters(0)[10]]).toEqual(["000000000000f83f", 0x3ff8000000000000n]);
    expect([await b.ask("P44=6100000000000000"), await b.ask("p42"), await b.ask("p43")]).toEqual(["OK", "0100000000000000", "0300000000000000"]);
    for (const wrong of ["p1042", "pffffffff", "p", "P20=0100000000000000", "P20=01", "P1041=0200000000000000", "P1=x", "P"]) expect(await b.ask(wrong)).toBe("E16");
  });

  it("are all written by G", async () => {
    const all = (await b.ask("g"))!;
    const changed = `${all.slice(0, 16)}${"11".repeat(8)}${all.slice(32)}`;
    expect(await b.ask(`G${changed}`)).toBe("OK");
    expect(await b.ask("g")).toBe(changed);
    expect(await b.ask("G00")).toBe("E16");
  });

  it("belong to the hart that H chose", async () => {
    expect(await b.ask("Hg2")).toBe("OK");
    expect(await b.ask(`p${(65 + 0xf14).toString(16)}`)).toBe("0100000000000000"); // mhartid
    expect(await b.ask("qC")).toBe("QC2");
    expect(await b.ask("Hg3")).toBe("E16");
    expect(await b.ask("Hg0")).toBe("OK");
    expect(await b.ask("T2")).toBe("OK");
    expect(await b.ask("T3")).toBe("E16");
  });

  it("are described to gdb, each number once", async () => {
    const numbers = [...targetXml().matchAll(/regnum="(\d+)"/g)].map(([, n]) => Number(n));
    expect(new Set(numbers).size).toBe(numbers.length);
    for (const n of numbers) expect(await b.ask(`p${n.toString(16)}`)).toMatch(/^[0-9a-f]{16}$/);
    let text = "";
    for (let more = true; more; ) {
      const piece = (await b.ask(`qXfer:features:read:target.xml:${text.length.toString(16)},200`))!;
      text += piece.slice(1);
      more = piece.startsWith("m");
    }
    expect(text).toBe(targetXml());
    for (const [annex, answer] of [["x.xml:0,10", "E00"], ["target.xml:ffffff,10", "E00"]] as const) expect(await b.ask(`qXfer:features:read:${annex}`)).toBe(answer);
  });
});

describe("memory", () => {
  it("is read, as much of it as there is", async () => {
    expect(await b.ask(`m${RAM.toString(16)},8`)).toBe(toHex(image.subarray(0, 8)));
    expect(await b.ask(`m${(RAM + 2 ** 20 - 2).toString(16)},8`)).toBe("0000");
    expect(await b.ask(`m${(RAM + 2 ** 20).toString(16)},8`)).toBe("E0e");
    expect(await b.ask("mffffffffffffffff,8")).toBe("E0e");
    expect(await b.ask("m0,0")).toBe("");
    expect((await b.ask(`m${RAM.toString(16)},ffffffff`))!.length).toBeLessThan(0x4000);
    for (const wrong of ["m", "m1", "mx,1", "m1,2,3", "m1,fffffffff", "m11111111111111111,1"]) expect(await b.ask(wrong)).toBe("E16");
  });

  it("is written, all of it or nothing", async () => {
    const data = DATA.toString(16);
    expect(await b.ask(`M${data},4:01020304`)).toBe("OK");
    expect(await b.ask(`X${data},0:`)).toBe("OK");
    expect(await b.ask(`X${(DATA + 4).toString(16)},3:a}\x03b`)).toBe("OK");
    expect(await b.ask(`m${data},8`)).toBe("0102030461236200");
    expect(await b.ask(`M${(RAM + 2 ** 20 - 1).toString(16)},2:0000`)).toBe("E0e");
    expect(await b.ask("M1000,1:00")).toBe("E0e"); // the boot ROM
    for (const wrong of [`M${data},4:010203`, `M${data},1:0`, `X${data},2:a`, "X", "M:"]) expect(await b.ask(wrong)).toBe("E16");
  });

  it("may be meant physically, and is checksummed", async () => {
    expect(await b.ask("qqemu.PhyMemMode")).toBe("0");
    expect(await b.ask("Qqemu.PhyMemMode:1")).toBe("OK");
    expect(await b.ask("qqemu.PhyMemMode")).toBe("1");
    expect(await b.ask(`m${RAM.toString(16)},4`)).toBe(toHex(image.subarray(0, 4)));
    expect(await b.ask("Qqemu.PhyMemMode:2")).toBe("E16");
    expect(crc32(new TextEncoder().encode("123456789"))).toBe(0x0376e6e7); // CRC-32/MPEG-2
    expect(await b.ask(`qCRC:${RAM.toString(16)},10`)).toBe(`C${crc32(image.subarray(0, 16)).toString(16).padStart(8, "0")}`);
    expect(await b.ask("qCRC:0,10")).toBe("E0e");
    expect(await b.ask("qCRC:0,ffffffff")).toBe("E16");
  });

  it("of the kernel's file is there to be read, and no other", async () => {
    const name = toHex(new TextEncoder().encode("/kernel.elf"));
    expect(await b.ask("qXfer:exec-file:read::0,100")).toBe("l/kernel.elf");
    expect(await b.ask("vFile:setfs:0")).toBe("F0");
    expect(await b.ask(`vFile:open:${name},0,0`)).toBe("F0");
    expect(await b.ask("vFile:pread:0,4,0")).toBe(`F4;${String.fromCharCode(...image.subarray(0, 4))}`);
    expect((await b.ask("vFile:fstat:0"))!.length).toBe("F40;".length + 64);
    expect(await b.ask("vFile:pread:0,10,ffffffff")).toBe("F0;");
    expect(await b.ask("vFile:close:0")).toBe("F0");
    expect(await b.ask("vFile:close:0")).toBe("F-1,9");
    expect(await b.ask(`vFile:open:${toHex(new TextEncoder().encode("/etc/passwd"))},0,0`)).toBe("F-1,2");
    expect(await b.ask(`vFile:open:${name},1,0`)).toBe("F-1,1");
    expect(await b.ask(`vFile:unlink:${name}`)).toBe("F-1,1");
  });
});

describe("stops", () => {
  it("at breakpoints, on the hart that met them", async () => {
    expect(await b.ask(`Z0,${at("store")},4`)).toBe("OK");
    expect(await b.ask(`Z0,${at("store")},4`)).toBe("OK");
    const stop = await b.run("vCont;c");
    expect(stop).toMatch(/^T05thread:1;core:0;swbreak:;/);
    expect(stop).toMatch(pc("store"));
    expect(await b.ask("?")).toBe(stop);
    expect(await b.run("c")).toMatch(pc("store")); // the next round of the loop, not the same moment
    expect(await b.ask("p7")).toBe("0200000000000000");
    expect(await b.ask(`z0,${at("store")},4`)).toBe("OK");
    expect(await b.ask(`z0,${at("store")},4`)).toBe("OK");
    expect(await b.ask(`Z1,${at("end")},4`)).toBe("OK");
    expect(await b.run("vCont;c")).toMatch(/^T05thread:1;core:0;hwbreak:;/);
    expect(await b.run("vCont;c:-1")).toBe("W07");
  });

  it("of a gdb that steps over its breakpoint are not met twice", async () => {
    await b.ask(`Z0,${at("loop")},4`);
    await b.run("vCont;c");
    for (let round = 1; round <= 3; round++) {
      await b.ask(`z0,${at("loop")},4`);
      expect(await b.run("vCont;s:1;c")).toMatch(/^T05thread:1;/);
      await b.ask(`Z0,${at("loop")},4`);
      expect(await b.run("vCont;c")).toMatch(pc("loop"));
      expect(await b.ask("p7")).toBe(`0${round}00000000000000`);
    }
  });

  it("after a step, of either hart", async () => {
    await b.ask(`Z0,${at("loop")},4`);
    await b.run("c");
    const steps = b.machine.steps;
    expect(await b.run("s")).toMatch(/^T05thread:1;/);
    expect(b.machine.steps).toBe(steps + 1);
    await b.ask(`z0,${at("loop")},4`);
    expect(await b.run("vCont;s:2;c")).toMatch(/^T05thread:2;core:1;/);
    expect(await b.ask("qC")).toBe("QC2");
    expect(await b.run(`vCont;r${at("loop")},${at("end")}:1;c`)).toMatch(/^T05thread:1;/);
    for (const wrong of ["vCont;s:9", "vCont;x", "vCont;", "vCont;r1:1", "vCont;r1,g", "cx", "s12345678901234567"]) expect(await b.ask(wrong)).toBe("E16");
  });

  it("at watchpoints, with gdb's own address", async () => {
    const data = DATA.toString(16);
    expect(await b.ask(`Z2,${data},4`)).toBe("OK");
    const stop = await b.run("c");
    expect(stop).toMatch(new RegExp(`^T05thread:1;core:0;watch:${data};`));
    expect(await b.ask(`m${data},4`)).toBe("01000000");
    expect(await b.ask(`z2,${data},4`)).toBe("OK");
    expect(await b.ask(`Z3,${(DATA + 4).toString(16)},4`)).toBe("OK");
    expect(await b.run("c")).toMatch(new RegExp(`^T05thread:2;core:1;rwatch:${(DATA + 4).toString(16)};`));
    expect(await b.ask(`z3,${(DATA + 4).toString(16)},4`)).toBe("OK");
    await b.ask("Qqemu.PhyMemMode:1");
    expect(await b.ask(`Z4,${data},8`)).toBe("OK");
    await b.ask("Qqemu.PhyMemMode:0");
    expect(await b.run("c")).toMatch(/awatch:/);
    expect(await b.ask(`z4,${data},8`)).toBe("OK");
    for (const wrong of [`Z2,${data},0`, `Z2,${data},1001`, `Z2,${data}`, "Z0,x,4", "Z"]) expect(await b.ask(wrong)).toBe("E16");
    expect(await b.run("c")).toBe("W07");
  });

  it("when gdb presses Ctrl-C, and nothing else is answered before", async () => {
    expect(await b.raw(packet("vCont;c"))).toBe("+");
    expect(b.pump(1000)).toBeUndefined();
    expect(await b.ask("g")).toBe("E10");
    expect(await b.ask("vCont;c")).toBe("E10");
    expect(await b.raw("\x03")).toMatch(/^\$T02thread:[12];/);
    expect(await b.raw("\x03")).toBe("");
  });

  it("of the monitor's making are explained", async () => {
    await b.raw(packet(`qRcmd,${toHex(new TextEncoder().encode(`break 0x${at("store")}`))}`));
    await b.ask("c");
    let said = "";
    const stop = b.pump(1_000_000, (body) => { if (body.startsWith("O")) said += Buffer.from(body.slice(1), "hex").toString(); });
    expect(stop).toMatch(/^T05thread:1;/);
    expect(said).toMatch(/^breakpoint 1[^]*=> 0x/);
  });

  it("are lines of gdb's own where it asks the monitor", async () => {
    const asked = await b.raw(packet(`qRcmd,${toHex(new TextEncoder().encode("no such thing"))}`));
    const [, said] = /^\+\$O((?:[0-9a-f]{2})+)#..\$OK#9a$/.exec(asked) ?? [];
    expect(Buffer.from(said!, "hex").toString()).toContain('there is no command "no"');
    expect(await b.ask("qRcmd,6")).toBe("E16");
  });
});

describe("going back", () => {
  beforeEach(async () => {
    b = await Bench.of(image, 2, { history: true });
  });
  const value = async (): Promise<number> => parseInt((await b.ask(`m${DATA.toString(16)},1`))!, 16);

  it("is refused without a history", async () => {
    b = await Bench.of(image, 2);
    expect(await b.ask("bc")).toBe("E16");
    expect(await b.ask("bs")).toBe("E16");
    expect(await b.ask("qC")).toBe("QC1");
  });

  it("steps back over the instruction that was stepped", async () => {
    await b.ask(`Z0,${at("store")},4`);
    await b.run("c");
    const [steps, hash] = [b.machine.steps, b.machine.stateHash()];
    await b.run("vCont;s:1;c");
    const back = await b.run("bs");
    expect(back).toMatch(/^T05thread:1;/);
    expect(back).toMatch(pc("store"));
    expect(b.machine.steps).toBe(steps);
    expect(b.machine.stateHash()).toBe(hash);
  });

  it("comes to a breakpoint met before, and to the beginning", async () => {
    await b.ask(`Z0,${at("store")},4`);
    for (let i = 0; i < 5; i++) await b.run("c");
    expect(await value()).toBe(4);
    expect(await b.run("bc")).toMatch(/^T05thread:1;core:0;swbreak:;/);
    expect(await value()).toBe(3);
    await b.ask(`z0,${at("store")},4`);
    expect(await b.run("bc")).toMatch(/^T05thread:\d;core:\d;replaylog:begin;/);
    expect(b.machine.steps).toBe(0);
  });

  it("is possible from the machine's end, and going on ends it", async () => {
    let said = "";
    await b.ask("c");
    const stop = b.pump(1_000_000, (body) => { if (body.startsWith("O")) said += Buffer.from(body.slice(1), "hex").toString(); });
    expect(stop).toMatch(/^T05thread:1;core:0;1:/);
    expect(said).toContain("the machine is off, with code 7");
    expect(await b.ask("?")).toBe(stop);
    expect(await value()).toBe(0x20); // 20,000 = 0x4e20
    await b.ask(`Z0,${at("store")},4`);
    expect(await b.run("bc")).toMatch(pc("store"));
    expect(await value()).toBe(0x1f);
    await b.ask(`z0,${at("store")},4`);
    expect(await b.run("c")).toBe(stop);
    expect(await b.run("c")).toBe("W07");
  });

  it("from the end is nobody's who detaches", async () => {
    await b.run("c");
    expect(await b.ask("D")).toBe("OK");
    b.pump();
    expect(b.control.last).toEqual({ reason: "poweroff", code: STOP });
  });

  it("comes to who wrote a watched word, before it did", async () => {
    await b.ask(`Z0,${at("store")},4`);
    for (let i = 0; i < 4; i++) await b.run("c");
    await b.ask(`z0,${at("store")},4`);
    await b.ask(`Z2,${DATA.toString(16)},4`);
    const stop = await b.run("bc");
    expect(stop).toMatch(new RegExp(`watch:${DATA.toString(16)};`));
    expect(stop).toMatch(pc("store"));
    expect(await value()).toBe(2);
    expect(await b.run("c")).toMatch(/watch:/);
    expect(await value()).toBe(3);
  });

  it("knows what gdb changed, and when", async () => {
    await b.ask(`Z0,${at("store")},4`);
    for (let i = 0; i < 3; i++) await b.run("c");
    expect(await b.ask("P7=0900000000000000")).toBe("OK"); // t2 is stored next
    await b.run("c");
    expect(await value()).toBe(9);
    const hash = b.machine.stateHash();
    expect(await b.run("bc")).toMatch(pc("store"));
    expect(await b.run("bc")).toMatch(pc("store"));
    expect(await value()).toBe(1);
    await b.run("c");
    await b.run("c");
    expect(await value()).toBe(9);
    expect(b.machine.stateHash()).toBe(hash);
    await b.run("bc");
    expect(await b.ask(`M${DATA.toString(16)},1:50`)).toBe("OK"); // in the past: another future
    await b.ask(`z0,${at("store")},4`);
    await b.ask(`Z0,${at("loop")},4`);
    await b.run("c");
    await b.ask(`z0,${at("loop")},4`);
    await b.run("c");
    expect(await b.run("c")).toBe("W07");
  });

  it("may be interrupted, and is then where it began", async () => {
    await b.ask(`Z1,${at("end")},4`);
    await b.run("c");
    const { steps } = b.machine;
    await b.ask(`z1,${at("end")},4`);
    await b.ask(`Z0,${at("stop")},4`); // never met
    expect(await b.ask("bc")).toBeUndefined();
    b.control.run(1000);
    expect(await b.raw("\x03")).toMatch(/^\$T02thread:/);
    expect(b.machine.steps).toBe(steps);
  });
});

describe("coming and going", () => {
  it("halts the machine, and detaching lets it run on without breakpoints", async () => {
    expect(b.control.halted).toBe(true);
    await b.ask(`Z0,${at("loop")},4`);
    expect(await b.ask("D")).toBe("OK");
    b.pump();
    expect(b.control.last).toEqual({ reason: "poweroff", code: STOP });
    b.reconnect();
    expect(await b.ask("?")).toBe("W07");
  });

  it("a lost line leaves the machine as it was, and the stop is there for the next gdb", async () => {
    await b.ask(`Z0,${at("store")},4`);
    await b.ask("vCont;c");
    b.close();
    await b.raw(packet("g"));
    b.pump(100);
    expect(b.control.halted).toBe(false);
    b.reconnect();
    expect(await b.ask("?")).toMatch(/^T02thread:/);
    await b.ask(`Z0,${at("end")},4`);
    const stop = await b.run("vCont;c");
    b.reconnect();
    expect(await b.ask("?")).toMatch(pc("end"));
    expect(stop).toMatch(pc("end"));
    expect(await b.run("c")).toBe("W07");
  });

  it("takes a thread's number with zeros before it, 0 being any of them", async () => {
    expect([await b.ask("Hg02"), await b.ask("qC"), await b.ask("Hg00"), await b.ask("qC"), await b.ask("T0003")]).toEqual(["OK", "QC2", "OK", "QC2", "E16"]);
    expect(await b.ask("g")).toHaveLength(33 * 16);
    expect(await b.run("vCont;s:00")).toMatch(/^T05thread:2;/);
  });

  it("may end in a kill", async () => {
    expect(await b.raw(packet("vKill;1"))).toBe(`+${packet("OK")}`);
    expect(await b.raw(packet("k"))).toBe("+");
    expect(b.killed).toBe(2);
  });

  it("shows harts as threads", async () => {
    expect(await b.ask("qfThreadInfo")).toBe("m1,2");
    expect(await b.ask("qsThreadInfo")).toBe("l");
    const xml = await b.ask("qXfer:threads:read::0,1000");
    expect(xml).toContain('<thread id="2" core="1" name="hart 1">machine mode</thread>');
    expect(Buffer.from((await b.ask("qThreadExtraInfo,1"))!, "hex").toString()).toBe("machine mode");
    expect(await b.ask("qAttached")).toBe("1");
  });
});

describe("hostile packets", () => {
  it("are answered once or not at all, and do no harm", async () => {
    let seed = 4;
    const random = (n: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 16) % n;
    };
    const starts = ["g", "G", "p", "P", "m", "M", "X", "H", "T", "?", "Z0", "Z2", "Z4", "z0", "qXfer:features:read:", "qXfer:threads:read:", "qRcmd,", "qCRC:", "vCont;", "vFile:open:",
      "vFile:pread:", "Qqemu.PhyMemMode:", "qThreadExtraInfo,", "D", "qC", "vKill", "b", "_", "qSymbol"];
    const pieces = [",", ":", ";", "0", "1", "ffffffffffffffff", "8000", "=", "target.xml", "-1", "p1.1", "\x80", "x", "*", "", "fffff"];
    for (let i = 0; i < 20_000; i++) {
      const body = starts[random(starts.length)]! + Array.from({ length: random(8) }, () => pieces[random(pieces.length)]!).join("");
      if (/^(c|s|C|S|vCont;[cs]|D|bc|bs)/.test(body)) continue;
      const answers = [...(await b.raw(packet(body))).matchAll(/\$[^#]*#/gs)];
      expect(answers.length, body).toBeLessThanOrEqual(body.startsWith("qRcmd") ? 3 : 1);
    }
    await b.ask("Hg1");
    expect(await b.ask("g")).toHaveLength(33 * 16);
  });
});
