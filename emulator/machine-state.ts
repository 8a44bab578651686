// A machine's state as one plain record: saving, loading, hashing. Names, not positions, so that a snapshot can be read.

import type { State } from "./bus.ts";
import { saves } from "./devices/disk-door.ts";
import { Fields } from "./devices/state.ts";
import { CSRS, F, STATE_WORDS, X } from "./hart/layout.ts";
import type { Hart } from "./hart/hart.ts";
import type { Machine, MachineOptions, Stop } from "./machine.ts";
import { entryWords, type TlbState } from "./mmu/tlb.ts";
import { RAM } from "./memory-map.ts";
import type { Privilege } from "./mmu/walk.ts";

const FRAME = 4096;

/** The state record of a machine. */
export function saveMachine(m: Machine): State {
  return {
    ...saveCore(m),
    disks: m.disks.map((d) => (d === null ? null : d.save())),
    ram: saveRam(m),
    inputs: m.inputLog.map((e) => ({ at: e.at, kind: e.kind, bytes: e.bytes })),
  };
}

/** All but RAM, disks and the input log: what history keeps of a moment beside pages. */
export function saveCore(m: Machine): { [name: string]: State } {
  return { ...saveWiring(m), phase: m.phase, harts: m.harts.map(saveHart) };
}

/** Take over what `saveCore` gave, when RAM and disks are those of that moment. */
export function loadCore(m: Machine, state: State): void {
  const fields = new Fields(state, "machine");
  const round = fields.record("round");
  for (const name of ["start", "length", "taken"] as const) m.round[name] = round.number(name, 2 ** 53);
  m.round.turn = round.number("turn", m.harts.length - 1);
  m.round.solo = round.boolean("solo");
  m.lastHart = fields.number("lastHart", m.harts.length - 1);
  m.steps = fields.number("steps", 2 ** 53);
  m.phase = fields.number("phase", 2) as Machine["phase"];
  const harts = fields.list("harts", m.harts.length);
  if (harts.length !== m.harts.length) throw new Error(`snapshot: it holds ${harts.length} harts of ${m.harts.length}`);
  harts.forEach((h, i) => loadHart(m.harts[i]!, h));
  m.platform.load(fields.value("devices"));
  // Devices pull interrupt wires while they load; the wires' levels are part of the harts' state.
  harts.forEach((h, i) => { m.harts[i]!.lines = new Fields(h, `hart${i}`).number("lines"); });
  m.clock.load(fields.value("clock"));
  loadOutside(m, fields);
}

/** The machine between harts, RAM and disks. */
function saveWiring(m: Machine): { [name: string]: State } {
  const { memory, harts, adUpdate, epoch } = { ...m.options, memory: m.memory.plan.ramBytes, harts: m.harts.length };
  return {
    options: { memory, harts, adUpdate: adUpdate ?? "hardware", ...(epoch === undefined ? {} : { epoch }) },
    round: { ...m.round },
    lastHart: m.lastHart,
    steps: m.steps,
    clock: m.clock.save(),
    devices: m.platform.save(),
    tohost: m.tohost,
    ended: m.ended === null ? null : { ...m.ended },
    waitingInput: m.waitingInput.map((i) => i.bytes),
  };
}

export const loadMachine = {
  /** The options of the machine that was saved. */
  options(state: State): MachineOptions {
    const o = new Fields(new Fields(state, "machine").value("options"), "options");
    const adUpdate = o.value("adUpdate");
    if (adUpdate !== "hardware" && adUpdate !== "fault") throw new Error("snapshot: options.adUpdate is neither hardware nor fault");
    return { memory: o.number("memory", 2 ** 32), harts: o.number("harts"), adUpdate, ...(o.has("epoch") ? { epoch: o.number("epoch", 2 ** 33) } : {}) };
  },

  /** Put the state into a machine made with those options. */
  into(m: Machine, state: State): void {
    const fields = new Fields(state, "machine");
    loadRam(m, fields.record("ram"));
    fields.list("disks", 8).forEach((d, i) => {
      const disk = m.options.disks?.[i] ?? null;
      if (d !== null && saves(disk)) disk.load(d);
    });
    loadCore(m, state);
    for (const e of fields.list("inputs", Infinity)) {
      const entry = new Fields(e, "input");
      m.inputLog.push({ at: entry.number("at", 2 ** 53), kind: "console", bytes: entry.bytes("bytes", 0, 2 ** 32) });
    }
  },
};

