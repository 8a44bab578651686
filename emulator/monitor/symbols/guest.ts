// Symbols put to a machine: the programs of its processes, and the stacks of harts and processes, through a KernelView.

import { wide } from "../../events.ts";
import type { Hart } from "../../hart/hart.ts";
import { SLOT } from "../../hart/layout.ts";
import type { Machine } from "../../machine.ts";
import { MACHINE, SUPERVISOR, USER } from "../../mmu/walk.ts";
import type { KernelView, ProcessView } from "../kernel-view/kernel-view.ts";
import { lookUp } from "../page-table.ts";
import { type BacktraceStart, frameOf, waitingFrame } from "./backtrace.ts";
import type { ProgramFiles } from "./program-files.ts";
import { SymbolSpace } from "./space.ts";
import type { Symbols } from "./symbols.ts";
import type { ReadMemory } from "./value.ts";

const SV39 = 8n;

/** Physical address of a virtual one, or undefined. */
type Translate = (address: bigint) => number | undefined;

/** Reads virtual memory through the page table whose root is page `root`, whatever the rights; physical memory without one. No effect on the guest. */
export function memoryOf(machine: Machine, root: number | undefined): ReadMemory {
  return memoryBy(machine, root === undefined ? (address) => Number(address) : (address) => lookUp(machine, root, address)?.pa);
}

/**
 * Memory of a process: what its page table shows, and what the kernel would show it at the next fault (a new child's
 * stack, say). A page that is still on its way from the disk holds nothing yet.
 */
export function memoryOfProcess(machine: Machine, view: KernelView, pid: number, root: number): ReadMemory {
  return memoryBy(machine, (address) => {
    const mapped = lookUp(machine, root, address)?.pa;
    if (mapped !== undefined) return mapped;
    const page = view.pageAt(pid, address);
    return page?.pfn === undefined || page.flags.includes("busy") ? undefined : page.pfn * 4096 + Number(address & 4095n);
  });
}

function memoryBy(machine: Machine, translate: Translate): ReadMemory {
  return (address, length) => {
    const out = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const at = BigInt.asUintN(64, address + BigInt(done));
      const part = Math.min(length - done, 4096 - Number(at & 4095n));
      const pa = translate(at);
      const bytes = pa === undefined ? undefined : machine.inspect.physical(pa, part);
      if (bytes === undefined) return undefined;
      out.set(bytes, done);
      done += part;
    }
    return out;
  };
}

/** Memory as a hart's code sees it now. */
export function memoryOfHart(machine: Machine, hart: Hart): ReadMemory {
  const satp = wide(hart.low(SLOT.satp), hart.high(SLOT.satp));
  const translated = hart.privilege !== MACHINE && satp >> 60n === SV39;
  return memoryOf(machine, translated ? Number(satp & ((1n << 44n) - 1n)) : undefined);
}

/** The symbols of a machine: of its kernel, and of those `files` that its processes run. */
export function symbolSpace(machine: Machine, kernel: Symbols | undefined, files: ProgramFiles | undefined, view: () => KernelView): SymbolSpace {
  return new SymbolSpace({
    kernel,
    files,
    moment: () => machine.steps,
    process: (pid) => {
      const process = view().process(pid);
      if (process?.root === undefined) return undefined;
      return {
        name: process.name,
        read: memoryOfProcess(machine, view(), pid, process.root),
        starts: () => (view().maps(pid) ?? []).map(({ start }) => start),
      };
    },
  });
}

/** Where a process's program goes on, and its memory. */
function userPart(machine: Machine, view: KernelView, process: ProcessView | undefined): BacktraceStart["user"] {
  return () => {
    const registers = process?.user;
    if (process?.root === undefined || registers === undefined) return undefined;
    return { registers, read: memoryOfProcess(machine, view, process.pid, process.root) };
  };
}

/** The stack of what runs on a hart now. */
export function stackOfHart(machine: Machine, view: KernelView, hart: number): BacktraceStart {
  const { pc, x, privilege } = machine.inspect.registers(hart);
  const h = machine.harts[hart]!;
  const process = view.current(hart);
  return {
    frame: frameOf({ pc, x }),
    privilege: privilege === USER ? USER : privilege === MACHINE ? MACHINE : SUPERVISOR,
    pid: process?.pid,
    read: privilege === USER && process?.root !== undefined ? memoryOfProcess(machine, view, process.pid, process.root) : memoryOfHart(machine, h),
    csr: (name) => machine.inspect.csr(hart, name),
    user: userPart(machine, view, process),
  };
}

/** The stack of a process, wherever it is: on a hart, waiting in the kernel, or known by its user registers alone. Undefined when nothing is known. */
export function stackOfProcess(machine: Machine, view: KernelView, pid: number): BacktraceStart | undefined {
  const process = view.process(pid);
  if (process === undefined) return undefined;
  if (process.hart !== undefined && view.current(process.hart)?.pid === pid) return stackOfHart(machine, view, process.hart);
  const common = { pid, user: userPart(machine, view, process) };
  if (process.kernel !== undefined) {
    return { ...common, frame: waitingFrame(process.kernel), privilege: SUPERVISOR, read: memoryOf(machine, view.kernelRoot()) };
  }
  const user = common.user?.();
  return user === undefined ? undefined : { ...common, frame: frameOf(user.registers), privilege: USER, read: user.read };
}
