// Tiny machine-code programs on both engines. `onBoth` runs one program on each, lets the test check each, and
// requires the two machines to be in the same state to the last bit.
//
// A program stands on a rig: a prologue that opens PMP and sets handlers which write what each trap said into a log
// and resume at the address in s11. Handlers use t5 and t6. After a trap to M mode the program is in M mode again
// (s10 holds the bits of mstatus to set: MPP = M); after one to S mode it is in S mode (s9: SPP).
// An interrupt also clears mie (or sie), so that it comes once.

import { expect, test } from "vitest";
import { Machine, type EngineName, type MachineOptions, type Stop } from "../../emulator/index.ts";
import { RAM } from "../../emulator/memory-map.ts";
import { Asm, REG, type RegName } from "./asm.ts";

export const ENGINES: readonly EngineName[] = ["reference", "interpreter"];
export const M_LOG = RAM + 0x30000;
export const S_LOG = RAM + 0x34000;
/** Where programs may keep data, and where page tables may go. */
export const DATA = RAM + 0x40000;
export const TABLES = RAM + 0x80000;
export const RIG_MEMORY = 2 ** 21;
const ENTRY = 40;
const BITS = { U: 0, S: 1, M: 3 } as const;
export type Mode = keyof typeof BITS;

/** What a handler wrote down. */
export interface Logged {
  readonly cause: bigint;
  readonly epc: bigint;
  readonly tval: bigint;
  readonly status: bigint;
}
export const INTERRUPT = 1n << 63n;

/** An assembler with the rig's habits. */
export class Rig extends Asm {
  private made = 0;

  /** A label name of its own. */
  fresh(what = "l"): string {
    return `${what}.${this.made++}`;
  }

  prologue(): this {
    this.csrli("pmpaddr0", -1).csrli("pmpcfg0", 0x1f);
    this.la("t6", "rig.m").csrw("mtvec", "t6").la("t6", "rig.s").csrw("stvec", "t6");
    this.csrli("mscratch", M_LOG).csrli("sscratch", S_LOG);
    this.li("s10", 0x1800).li("s9", 0x100);
    this.j("rig.start").align(64);
    this.handler("m", "s10");
    this.handler("s", "s9");
    return this.label("rig.start");
  }

  private handler(m: "m" | "s", back: RegName): void {
    this.align(4).label(`rig.${m}`);
    this.csrr("t5", `${m}scratch`);
    this.op("lui", { rd: REG.t6, imm: 0x20000 }); // MPRV off before memory is touched
    this.csr("csrrc", "t6", `${m}status`, "t6").s("sd", "t6", "t5", 24);
    ["cause", "epc", "tval"].forEach((what, i) => this.csrr("t6", m + what).s("sd", "t6", "t5", 8 * i));
    this.i("addi", "t5", "t5", ENTRY).csrw(`${m}scratch`, "t5");
    this.csrr("t6", `${m}cause`).branch("bge", "t6", 0, `rig.${m}.sync`).csrw(m === "m" ? "mie" : "sie", 0);
    this.label(`rig.${m}.sync`).csrw(`${m}epc`, "s11").csr("csrrs", 0, `${m}status`, back);
    this.op(m === "m" ? "mret" : "sret");
  }

  /** Go to a mode, at a label, from M mode. */
  enter(mode: Mode, label: string): this {
    return this.la("t6", label).enterAt(mode);
  }

  /** Go to a mode at the address in t6, from M mode. */
  enterAt(mode: Mode): this {
    this.csrw("mepc", "t6").li("t6", 0x1800).csr("csrrc", 0, "mstatus", "t6");
    return this.li("t6", BITS[mode] << 11).csr("csrrs", 0, "mstatus", "t6").op("mret");
  }

  /** Go to a mode and on from here. */
  drop(mode: Mode): this {
    const here = this.fresh("drop");
    return this.enter(mode, here).label(here);
  }

  /** Code after which the program goes on behind it, whether it trapped or not. */
  attempt(body: () => void): this {
    const after = this.fresh("after");
    this.la("s11", after);
    body();
    while (this.here % 4 !== 0) this.half(0x0001); // c.nop
    return this.label(after);
  }

