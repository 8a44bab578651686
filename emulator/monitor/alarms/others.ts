// same-fault, kernel-write, cow-write, stack: mistakes seen by faults, by translations and at the ends of stacks.

import { wide } from "../../events.ts";
import { LOAD, STORE, SUPERVISOR, USER, Walk, type Access, type Privilege } from "../../mmu/walk.ts";
import { MonitorError } from "../command.ts";
import { culprit } from "../commands/faults.ts";
import { count, hex } from "../format.ts";
import type { WatchedAccess } from "../../stops.ts";
import type { Range } from "../kernel-view/kernel-view.ts";
import type { Monitor } from "../monitor.ts";
import { lookUp } from "../page-table.ts";
import { accessName, flagLetters } from "../pte.ts";
import { callNames } from "../explain/facts.ts";
import { at } from "../past.ts";
import type { Alarm, Raise } from "./alarm.ts";

/** So many returns in a row that changed nothing are an alarm. */
const AGAIN = 3;

/** The last fault of a process (or of the kernel on a hart), and how often its handler has returned for nothing. */
interface Stuck {
  readonly pc: bigint;
  readonly va: bigint;
  readonly access: Access;
  useless: number;
}

export const sameFault: Alarm = {
  name: "same-fault",
  summary: "a fault's handler returns to the instruction, and the hardware refuses it again and again",
  help: `Whenever the code that has faulted is run again, asks whether its access would be refused as before; ${AGAIN} times in a row, and it is reported.`,
  arm(m, raise) {
    const last = new Map<number, Stuck>();
    const walk = new Walk();
    const who = (hart: number, privilege: Privilege): number => (privilege === USER ? (m.view.probe?.pidOf(hart) ?? 0) || 1e6 + hart : -1 - hart);
    const stops = [
      m.faults.listen((index) => {
        const f = m.faults.at(index)!;
        const key = who(f.hart, f.privilege);
        const before = last.get(key);
        const same = before?.pc === f.pc && before.va === f.va && before.access === f.access;
        if (!same) last.set(key, { pc: f.pc, va: f.va, access: f.access, useless: 0 });
        else if (before.useless >= AGAIN) {
          raise(`${key} ${f.pc} ${f.va}`, f.hart, `${culprit(m, f)} was sent back ${AGAIN} times in a row to pc ${hex(f.pc)}, and its ${accessName(f.access)} at ${hex(f.va)} is refused as before (${f.reason}; entry ${hex(f.pteAddress)} ${flagLetters(f.pte)})`);
        }
      }),
      m.machine.events.on("trapReturn", (e) => {
        const f = last.get(who(e.hart, e.to));
        if (f === undefined || f.pc !== wide(e.pcLo, e.pcHi)) return;
        const refused = m.machine.harts[e.hart]!.mmu.probe(f.access, Number(BigInt.asIntN(32, f.va)), Number(BigInt.asIntN(32, f.va >> 32n)), walk) < 0;
        f.useless = refused ? f.useless + 1 : 0;
      }),
    ];
    return () => stops.forEach((stop) => stop());
  },
};

/** Calls that are named on the way to a store. */
const CALLS = 6;

/** PTE_U. */
const U = 0x10;

export const kernelWrite: Alarm = {
  name: "kernel-write",
  summary: "the kernel writes through a mapping that is for user mode",
  help: "Reports the first store in supervisor mode to each page with U=1 (which the hardware allows while SUM is set), by the function that does it.\nA kernel that copies through its own mapping of memory never does that.",
  arm(m, raise) {
    const walk = new Walk();
    const report = (hart: number, lo: number, hi: number, when: string): void => {
      const h = m.machine.harts[hart]!;
      if (h.mmu.probe(STORE, lo, hi, walk) < 0 || (walk.pteLo & U) === 0) return;
      const pc = m.look.pc(h);
      const { moment } = m.machine;
      raise(`${m.naming.function(pc, m.look.present(h))?.start ?? pc}`, hart, `${m.naming.place(pc, m.look.present(h))} ${when} to ${hex(wide(lo, hi))}, a page for user mode (entry ${hex(walk.pteAddress)} ${flagLetters(wide(walk.pteLo, walk.pteHi))})`,
        () => [`called by ${at(m, moment, () => callNames(m, hart, CALLS)).slice(1).map((c) => `${c}()`).join(" <- ")}`]);
    };
    return m.machine.events.on("tlbFill", (e) => {
      if (e.access === STORE && m.machine.harts[e.hart]!.privilege === SUPERVISOR) report(e.hart, e.lo, e.hi, "stores");
    });
  },
};

