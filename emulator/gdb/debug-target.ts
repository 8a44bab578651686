// A machine under a debugger as the target of gdb connections.

import { CSR } from "../isa/csr-names.ts";
import type { Machine } from "../machine.ts";
import { FETCH, USER, Walk, type Privilege } from "../mmu/walk.ts";
import type { Changes } from "../history/changes.ts";
import { hex } from "../monitor/format.ts";
import type { Monitor } from "../monitor/monitor.ts";
import { MODE_NAMES } from "../monitor/pte.ts";
import type { Report, RunControl } from "../monitor/run-control.ts";
import { stopText } from "../monitor/stop-text.ts";
import { hartSpace, placeWrite, type AddressSpace } from "../monitor/address-space.ts";
import { registerPlace } from "./registers.ts";
import type { GdbTarget, StopKind } from "./target.ts";

export class DebugTarget implements GdbTarget {
  readonly machine: Machine;
  readonly control: RunControl;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly kill: () => void;
  private readonly theMonitor: Monitor;
  private readonly changes: Changes;

  /** `files` can be read by gdb, by name; `kill` ends the machine. */
  constructor(monitor: Monitor, changes: Changes, files: ReadonlyMap<string, Uint8Array>, kill: () => void) {
    this.theMonitor = monitor;
    this.changes = changes;
    this.machine = monitor.machine;
    this.control = monitor.control;
    this.files = files;
    this.kill = kill;
  }

  get hasHistory(): boolean {
    return this.theMonitor.timeline !== undefined;
  }

  insert(kind: StopKind, address: bigint, length: number, physical: boolean): number {
    const d = this.theMonitor.debugger;
    const label = "gdb";
    if (kind === "breakpoint" || kind === "hardware breakpoint") return d.break(address, { label }).id;
    return d.watch({ space: physical ? "physical" : "virtual", start: address, length, read: kind !== "write", write: kind !== "read" }, { label }).id;
  }

  remove(id: number): void {
    this.theMonitor.debugger.points.remove(id);
  }

  writeRegister(hart: number, register: number, value: bigint): boolean {
    const { changes } = this;
    const place = registerPlace(register);
    switch (place?.kind) {
      case "x":
        if (place.n !== 0) changes.poke({ kind: "register", hart, n: place.n, value });
        return true;
      case "f":
        changes.poke({ kind: "float", hart, n: place.n, value });
        return true;
      case "pc":
        if ((value & 1n) !== 0n) return false;
        changes.poke({ kind: "pc", hart, value });
        return true;
      case "csr":
        changes.poke({ kind: "csr", hart, csr: CSR[place.name]!, value });
        return true;
      case "priv": {
        const level = value === 0n ? 0 : value === 1n ? 1 : value === 3n ? 3 : undefined;
        if (level !== undefined) changes.poke({ kind: "privilege", hart, value: level });
        return level !== undefined;
      }
      case undefined:
        return false;
    }
  }

  cannotRun(hart: number): string | undefined {
    const { pc, privilege } = this.machine.inspect.registers(hart);
    if (this.machine.inspect.virtual(hart, pc, 2, FETCH) !== undefined) return undefined;
    const walk = new Walk();
    this.machine.inspect.translate(hart, pc, FETCH, walk);
    const { view } = this.theMonitor;
    const process = view.current(hart);
    const maps = process === undefined ? undefined : view.maps(process.pid);
    const mayCome = maps === undefined || maps.some((x) => pc >= x.start && pc < x.end && x.rights[2] === "x");
    if (privilege === USER && walk.reason === "invalid" && mayCome) return undefined;
    return `${MODE_NAMES[privilege as Privilege]} mode can execute nothing at ${hex(pc)} (${walk.reason ?? "there is no memory"}), so nothing was run: functions of the kernel can be called while the kernel runs, those of a program while it runs itself`;
  }

  writeMemory(space: AddressSpace, address: bigint, bytes: Uint8Array): boolean {
    const pieces = placeWrite(this.machine, space, address, bytes);
    for (const { pa, bytes: piece } of pieces ?? []) this.changes.poke({ kind: "memory", pa, bytes: piece });
    return pieces !== undefined;
  }

  space(hart: number): AddressSpace {
    const { view } = this.theMonitor;
    return hartSpace(this.machine, hart, [view.current(hart)?.root, view.kernelRoot()]);
  }

  async monitor(line: string, hart: number): Promise<string> {
    this.theMonitor.hart = hart;
    return (await this.theMonitor.run(line)).text;
  }

  explain(report: Report, own: (id: number) => boolean): string {
    if (report.reason !== "stop") return report.held === true ? stopText(this.theMonitor, report) : "";
    const foreign = report.all.some((why) => "id" in why && !own(why.id));
    const alarm = report.why.kind === "paused" && this.theMonitor.alarms.halting !== undefined;
    return foreign || alarm ? stopText(this.theMonitor, report) : "";
  }

  processOf(hart: number): string | undefined {
    const process = this.theMonitor.view.current(hart);
    return process === undefined ? undefined : `pid ${process.pid} ${process.name}`;
  }
}
