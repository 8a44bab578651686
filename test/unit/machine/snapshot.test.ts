// Snapshots and input logs: a run that was interrupted, saved and loaded, or repeated from its log, is the same run
// to the last bit, whichever engine runs it (DESIGN.md, rule 4).

import { describe, expect, test } from "vitest";
import { Machine, type EngineName } from "../../../emulator/index.ts";
import { RAM } from "../../../emulator/memory-map.ts";
import { randomGuest } from "../../support/guest.ts";
import { Random } from "../../support/random.ts";
import { DATA, ENGINES, RIG_MEMORY, Rig, finish, machineWith } from "../../support/rig.ts";

/** Take `steps` steps, in chunks of any size, letting idle time pass. */
function advance(m: Machine, steps: number, r: Random): void {
  for (const end = m.steps + steps; m.steps < end; ) {
    const stop = m.run(Math.min(end - m.steps, r.between(1, 900)));
    if (stop.reason === "idle" && stop.wakeAt !== Infinity) m.skipTo(stop.wakeAt);
    else if (stop.reason !== "budget") return;
  }
}

describe("a random guest, saved and loaded in mid-run", () => {
  for (let seed = 1; seed <= 10; seed++) {
    test(`seed ${seed}`, async () => {
      const r = new Random(seed);
      const harts = (seed % 3) + 1;
      const image = randomGuest(r, { harts });
      const first = r.between(1, 3000);
      const second = r.between(1, 3000);
      const hashes = new Set<string>();
      for (const [before, after] of [["reference", "interpreter"], ["interpreter", "reference"], ["interpreter", "interpreter"]] as [EngineName, EngineName][]) {
        const whole = await machineWith(before, image, { harts });
        advance(whole, first, r);
        const snapshot = whole.snapshot();
        const restored = await Machine.restore(r.oneIn(2) ? Buffer.from(snapshot) : snapshot, [], { engine: after }); // a file's content is a Buffer
        expect(restored.stateHash()).toBe(whole.stateHash());
        expect(Buffer.compare(restored.snapshot(), snapshot)).toBe(0);
        advance(whole, second, r);
        advance(restored, second, r);
        expect(restored.stateHash()).toBe(whole.stateHash());
        hashes.add(whole.stateHash());
      }
      expect(hashes.size).toBe(1);
    });
  }
});

/** A guest that sleeps until a key comes, counts it, and echoes it; `q` powers off. */
function echo(): Rig {
  const a = new Rig();
  a.prologue().li("s0", 0x10000000).li("s1", 0xc000000).li("t0", 1).s("sw", "t0", "s1", 40); // PLIC: priority of source 10
  a.li("t1", 0xc002000).li("t0", 1 << 10).s("sw", "t0", "t1").s("sb", "t0", "s0", 2).li("t0", 1).s("sb", "t0", "s0", 1); // enabled for hart 0's M; UART: receive interrupts
  a.csrli("mie", 0x800).li("s2", 0xc200004).li("s3", DATA);
  a.label("sleep").op("wfi").i("lw", "s4", "s2", 0);
  a.label("more").i("lbu", "t0", "s0", 5).i("andi", "t0", "t0", 1).branch("beq", "t0", 0, "claimed");
  a.i("lbu", "t1", "s0", 0).s("sb", "t1", "s0").i("ld", "t2", "s3", 0).i("addi", "t2", "t2", 1).s("sd", "t2", "s3").csrr("t3", "time").s("sd", "t3", "s3", 8);
  a.li("t4", 113).branch("bne", "t1", "t4", "more").done();
  return a.label("claimed").s("sw", "s4", "s2").j("sleep");
}

describe("input", () => {
  test("a run repeated from its log, on either engine, in one go or in pieces", async () => {
    const kernel = echo().image();
    const first = await Machine.create({ memory: RIG_MEMORY, kernel });
    const r = new Random(3);
    for (const text of ["h", "ello", " ", "world", "q"]) {
      for (let i = r.below(5); i > 0; i--) {
        first.run(r.between(1, 400));
        first.skipTo(first.now + r.below(100_000));
      }
      first.type(text);
    }
    expect(finish(first, 10_000)).toEqual({ reason: "poweroff", code: 0 });
    expect(first.console.text).toBe("hello worldq");
    for (const engine of ENGINES) {
      for (const piece of [1, 7, 1_000_000]) {
        const again = await Machine.create({ memory: RIG_MEMORY, kernel, engine });
        again.replay(first.inputLog);
        for (;;) {
          const stop = again.run(piece);
          if (stop.reason === "idle") again.skipTo(stop.wakeAt);
          else if (stop.reason !== "budget") break;
        }
        expect(again.console.text).toBe("hello worldq");
        expect(again.stateHash(), `${engine} in pieces of ${piece}`).toBe(first.stateHash());
        expect(again.inputLog).toEqual(first.inputLog);
      }
    }
  });

  test("input that was given and not yet taken in is in the snapshot", async () => {
    const m = await Machine.create({ memory: RIG_MEMORY, kernel: echo().image() });
    finish(m, 1000);
    m.type("q");
    const restored = await Machine.restore(m.snapshot());
    expect(finish(restored, 1000).reason).toBe("poweroff");
    expect(finish(m, 1000).reason).toBe("poweroff");
    expect(restored.stateHash()).toBe(m.stateHash());
  });
});

