// How commands see the machine: whose address space, memory whatever its rights, names for addresses, instructions as
// text. Nothing here has an effect on the guest.

import { EVENT_NAMES, wide } from "../events.ts";
import type { Hart } from "../hart/hart.ts";
import { SLOT } from "../hart/layout.ts";
import { CSR } from "../isa/csr-names.ts";
import { disassemble } from "../isa/disassemble.ts";
import { MACHINE, SUPERVISOR, USER, type Privilege } from "../mmu/walk.ts";
import { ALARMS } from "./alarms/index.ts";
import { MonitorError, type WordKind } from "./command.ts";
import { COMMANDS } from "./commands/index.ts";
import { evaluate, floatRegisterNumber, isCsr, registerNumber, type Names } from "./expression.ts";
import { hex } from "./format.ts";
import { satpParts } from "./kernel-view/hardware.ts";
import type { Monitor } from "./monitor.ts";
import { lookUp } from "./page-table.ts";
import type { ReadMemory } from "./symbols/value.ts";

/** An address space that a command is about. */
export interface Space {
  readonly name: string;
  /** Page number of the root table; undefined: addresses are physical. */
  readonly root: number | undefined;
  readonly asid: number | undefined;
  readonly pid: number | undefined;
  /** In whose name accesses are made there unless the command says otherwise. */
  readonly privilege: Privilege;
}

/** An instruction as text. */
export interface Instruction {
  readonly va: bigint;
  readonly length: number;
  /** The bytes as one number, as objdump writes them. */
  readonly code: string;
  readonly text: string;
  readonly target: bigint | undefined;
}

export class Look {
  private readonly m: Monitor;

  constructor(monitor: Monitor) {
    this.m = monitor;
  }

  /** A hart by number, the monitor's own when left out. Throws MonitorError. */
  hart(n: number = this.m.hart): Hart {
    const h = this.m.machine.harts[n];
    if (h === undefined) throw new MonitorError(`there is no hart ${n}: the machine has ${this.m.machine.harts.length}`);
    return h;
  }

  pc(h: Hart): bigint {
    return wide(h.pcLo, h.pcHi);
  }

  satp(h: Hart): bigint {
    return wide(h.low(SLOT.satp), h.high(SLOT.satp));
  }

  /** The address space that a hart is in now. */
  present(h: Hart = this.hart()): Space {
    const parts = h.privilege === MACHINE ? undefined : satpParts(this.satp(h));
    if (parts === undefined) return { name: `hart ${h.id}, physical`, root: undefined, asid: undefined, pid: undefined, privilege: h.privilege };
    const known = this.m.view.spaces().find((s) => s.root === parts.root);
    return { name: known?.name ?? `hart ${h.id}`, root: parts.root, asid: parts.asid, pid: known?.pid, privilege: h.privilege };
  }

  /**
   * An address space by word: a PID, "kernel", "hartN", "satp=VALUE", "root=ADDRESS", "physical". Left out: that of the
   * hart, or what its satp says while it is in machine mode. Throws MonitorError.
   */
  space(word?: string): Space {
    if (word === undefined) return this.present();
    if (word === "physical") return { name: "physical", root: undefined, asid: undefined, pid: undefined, privilege: MACHINE };
    if (word === "kernel") {
      const root = this.m.view.kernelRoot();
      if (root === undefined) throw new MonitorError(`the kernel's page table is not known (view: ${this.m.view.name})`);
      return { name: "kernel", root, asid: undefined, pid: undefined, privilege: SUPERVISOR };
    }
    const hart = /^hart(\d+)$/.exec(word);
    if (hart !== null) return this.translated(this.hart(Number(hart[1])));
    const [, kind, value] = /^(satp|root)=(.+)$/.exec(word) ?? [];
    if (kind === "satp") return this.bySatp(this.evaluate(value!));
    if (kind === "root") return { name: word, root: Number(this.evaluate(value!) / 4096n), asid: undefined, pid: undefined, privilege: USER };
    if (/^\d+$/.test(word)) return this.ofProcess(Number(word));
    throw new MonitorError(`"${word}" is no address space: give a PID, kernel, hart0, satp=VALUE or root=ADDRESS`);
  }

