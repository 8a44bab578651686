// devices, virtio, stats: the board, and what has been counted.

import type { Device, State } from "../../bus.ts";
import * as map from "../../memory-map.ts";
import { MonitorError, type Command } from "../command.ts";
import { ascii, count, hex, plural, seconds, size, table } from "../format.ts";
import type { Monitor } from "../monitor.ts";

interface Fields { readonly [name: string]: State }
const isFields = (s: State): s is Fields => typeof s === "object" && s !== null && !Array.isArray(s) && !(s instanceof Uint8Array);

/** Interrupt number of a device, by its name. */
function irqOf(name: string): number | undefined {
  if (name.startsWith("virtio")) return map.VIRTIO_IRQ + Number(name.slice(6));
  return name === "uart" || name === "uart16550" ? map.UART_IRQ : name === "rtc" ? map.RTC_IRQ : undefined;
}

/** What a device keeps, as lines of name and value. */
function stateLines(state: State, name = ""): string[][] {
  if (isFields(state)) return Object.entries(state).flatMap(([k, v]) => stateLines(v, name === "" ? k : `${name}.${k}`));
  if (state instanceof Uint8Array) return [[name, state.length === 0 ? "empty" : `${plural(state.length, "byte")}: ${ascii(state.subarray(0, 60))}`]];
  if (Array.isArray(state)) {
    if (state.some((s) => typeof s === "object" && s !== null)) return state.flatMap((s, i) => stateLines(s, `${name}[${i}]`));
    const set = state.flatMap((v, i) => (v === 0 || v === false ? [] : [`[${i}]=${typeof v === "number" ? hex(v) : String(v)}`]));
    return [[name, set.length === 0 ? "all 0" : set.slice(0, 24).join(" ") + (set.length > 24 ? " …" : "")]];
  }
  return [[name, typeof state === "number" && state > 9 ? hex(state) : String(state)]];
}

/** In a few words, how a device is. */
function brief(m: Monitor, device: Device): string {
  const state = device.save();
  if (device.name.startsWith("virtio")) {
    const n = Number(device.name.slice(6));
    const { device: behind, fault } = m.machine.platform.virtio[n]!;
    if (behind === null) return "empty slot";
    return fault !== "" ? `needs a reset: ${fault}` : `${virtioStatus(isFields(state) ? Number(state["status"]) : 0)}`;
  }
  if (device === m.machine.platform.uart) return `${plural(m.machine.platform.uart.waiting, "byte")} typed and not yet read`;
  return "";
}

export const devices: Command = {
  name: "devices",
  usage: "devices [NAME]",
  summary: "what lies where on the bus, and the state of a device",
  help: "Without a name: physical ranges, interrupt numbers, and how each device is. With a name: all that the device keeps. Looking has no\neffect on it. Example: devices plic",
  family: "look",
  words: ["device"],
  run(m, args) {
    const name = args.next();
    args.end();
    const { mappings } = m.machine.platform.bus;
    if (name !== undefined) {
      const found = mappings.find((x) => x.device.name === name);
      if (found === undefined) throw new MonitorError(`there is no device ${name}: ${mappings.map((x) => x.device.name).join(", ")}`);
      const state = found.device.save();
      return { text: table([["device", found.device.name], ["at", `${hex(found.base)}, ${size(found.size)}`], ...stateLines(state)]), json: { name, base: hex(found.base), size: found.size, state } };
    }
    const { ramBytes } = m.machine.memory.plan;
    const rows = mappings.map(({ base, size: bytes, device }) => ({ name: device.name, base, size: bytes, irq: irqOf(device.name), state: brief(m, device) }));
    const text = [...rows.map((r) => [hex(r.base, 8), size(r.size), r.name, r.irq === undefined ? "" : `irq ${r.irq}`, r.state]), [hex(map.RAM, 8), size(ramBytes), "RAM", "", ""]];
    return { text: table(text, "rr"), json: [...rows.map((r) => ({ ...r, base: hex(r.base) })), { name: "RAM", base: hex(map.RAM), size: ramBytes }] };
  },
};

const STATUS_BITS = [[1, "acknowledge"], [2, "driver"], [4, "driver ok"], [8, "features ok"], [64, "needs reset"], [128, "failed"]] as const;
const virtioStatus = (status: number): string => (status === 0 ? "reset" : STATUS_BITS.filter(([bit]) => (status & bit) !== 0).map(([, name]) => name).join(", "));