describe("what a snapshot keeps besides", () => {
  test("that the run has ended, and how", async () => {
    const a = new Rig();
    a.prologue().li("t0", 0x100000).li("t1", (7 << 16) | 0x3333).s("sw", "t1", "t0").label("on").j("on");
    const m = await Machine.create({ memory: RIG_MEMORY, kernel: a.image() });
    expect(finish(m, 1000)).toEqual({ reason: "poweroff", code: 7 });
    const restored = await Machine.restore(m.snapshot());
    expect(restored.run(10)).toEqual({ reason: "poweroff", code: 7 });
    expect(restored.stateHash()).toBe(m.stateHash());
  });
  test("what the clock chip shows after a reset", async () => {
    const m = await Machine.create({ memory: RIG_MEMORY, kernel: echo().image(), epoch: 1_000_000 });
    m.run(20);
    const restored = await Machine.restore(m.snapshot());
    expect(restored.stateHash()).toBe(m.stateHash());
    expect(Buffer.compare(restored.snapshot(), m.snapshot())).toBe(0);
    restored.reset();
    expect(restored.platform.rtc.peek(0, 4), "nanoseconds: a million seconds, and 20 steps").toBe((1_000_000 * 1e9 + 20) % 2 ** 32);
  });
  test("where tohost is", async () => {
    const a = new Rig();
    a.prologue().li("t0", DATA).li("t1", 11).label("wait").i("addi", "t2", "t2", 1).branch("bne", "t2", "t1", "wait").s("sd", "t1", "t0").label("on").j("on");
    const m = await Machine.create({ memory: RIG_MEMORY, kernel: a.image() });
    m.watchToHost(DATA);
    m.run(20);
    const restored = await Machine.restore(m.snapshot());
    expect(finish(restored, 1000)).toEqual({ reason: "poweroff", code: 5 });
  });
  test.each(["", "PWSNAP03", "PWSNAP03\u0000\u0000\u0000\u0001", "PWSNAP03\u0002\u0000\u0000\u0000{}", "PWSNAP03\u0004\u0000\u0000\u0000nope"])("bytes that are no snapshot (%j) give an error of one line", async (text) => {
    await expect(Machine.restore(new TextEncoder().encode(text))).rejects.toThrow(/^snapshot: [^\n]+$/);
  });
  test("a snapshot cut short anywhere gives an error of one line", async () => {
    const whole = (await machineWith("reference", echo().image())).snapshot();
    const r = new Random(4);
    for (let n = 0; n < 20; n++) await expect(Machine.restore(whole.subarray(0, r.below(whole.length)))).rejects.toThrow(/^snapshot: [^\n]+$/);
  });
});

test("looking at a machine changes nothing", async () => {
  for (const engine of ENGINES) {
    const m = await machineWith(engine, randomGuest(new Random(5), { harts: 2 }), { harts: 2 });
    advance(m, 2000, new Random(6));
    const before = m.stateHash();
    for (let pa = RAM; pa < RAM + RIG_MEMORY; pa += 65_521) m.inspect.physical(pa, 8);
    for (const pa of [0x10000000, 0xc200004, 0x2000000, 0x101000, 0x10001000, 0x100000, 0x1000]) m.inspect.physical(pa, 4);
    for (const va of [0x40004000n, 0x20004000n, 0x60000000n, 0xffffffc080000000n, 0x70000000n, 0x10000000n]) for (const access of [0, 1, 2] as const) m.inspect.virtual(0, va, 64, access);
    for (const name of ["mcycle", "time", "mip", "sstatus", "satp", "pmpcfg0"]) m.inspect.csr(1, name);
    m.snapshot();
    expect(m.stateHash()).toBe(before);
  }
});

test("a forged snapshot is refused in one line, never a crash", async () => {
  const { packState, unpackState } = await import("../../../emulator/snapshot.ts");
  const m = await Machine.create({ memory: 2 ** 20, kernel: Uint8Array.of(0x13, 0, 0, 0, 0x6f, 0xf0, 0xdf, 0xff) });
  m.run(1000);
  type Loose = { [name: string]: Loose } & Loose[] & number;
  const forge = async (change: (state: Loose) => void): Promise<string> => {
    const state = unpackState(m.snapshot()) as unknown as Loose;
    change(state);
    return await Machine.restore(packState(state as never)).then(() => "restored", (e: unknown) => (e as Error).message);
  };
  expect(await forge(() => undefined)).toBe("restored");
  for (const change of [
    (s: Loose) => void ((s["harts"]![0]!["privilege"] as unknown) = 2),
    (s: Loose) => void ((s["harts"]![0]!["tlb"] as unknown) = [1, 2, 3]),
    (s: Loose) => void ((s["harts"]![0]!["tlb"]![0]!["entries"] as unknown) = [1e9, 0, 0, 0]),
    (s: Loose) => void ((s["harts"]![0]!["tlb"]![0]!["entries"] as unknown) = "x"),
    (s: Loose) => void ((s["harts"]![0]!["pmpLow"] as unknown) = ["a"]),
    (s: Loose) => void ((s["ram"]!["frames"] as unknown) = [-1]),
    (s: Loose) => void ((s["options"]!["memory"] as unknown) = 5e12),
    (s: Loose) => void delete (s as { harts?: unknown }).harts,
    (s: Loose) => void ((s["harts"] as unknown) = []),
    (s: Loose) => void ((s["round"]!["turn"] as unknown) = 1),
    (s: Loose) => void ((s["lastHart"] as unknown) = 1),
    (s: Loose) => void ((s["clock"]!["clint.mtimecmp0"] as unknown) = 2000.5),
  ]) expect(await forge(change)).toMatch(/^snapshot: .+$|^\d+ bytes of memory/);
  expect(await Machine.restore(m.snapshot().slice(0, -100)).catch((e: unknown) => (e as Error).message)).toMatch(/^snapshot: .*cut short/);
});