  /** Is this a word for an address space, and not an address? */
  isSpace(word: string | undefined): word is string {
    return word !== undefined && (/^(\d+|hart\d+|satp=.+|root=.+)$/.test(word) || word === "kernel" || word === "physical");
  }

  /** What a hart's satp says, machine mode or not. Throws MonitorError when it translates nothing. */
  translated(h: Hart = this.hart()): Space {
    const parts = satpParts(this.satp(h));
    if (parts === undefined) throw new MonitorError(`hart ${h.id} translates nothing: its satp is ${hex(this.satp(h))} (Bare)`);
    const known = this.m.view.spaces().find((s) => s.root === parts.root);
    const kernel = known?.kernel ?? h.privilege !== USER;
    return { name: known?.name ?? `hart ${h.id}`, root: parts.root, asid: parts.asid, pid: known?.pid, privilege: kernel ? SUPERVISOR : USER };
  }

  private bySatp(satp: bigint): Space {
    const parts = satpParts(satp);
    if (parts === undefined) throw new MonitorError(`${hex(satp)} is no satp value with Sv39 in it (its top digit must be 8)`);
    const known = this.m.view.spaces().find((s) => s.root === parts.root);
    return { name: known?.name ?? `satp ${hex(satp)}`, ...parts, pid: known?.pid, privilege: known?.kernel === true ? SUPERVISOR : USER };
  }

  private ofProcess(pid: number): Space {
    const p = this.process(pid);
    if (p.root === undefined) throw new MonitorError(`pid ${pid} ${p.name} has no page table (${p.state})`);
    return { name: `pid ${pid} ${p.name}`, root: p.root, asid: p.asid, pid, privilege: USER };
  }

  /** A process by its pid. Throws MonitorError. */
  process(pid: number): NonNullable<ReturnType<Monitor["view"]["process"]>> {
    const p = this.m.view.process(pid);
    if (p === undefined) throw new MonitorError(`there is no process ${pid}; ps lists them`);
    return p;
  }

  /** Physical address of a virtual one, whatever the rights; undefined where nothing is mapped. */
  physical(space: Space, va: bigint): number | undefined {
    if (space.root === undefined) return va < 2n ** 53n ? Number(va) : undefined;
    return lookUp(this.m.machine, space.root, va)?.pa;
  }