/** Requests in a virtqueue as the driver's rings in memory have them. */
function queueLines(m: Monitor, index: number, queue: State): string[] {
  if (!isFields(queue)) return [];
  const at = Array.isArray(queue["address"]) ? (queue["address"] as number[]).map((n) => n >>> 0) : [];
  const [descriptors, available, used] = [0, 2, 4].map((i) => at[i]! + at[i + 1]! * 2 ** 32);
  const entries = Number(queue["size"]);
  if (queue["live"] === null || entries === 0) return [`queue ${index}: not in use`];
  const half = (pa: number): number | undefined => {
    const b = m.machine.inspect.physical(pa, 2);
    return b === undefined ? undefined : b[0]! | (b[1]! << 8);
  };
  const offered = half(available! + 2);
  const done = half(used! + 2);
  const lines = [`queue ${index}: ${plural(entries, "descriptor")} at ${hex(descriptors!)}, available ring ${hex(available!)}, used ring ${hex(used!)}`];
  if (offered === undefined || done === undefined) return [...lines, "  the rings lie outside memory"];
  lines.push(`  ${count(offered)} offered, ${count(done)} done (modulo 65,536): ${(offered - done) & 0xffff} under way`);
  for (let i = 0; i < Math.min((offered - done) & 0xffff, entries); i++) {
    const head = half(available! + 4 + 2 * ((done + i) % entries));
    if (head !== undefined && head < entries) lines.push(...chainLines(m, descriptors!, head, entries));
  }
  return lines;
}

function chainLines(m: Monitor, descriptors: number, head: number, entries: number): string[] {
  const lines: string[] = [];
  for (let d = head, steps = 0; steps < entries; steps++) {
    const bytes = m.machine.inspect.physical(descriptors + 16 * d, 16);
    if (bytes === undefined) return [...lines, `  [${d}] lies outside memory`];
    const view = new DataView(bytes.buffer);
    const flags = view.getUint16(12, true);
    lines.push(`  ${steps === 0 ? "" : "  "}[${d}] ${hex(view.getBigUint64(0, true))}, ${plural(view.getUint32(8, true), "byte")}, the device ${flags & 2 ? "writes" : "reads"}`);
    if ((flags & 1) === 0) break;
    d = view.getUint16(14, true);
    if (d >= entries) return [...lines, `  next is ${d}: there is no such descriptor`];
  }
  return lines;
}

export const virtio: Command = {
  name: "virtio",
  usage: "virtio [SLOT]",
  summary: "virtio devices, their queues and the requests in them",
  help: "Status, accepted features, and for each queue its rings and what is under way. Example: virtio 0",
  family: "look",
  run(m, args) {
    const word = args.next();
    args.end();
    const slots = m.machine.platform.virtio;
    const only = word === undefined ? undefined : m.look.number(word, "number of a slot", slots.length - 1);
    const lines: string[] = [];
    const json: unknown[] = [];
    for (const [n, slot] of slots.entries()) {
      if (only !== undefined ? n !== only : slot.device === null) continue;
      if (slot.device === null) {
        lines.push(`${slot.name}: empty slot`);
        continue;
      }
      const state = slot.save();
      if (!isFields(state)) continue;
      const accepted = (state["accepted"] as number[]).map((w) => w >>> 0);
      lines.push(`${slot.name} at ${hex(map.VIRTIO + n * map.VIRTIO_STRIDE)}: ${virtioStatus(Number(state["status"]))}${slot.fault === "" ? "" : `; ${slot.fault}`}`);
      lines.push(`  features ${hex(accepted[0]! + accepted[1]! * 2 ** 32)}, interrupt status ${String(state["interrupt"])}`);
      const queues = Array.isArray(state["queues"]) ? state["queues"] : [];
      lines.push(...queues.flatMap((q, i) => queueLines(m, i, q)).map((l) => `  ${l}`));
      json.push({ slot: n, name: slot.name, ...state });
    }
    return { text: lines.length === 0 ? "no slot has a device" : lines.join("\n"), json };
  },
};

export const stats: Command = {
  name: "stats",
  aliases: ["status"],
  usage: "stats",
  summary: "time, steps, traps, TLB misses, page faults so far",
  help: "A step is an instruction retired or a trap taken. Virtual time passes by one nanosecond a step, and faster while all harts wait.",
  family: "look",
  run(m, args) {
    args.end();
    const { machine } = m;
    const harts = machine.harts.map((h) => ({ hart: h.id, steps: h.steps, traps: h.traps, misses: h.mmu.tlb.fills, flushes: h.mmu.tlb.flushes, waiting: h.waiting }));
    const lines = [
      `t=${count(machine.steps)} steps, virtual time ${seconds(machine.now)}; ${plural(m.faults.total, "page fault")} since the monitor is there`,
      table([["", "steps", "traps", "TLB misses", "flushes", ""],
        ...harts.map((h) => [`hart ${h.hart}`, count(h.steps), count(h.traps), count(h.misses), count(h.flushes), h.waiting ? "waits" : "runs"])], "lrrrr"),
      `kernel view: ${m.view.name}. ${m.view.about}`,
    ];
    return { text: lines.join("\n"), json: { steps: machine.steps, ns: machine.now, faults: m.faults.total, view: m.view.name, harts } };
  },
};