const [A0, A1, RA, SP] = [10, 11, 1, 2];
const A3 = 13;

export const cowWrite: Alarm = {
  name: "cow-write",
  summary: "copyout has written to a page that the process may only read: a copy on write was forgotten",
  help: "At each return of copyout(table or map, va, from, n) with 0, looks whether the page table lets user mode write the pages that were written.",
  arm(m, raise) {
    const { hooks } = m.view;
    const entry = hooks.copyOut === undefined ? undefined : m.naming.kernel?.addressOf(hooks.copyOut);
    if (entry === undefined) throw new MonitorError(`how this kernel copies to user memory is not known (view: ${m.view.name})`);
    const waiting = new Map<string, () => void>();
    const stop = m.machine.stops.breakAt(entry, (hart) => {
      const { x } = m.machine.inspect.registers(hart);
      const [root, va, n] = [m.view.rootOfSpace?.(x[A0]!), x[A1]!, x[A3]!];
      const key = `${hart} ${x[SP]}`;
      waiting.get(key)?.();
      if (root === undefined || n === 0n || n > 2n ** 20n) return false;
      const end = m.machine.stops.breakAt(x[RA]!, (on) => {
        const now = m.machine.inspect.registers(on).x;
        if (on !== hart || now[SP] !== x[SP]) return false;
        end();
        waiting.delete(key);
        if (now[A0] === 0n) checkWritten(m, raise, { hart, root, va, n, caller: x[RA]! });
        return false;
      });
      waiting.set(key, end);
      return false;
    });
    return () => {
      stop();
      for (const end of waiting.values()) end();
    };
  },
};

function checkWritten(m: Monitor, raise: Raise, w: { hart: number; root: number; va: bigint; n: bigint; caller: bigint }): void {
  for (let at = w.va & ~4095n; at < w.va + w.n; at += 4096n) {
    const leaf = lookUp(m.machine, w.root, at)?.leaf;
    if (leaf === undefined || (leaf.raw & 4n) !== 0n) continue;
    raise(`${w.root} ${at} ${leaf.raw}`, w.hart, `copyout, called by ${m.naming.kernelName(w.caller) || hex(w.caller)}, has written to page ${hex(at)}, which user mode may not write (entry ${hex(leaf.address)} ${flagLetters(leaf.raw)}): the frame may be another process's too`);
  }
}

/** So near to its end a stack is in danger: bytes. */
const NEAR = 512;

export const stack: Alarm = {
  name: "stack",
  summary: `a kernel stack has less than ${NEAR} bytes left`,
  help: "Watches the lowest bytes of each process's kernel stack, right above its guard page; those of processes to come too.",
  arm(m, raise) {
    const watched = new Map<bigint, () => void>();
    const watch = (): void => {
      for (const s of m.view.kernelStacks()) {
        if (!watched.has(s.start)) watched.set(s.start, m.machine.stops.watch({ space: "virtual", start: s.start, length: NEAR, read: false, write: true }, (a) => near(m, raise, s, a)));
      }
    };
    watch();
    if (watched.size === 0) throw new MonitorError(`where the kernel's stacks are is not known (yet; view: ${m.view.name})`);
    let news = false;
    const start = m.view.hooks.start === undefined ? undefined : m.naming.kernel?.addressOf(m.view.hooks.start);
    const stops = [
      m.machine.events.on("trapReturn", (e) => {
        if (!news || e.to !== USER) return;
        news = false;
        watch();
      }),
      ...(start === undefined ? [] : [m.machine.stops.breakAt(start, () => {
        news = true;
        return false;
      })]),
    ];
    return () => {
      for (const stop of [...stops, ...watched.values()]) stop();
    };
  },
};

/** Somebody writes near the end of a stack. */
function near(m: Monitor, raise: Raise, { start, end }: Range, a: WatchedAccess): void {
  // A program may have memory of its own at these addresses.
  if (a.access === LOAD || a.hart < 0 || m.machine.harts[a.hart]!.privilege === USER) return;
  const pc = m.look.pc(m.machine.harts[a.hart]!);
  const whose = m.view.kernelStacks().find((s) => s.start === start)?.name ?? "of a process that is gone"; // its slot may have passed to another
  raise(whose, a.hart, `${m.naming.kernelName(pc) || hex(pc)} writes ${count(Number(wide(a.lo, a.hi) - start))} bytes above the end of the kernel stack ${hex(start)}-${hex(end)} (${whose})`);
}