  /** Code that runs in a mode and must end by trapping to M mode; an ecall ends it anyway. */
  inMode(mode: Mode, body: () => void): this {
    return this.attempt(() => {
      this.drop(mode);
      body();
      this.op("ecall");
    });
  }

  /** Power off, from M mode. */
  done(): this {
    return this.li("t5", 0x5555).li("t6", 0x100000).s("sw", "t5", "t6");
  }
}

/** A machine that has run, as a test looks at it. */
export class Ran {
  readonly machine: Machine;
  readonly stop: Stop;
  readonly rig: Rig;

  constructor(machine: Machine, stop: Stop, rig: Rig) {
    this.machine = machine;
    this.stop = stop;
    this.rig = rig;
  }

  /** Register of hart 0, unsigned. */
  x(name: RegName): bigint {
    return this.machine.inspect.registers(0).x[REG[name]]!;
  }

  dword(pa: number): bigint {
    const bytes = this.machine.inspect.physical(pa, 8)!;
    return new DataView(bytes.buffer).getBigUint64(0, true);
  }

  csr(name: string, hart = 0): bigint {
    return this.machine.inspect.csr(hart, name);
  }

  /** Traps that went to M mode. */
  get traps(): Logged[] {
    return this.log(M_LOG, Number(this.csr("mscratch")));
  }

  /** Traps that went to S mode. */
  get sTraps(): Logged[] {
    return this.log(S_LOG, Number(this.csr("sscratch")));
  }

  private log(from: number, to: number): Logged[] {
    const out: Logged[] = [];
    for (let at = from; at < to; at += ENTRY) {
      out.push({ cause: this.dword(at), epc: this.dword(at + 8), tval: this.dword(at + 16), status: this.dword(at + 24) });
    }
    return out;
  }
}

type Options = Pick<MachineOptions, "harts" | "adUpdate" | "memory">;
interface Kept {
  readonly machine: Machine;
  readonly options: { kernel: Uint8Array };
}
const kept = new Map<string, Kept>();

/** A machine at power-on with this image. Machines are kept and reset: making an interpreter takes a while. */
export async function machineWith(engine: EngineName, kernel: Uint8Array, options: Options = {}): Promise<Machine> {
  const key = JSON.stringify([engine, options]);
  let k = kept.get(key);
  if (k === undefined) {
    const all = { memory: RIG_MEMORY, ...options, engine, kernel };
    k = { options: all, machine: await Machine.create(all) };
    kept.set(key, k);
  } else {
    k.options.kernel = kernel;
    k.machine.reset();
  }
  const { machine } = k;
  machine.round.start = 0;
  machine.steps = 0;
  machine.lastHart = 0;
  machine.inputLog.length = 0;
  return machine;
}

/** Run to the end, passing idle time, at most `maxSteps` steps. */
export function finish(machine: Machine, maxSteps: number): Stop {
  return machine.runToEnd({ maxSteps });
}

export interface BothOptions extends Options {
  readonly maxSteps?: number;
  /** What the run must end in; default: the program powers the machine off. */
  readonly ends?: Stop["reason"];
}

/** A test: the program on each engine, `check` on each, equal states at the end. */
export function onBoth(name: string, program: (a: Rig) => void, check: (r: Ran) => void, { maxSteps = 20_000, ends = "poweroff", ...options }: BothOptions = {}): void {
  test(name, async () => {
    const hashes: string[] = [];
    for (const engine of ENGINES) {
      const rig = new Rig();
      program(rig);
      const machine = await machineWith(engine, rig.image(), options);
      const stop = finish(machine, maxSteps);
      try {
        expect(stop.reason).toBe(ends);
        check(new Ran(machine, stop, rig));
      } catch (e) {
        if (e instanceof Error) e.message = `on the ${engine}: ${e.message}`;
        throw e;
      }
      hashes.push(machine.stateHash());
    }
    expect(hashes[1], "state of the interpreter's machine").toBe(hashes[0]);
  });
}