/** What joins the machine to the world: how it ended, what it waits to be told, where it tells its exit code. */
function loadOutside(m: Machine, fields: Fields): void {
  const tohost = fields.value("tohost") === null ? null : fields.number("tohost", 2 ** 53);
  if (tohost !== m.tohost) m.watchToHost(tohost);
  m.ended = fields.value("ended") === null ? null : loadEnd(fields.record("ended"));
  m.waitingInput.length = 0;
  for (const bytes of fields.list("waitingInput", Infinity)) if (bytes instanceof Uint8Array) m.waitingInput.push({ kind: "console", bytes });
}

const loadEnd = (ended: Fields): Stop =>
  ended.value("reason") === "reset" ? { reason: "reset" } : { reason: "poweroff", code: ended.number("code") };

function saveHart(h: Hart): State {
  const first = h.base >> 2;
  return {
    state: new Uint8Array(h.words.slice(first, first + STATE_WORDS).buffer),
    privilege: h.privilege,
    lines: h.lines,
    softPending: h.softPending,
    waiting: h.waiting,
    steps: h.steps,
    traps: h.traps,
    reservedAddress: h.mmu.reservedAddress,
    reservedSize: h.mmu.reservedSize,
    pmpConfig: h.mmu.pmp.config.slice(),
    pmpLow: [...h.mmu.pmp.low],
    pmpHigh: [...h.mmu.pmp.high],
    tlb: h.mmu.tlb.save() as unknown as State,
  };
}

function loadHart(h: Hart, state: State): void {
  const f = new Fields(state, `hart${h.id}`);
  const bytes = f.bytes("state", 4 * STATE_WORDS, 4 * STATE_WORDS);
  h.words.set(new Int32Array(bytes.buffer), h.base >> 2);
  const privilege = f.number("privilege", 3);
  if (privilege === 2) throw new Error(`snapshot: hart${h.id}.privilege is 2, which does not exist`);
  h.privilege = privilege as Privilege;
  h.lines = f.number("lines");
  h.softPending = f.number("softPending");
  h.waiting = f.boolean("waiting");
  h.steps = f.number("steps", 2 ** 53);
  h.traps = f.number("traps", 2 ** 53);
  h.mmu.pmp.config.set(f.bytes("pmpConfig", 16, 16));
  h.mmu.pmp.low.set(integers(f, "pmpLow", 16));
  h.mmu.pmp.high.set(integers(f, "pmpHigh", 16));
  h.mmu.pmp.update();
  h.mmu.reservedAddress = f.value("reservedAddress") as number;
  h.mmu.reservedSize = f.number("reservedSize", 8);
  h.mmu.tlb.load(f.list("tlb", 64) as unknown as TlbState);
  h.refreshContext();
}

/** A list of at most `max` integers, negative ones included. */
function integers(f: Fields, name: string, max: number): number[] {
  const list = f.list(name, max);
  if (!list.every(Number.isInteger)) throw new Error(`snapshot: ${name} holds something that is no whole number`);
  return list as number[];
}

/** Frames that are not all zero: their numbers, and their bytes back to back. */
function saveRam(m: Machine): State {
  const { ramBase, ramBytes } = m.memory.plan;
  const { words, bytes } = m.memory;
  const frames: number[] = [];
  for (let f = 0; f < ramBytes / FRAME; f++) {
    const from = (ramBase + f * FRAME) / 4;
    let i = from;
    while (i < from + FRAME / 4 && words[i] === 0) i++;
    if (i < from + FRAME / 4) frames.push(f);
  }
  const data = new Uint8Array(frames.length * FRAME);
  frames.forEach((f, i) => data.set(bytes.subarray(ramBase + f * FRAME, ramBase + (f + 1) * FRAME), i * FRAME));
  return { frames, data };
}