  /** Memory at a virtual address, whatever the rights; undefined where a byte of it is not mapped or no memory. */
  read(space: Space, va: bigint, length: number): Uint8Array | undefined {
    const out = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const at = BigInt.asUintN(64, va + BigInt(done));
      const part = Math.min(length - done, 4096 - Number(at & 4095n));
      const pa = this.physical(space, at);
      const bytes = pa === undefined ? undefined : this.m.machine.inspect.physical(pa, part);
      if (bytes === undefined) return undefined;
      out.set(bytes, done);
      done += part;
    }
    return out;
  }

  /** Memory of the kernel: RAM at its own address before there is a page table, and by that once there is one. */
  readonly kernelReader: ReadMemory = (address, length) => {
    const root = this.m.view.kernelRoot();
    return this.read({ name: "kernel", root, asid: undefined, pid: undefined, privilege: SUPERVISOR }, address, length);
  };

  /** Value of what a person typed as a number or an address, for a hart. Throws MonitorError. */
  evaluate(text: string, hart?: number): bigint {
    return evaluate(text, this.names(this.hart(hart)));
  }

  /** Does a condition hold on a hart? One that cannot be evaluated there does not. */
  holds(condition: string, hart: number): boolean {
    try {
      return this.evaluate(condition, hart) !== 0n;
    } catch (e) {
      if (e instanceof MonitorError) return false;
      throw e;
    }
  }

  /** Addresses that a person means by an expression or FILE:LINE, in a process or where the hart is. Throws MonitorError. */
  places(text: string, pid?: number): bigint[] {
    const line = /^(.+):(\d+)$/.exec(text);
    const space = pid === undefined ? this.present() : this.space(String(pid));
    if (line === null) {
      const symbol = /^[a-z_.][\w.$@]*$/i.test(text) ? this.m.naming.addressOf(text, space) : undefined;
      return [symbol ?? this.evaluate(text)];
    }
    const found = this.m.naming.addressesOfLine(line[1]!, Number(line[2]), pid ?? space.pid);
    if (found.length === 0) throw new MonitorError(`no code is known for line ${line[2]} of ${line[1]}`);
    return found;
  }

  /** A moment: steps since power-on, as "18,204,511" or "t=18,204,511". */
  moment(word: string): number {
    const digits = word.replace(/^t=/, "").replaceAll(",", "");
    if (!/^\d{1,15}$/.test(digits)) throw new MonitorError(`"${word}" is no time: it is a number of steps, such as 18,204,511`);
    return Number(digits);
  }

  /** A number that counts something, at most `most`. */
  number(word: string, what: string, most = Number.MAX_SAFE_INTEGER): number {
    const n = /^(0x[0-9a-f]+|[\d,]+)$/i.test(word) ? Number(word.replaceAll(",", "")) : NaN;
    if (!Number.isSafeInteger(n) || n > most) throw new MonitorError(`"${word}" is no ${what}`);
    return n;
  }

  /** START-END, START+LENGTH or one address (its page), as [start, end]. */
  range(word: string): [bigint, bigint] {
    const [, from, sign, to] = /^(.+?)([-+])(.+)$/.exec(word) ?? [];
    const start = this.evaluate(from ?? word);
    const end = from === undefined ? start : sign === "-" ? this.evaluate(to!) - 1n : start + this.evaluate(to!) - 1n;
    if (end < start) throw new MonitorError(`"${word}" is no range: it ends before it begins`);
    return [start, end];
  }

  private names(h: Hart): Names {
    return {
      symbol: (name) => this.m.naming.addressOf(name, this.present(h)),
      register: (name) => {
        const n = registerNumber(name);
        if (n !== undefined) return this.m.machine.inspect.registers(h.id).x[n];
        if (name === "pc") return this.pc(h);
        const f = floatRegisterNumber(name);
        if (f !== undefined) return this.m.machine.inspect.floatRegisters(h.id)[f];
        return isCsr(name) ? this.m.machine.inspect.csr(h.id, name) : undefined;
      },
      memory: (va) => {
        const bytes = this.read(this.present(h), va, 8);
        return bytes === undefined ? undefined : new DataView(bytes.buffer).getBigUint64(0, true);
      },
    };
  }

  /** The instruction at a virtual address; undefined where there is no memory. */
  instruction(space: Space, va: bigint): Instruction | undefined {
    const low = this.read(space, va, 2);
    if (low === undefined) return undefined;
    let code = low[0]! | (low[1]! << 8);
    if ((code & 3) === 3) {
      const high = this.read(space, va + 2n, 2);
      if (high === undefined) return undefined;
      code |= (high[0]! << 16) | (high[1]! << 24);
    }
    const { text, length, target } = disassemble(code, va);
    return { va, length, code: (code >>> 0).toString(16).padStart(2 * length, "0"), text, target };
  }

  /** What words of a kind there are, for completion. */
  wordsOf(kind: WordKind, prefix: string): string[] {
    switch (kind) {
      case "command": return COMMANDS.map((c) => c.name);
      case "pid": return ["kernel", ...this.m.view.processes().map((p) => String(p.pid))];
      case "csr": return Object.keys(CSR);
      case "event": return [...EVENT_NAMES];
      case "hart": return this.m.machine.harts.map((h) => String(h.id));
      case "device": return this.m.machine.platform.bus.mappings.map((x) => x.device.name);
      case "symbol": return this.m.naming.beginningWith(prefix);
      case "alarm": return ALARMS.map((a) => a.name);
    }
  }
}