function loadRam(m: Machine, f: Fields): void {
  const { ramBytes } = m.memory.plan;
  const frames = integers(f, "frames", ramBytes / FRAME);
  const data = f.bytes("data", frames.length * FRAME, frames.length * FRAME);
  m.memory.clear();
  frames.forEach((frame, i) => {
    if (!(frame >= 0 && frame < ramBytes / FRAME)) throw new Error("snapshot: a frame of RAM lies outside RAM");
    m.memory.write(RAM + frame * FRAME, data.subarray(i * FRAME, (i + 1) * FRAME), "host");
  });
}

/** Hash of harts, clock, devices and RAM: 64 bits in hexadecimal. What only an engine knows does not enter. */
export function hashMachine(m: Machine): string {
  const h = new Hash();
  h.text(JSON.stringify(saveWiring(m), (_k, v: unknown) => (v instanceof Uint8Array ? [...v] : v)));
  for (const hart of m.harts) {
    const first = hart.base >> 2;
    // Helper arguments and the budget lie between the registers and the CSRs; they say nothing about the guest.
    h.words(hart.words, first + (X >> 2), first + (X >> 2) + 64);
    h.words(hart.words, first + 68, first + 70);
    h.words(hart.words, first + (F >> 2), first + (F >> 2) + 64);
    h.words(hart.words, first + (CSRS >> 2), first + STATE_WORDS);
    const { state: _state, tlb: _tlb, ...others } = saveHart(hart) as { [name: string]: State };
    h.text(JSON.stringify(others, (_k, v: unknown) => (v instanceof Uint8Array ? [...v] : v)));
    for (const { entries, ...context } of hart.mmu.tlb.save()) {
      h.text(JSON.stringify(context));
      const words = entryWords(entries);
      h.words(words, 0, words.length);
    }
  }
  h.words(m.memory.words, m.memory.plan.ramBase / 4, (m.memory.plan.ramBase + m.memory.plan.ramBytes) / 4);
  return h.hex();
}

/** Hash of bytes, in hexadecimal. */
export function hashBytes(bytes: Uint8Array): string {
  const h = new Hash();
  const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  padded.set(bytes);
  h.words(Int32Array.of(bytes.length), 0, 1);
  h.words(new Int32Array(padded.buffer), 0, padded.length / 4);
  return h.hex();
}

/** Hash of words that come in pieces, in hexadecimal. Where one piece ends and the next begins matters. */
export function hashPieces(pieces: Iterable<Int32Array>): string {
  const h = new Hash();
  for (const words of pieces) h.words(words, 0, words.length);
  return h.hex();
}

/** Four multiplicative 32-bit lanes, each for every fourth word; fast, and good enough to tell states apart. */
class Hash {
  private a = 0x9e3779b9 | 0;
  private b = 0x85ebca6b | 0;
  private c = 0xc2b2ae35 | 0;
  private d = 0x27d4eb2f | 0;

  words(w: Int32Array, from: number, to: number): void {
    let { a, b, c, d } = this;
    let i = from;
    for (; i + 4 <= to; i += 4) {
      a = Math.imul(a ^ w[i]!, 0x9e3779b1);
      b = Math.imul(b ^ w[i + 1]!, 0x85ebca77);
      c = Math.imul(c ^ w[i + 2]!, 0xc2b2ae3d);
      d = Math.imul(d ^ w[i + 3]!, 0x27d4eb2d);
      a ^= a >>> 15;
      b ^= b >>> 13;
      c ^= c >>> 16;
      d ^= d >>> 14;
    }
    for (; i < to; i++) a = Math.imul(a ^ w[i]!, 0x9e3779b1) ^ (a >>> 15);
    // The lanes change places, and the length enters, so that no two parts of a state can be exchanged.
    this.a = b ^ (to - from);
    this.b = c;
    this.c = d;
    this.d = a;
  }

  text(s: string): void {
    const w = new Int32Array(s.length);
    for (let i = 0; i < s.length; i++) w[i] = s.charCodeAt(i);
    this.words(w, 0, w.length);
  }

  hex(): string {
    const mix = (x: number, y: number): string => {
      const z = Math.imul(x ^ (y >>> 16), 0x9e3779b1) + Math.imul(y ^ (x >>> 13), 0x85ebca6b);
      return ((z ^ (z >>> 15)) >>> 0).toString(16).padStart(8, "0");
    };
    return mix(this.a, this.c) + mix(this.b, this.d);
  }
}
