// The machine: the one place where harts, memory, bus, devices and clock are wired together, and the only thing
// that faces know. It runs harts in turns by step count, keeps virtual time, and is the one door for input.

import type { BlockBackend, Dma, IrqLine, State } from "./bus.ts";
import { loadImages } from "./boot/load.ts";
import { RESET_PC } from "./boot/bootrom.ts";
import { VirtualClock } from "./clock.ts";
import { MEI, MSI, MTI, SEI } from "./hart/bits.ts";
import { Hart } from "./hart/hart.ts";
import { planMemory, type MemoryPlan } from "./hart/layout.ts";
import { takeInterrupt } from "./hart/trap.ts";
import { CodeCache } from "./engine/code-cache.ts";
import type { Engine } from "./engine/engine.ts";
import { Interpreter } from "./engine/interpreter.ts";
import { Reference } from "./engine/reference.ts";
import { Events } from "./events.ts";
import { Console } from "./console.ts";
import { Inspector } from "./inspector.ts";
import { MAX_HARTS, RAM } from "./memory-map.ts";
import { FRAME_WATCHED, PhysicalMemory } from "./mmu/physical.ts";
import { Platform } from "./platform.ts";
import { hashMachine, loadMachine, saveMachine } from "./machine-state.ts";
import { packState, unpackState } from "./snapshot.ts";

export type EngineName = "interpreter" | "reference";
export const ENGINE_NAMES: readonly EngineName[] = ["interpreter", "reference"];

/** What to build. Images are the bytes of ELF files or raw images. */
export interface MachineOptions {
  /** Bytes of RAM, a multiple of 4096; default 128 MiB. */
  readonly memory?: number | undefined;
  /** Number of harts, 1 to 8; default 1. */
  readonly harts?: number | undefined;
  readonly engine?: EngineName | undefined;
  /** Firmware that runs first, in machine mode; absent: the kernel starts in machine mode. */
  readonly bios?: Uint8Array | null | undefined;
  readonly kernel?: Uint8Array | undefined;
  readonly initrd?: Uint8Array | undefined;
  /** The kernel's command line. */
  readonly append?: string | undefined;
  /** Disks, by virtio slot. */
  readonly disks?: readonly (BlockBackend | null)[] | undefined;
  /** Who sets a PTE's A and D bits: hardware (as QEMU), or software after a page fault (Svade). */
  readonly adUpdate?: "hardware" | "fault" | undefined;
  /** Seed of what the device tree calls rng-seed. */
  readonly seed?: number | undefined;
  /** Seconds since 1970 that the clock chip shows at virtual time 0. */
  readonly epoch?: number | undefined;
}

/** Why `run` came back. */
export type Stop =
  /** The steps asked for were taken. */
  | { readonly reason: "budget" }
  /** Every hart waits for an interrupt; the next alarm is at `wakeAt` ns (Infinity: only input can wake it). */
  | { readonly reason: "idle"; readonly wakeAt: number }
  /** The guest ended the run; code 0 is success. */
  | { readonly reason: "poweroff"; readonly code: number }
  /** The guest asked for a reset; `reset` does it. */
  | { readonly reason: "reset" }
  /** `pause` was called. */
  | { readonly reason: "paused" };

/** Something from outside. */
export interface Input {
  readonly kind: "console";
  readonly bytes: Uint8Array;
}

/** An input and the virtual time (ns) at which the machine took it in. */
export interface InputEntry extends Input {
  readonly at: number;
}

/** Smallest and largest RAM, in bytes. */
export const MEMORY_LIMITS = { least: 2 ** 20, most: 3 * 2 ** 30 } as const;
/** 2026-01-01T00:00:00Z: what the clock chip shows unless told otherwise, so that runs are alike. */
export const DEFAULT_EPOCH = 1_767_225_600;

/** Steps a hart takes in its turn while others are awake, and while it is the only one. */
const QUANTUM = 5_000;
const SOLO_QUANTUM = 200_000;

/** The machine's own state between two calls of `run`; all of it goes into snapshots. */
interface Round {
  /** Virtual time (ns) at which the round began; a step takes one. */
  start: number;
  /** Steps that each awake hart takes in it; 0 when no round is under way. */
  length: number;
  /** Whose turn it is, and the steps already taken in that turn. */
  turn: number;
  taken: number;
  /** Only one hart is awake: the round may end as soon as that changes. */
  solo: boolean;
}

export class Machine {
  readonly options: MachineOptions;
  readonly events = new Events();
  readonly harts: readonly Hart[];
  readonly memory: PhysicalMemory;
  readonly platform: Platform;
  readonly clock: VirtualClock;
  /** What the guest printed, and waiting for it. */
  readonly console = new Console();
  /** Reading the machine from outside, without effect. */
  readonly inspect: Inspector;
  /** Everything that came from outside, in order. */
  readonly inputLog: InputEntry[] = [];
  /** Steps taken by all harts since power-on. */
  steps = 0;

  readonly round: Round = { start: 0, length: 0, turn: 0, taken: 0, solo: false };
  /** The hart that ran last. */
  lastHart = 0;
  readonly codeCache: CodeCache;
  private readonly engines: Engine[];
  private running: Hart | null = null;
  /** What came from outside and was not taken in yet. */
  readonly waitingInput: Input[] = [];
  private replayed: readonly InputEntry[] = [];
  private replayAt = 0;
  /** How the guest ended the run, once it has. */
  ended: Stop | null = null;
  /** Physical address of the simulators' `tohost` word, or null. */
  tohost: number | null = null;
  private pausing = false;

  /** Build a machine and load its images. Rejects with an Error of one line when an option or image cannot be. */
  static async create(options: MachineOptions): Promise<Machine> {
    return Promise.resolve(new Machine(options));
  }

  /** A machine in the state of a snapshot. Disks come from `disks`, in the state in which they were. */
  static async restore(snapshot: Uint8Array, disks: readonly (BlockBackend | null)[] = [], options: { engine?: EngineName } = {}): Promise<Machine> {
    const state = unpackState(snapshot);
    const machine = new Machine({ ...loadMachine.options(state), disks, ...options });
    loadMachine.into(machine, state);
    return machine;
  }

  private constructor(options: MachineOptions) {
    this.options = options;
    const plan = planOf(options);
    const wasm = new WebAssembly.Memory({ initial: plan.totalBytes / 65536, maximum: plan.totalBytes / 65536 });
    this.clock = new VirtualClock(() => this.now, (at) => this.shortenTo(at));
    const harts: Hart[] = [];
    const line = (hart: number, bit: number): IrqLine => ({ set: (level) => harts[hart]!.setLine(bit, level) });
    const lines = (bit: number): IrqLine[] => Array.from({ length: plan.harts }, (_, i) => line(i, bit));
    const dma: Dma = { view: (pa, n) => this.memory.view(pa, n), write: (pa, bytes) => this.memory.write(pa, bytes) };
    this.platform = new Platform({
      clock: this.clock,
      dma,
      lines: { msip: lines(MSI), mtip: lines(MTI), meip: lines(MEI), seip: lines(SEI) },
      disks: options.disks ?? [],
      onConsole: (byte) => this.console.put(byte),
      onFinish: (f) => this.end(f.kind === "reset" ? { reason: "reset" } : { reason: "poweroff", code: f.kind === "pass" ? 0 : f.code }),
      epoch: options.epoch ?? DEFAULT_EPOCH,
    });
    this.memory = new PhysicalMemory(wasm, plan, this.platform.bus);
    for (let id = 0; id < plan.harts; id++) harts.push(new Hart(id, this.memory, this.clock, this.platform.clint.time, this.events));
    this.harts = harts;
    for (const h of harts) {
      h.mmu.hardwareAd = options.adUpdate !== "fault";
      h.onWake = () => this.endSoloRound();
    }
    this.codeCache = new CodeCache(this.memory, harts.map((h) => h.mmu.tlb));
    this.engines = harts.map((h) => options.engine === "reference"
      ? new Reference(h, this.memory, this.codeCache) : new Interpreter(h, this.memory, this.codeCache, wasm));
    this.events.onChange = () => this.observeBus();
    this.inspect = new Inspector(this.memory, harts);
    this.boot();
  }

  /**
   * Virtual time in ns. While several harts are awake it stands still during a round, so that no hart ever sees it
   * behind another (the `time` of all harts must agree to within a tick).
   */
  get now(): number {
    const { start, taken, solo } = this.round;
    return solo ? start + taken + (this.running === null ? 0 : this.running.progress) : start;
  }

  /** Back to power-on, with the same images. Disks keep their contents. */
  reset(): void {
    this.memory.bytes.fill(0, this.memory.plan.ramBase);
    this.platform.reset();
    this.codeCache.reset();
    Object.assign(this.round, { start: this.now, length: 0, turn: 0, taken: 0, solo: false });
    this.ended = null;
    this.boot();
  }

  /** The bus tells of accesses only while somebody listens. */
  private observeBus(): void {
    const { device } = this.events;
    this.platform.bus.observer = device === undefined ? null
      : ({ kind, pa, size, lo, mapping }) => device({ name: mapping.device.name, kind, offset: pa - mapping.base, size, value: lo });
  }

  private boot(): void {
    const { ramBytes: memory, harts } = this.memory.plan;
    const booted = loadImages({ ...this.options, memory, harts, seed: this.options.seed ?? 0 }, this.memory);
    this.platform.bootRom.program(booted.rom);
    for (const h of this.harts) {
      h.reset(RESET_PC, 0);
      h.refreshContext();
    }
    this.watchToHost(booted.tohost);
  }

  /** The simulators' test convention: an odd value stored at `tohost` ends the run with exit code value >> 1. */
  watchToHost(tohost: number | null): void {
    const flags = this.memory.frameFlags;
    for (let i = 0; i < flags.length; i++) flags[i] = flags[i]! & ~FRAME_WATCHED;
    this.tohost = tohost;
    this.memory.onWatchedWrite = () => undefined;
    if (tohost === null) return;
    const frame = Math.floor((tohost - RAM) / 4096);
    this.memory.frameFlags[frame] = this.memory.frameFlags[frame]! | FRAME_WATCHED;
    this.memory.onWatchedWrite = (pa, size) => {
      if (pa > tohost || pa + size <= tohost) return;
      const low = this.memory.words[this.memory.host(tohost, 4) >>> 2]!;
      if ((low & 1) !== 0) this.end({ reason: "poweroff", code: low >>> 1 });
    };
  }

  /** Run until `maxSteps` steps were taken or something else stops the machine. Time does not pass while it is idle: see `skipTo`. */
  run(maxSteps: number): Stop {
    this.pausing = false;
    let left = maxSteps;
    while (left > 0) {
      if (this.ended !== null) break;
      if (this.pausing) break;
      if (this.round.length === 0) {
        const idle = this.startRound();
        if (idle !== null) {
          this.console.flush();
          return idle;
        }
      }
      left -= this.takeTurn(left);
    }
    this.console.flush();
    return this.ended ?? { reason: this.pausing ? "paused" : "budget" };
  }

  /** Make `run` return after the current instruction. */
  pause(): void {
    this.pausing = true;
    this.running?.leave();
  }

  /** Let virtual time pass while every hart waits: to `time` (ns) or to the next alarm, whichever is first. */
  skipTo(time: number): void {
    if (this.round.length !== 0) return;
    const to = Math.min(time, this.clock.nextAlarm(), this.nextReplay());
    if (to > this.round.start && to !== Infinity) this.round.start = to;
  }

  /** Something from outside: the machine takes it in at the next moment when all harts are between turns. */
  input(input: Input): void {
    this.waitingInput.push({ ...input, bytes: input.bytes.slice() });
  }

  /** Type at the console. */
  type(text: string): void {
    this.input({ kind: "console", bytes: new TextEncoder().encode(text) });
  }

  /** Take inputs from a log, at the virtual times at which they were taken in when it was made. */
  replay(log: readonly InputEntry[]): void {
    this.replayed = log;
    this.replayAt = 0;
  }

  /**
   * Run headless, letting idle time pass at once, until the console shows `text` (after what an earlier call
   * matched) or a predicate holds. False when the machine ended, cannot wake, or took `maxSteps` first.
   */
  runUntil(goal: string | (() => boolean), { maxSteps = 2_000_000_000 }: { maxSteps?: number } = {}): boolean {
    const reached = typeof goal === "string" ? (): boolean => this.console.match(goal) : goal;
    const end = this.steps + maxSteps;
    for (;;) {
      if (reached()) return true;
      if (this.steps >= end) return false;
      const stop = this.run(Math.min(SOLO_QUANTUM, end - this.steps));
      if (stop.reason === "idle" && stop.wakeAt !== Infinity) this.skipTo(stop.wakeAt);
      else if (stop.reason !== "budget") return reached();
    }
  }

  /** Run headless to the end of the run; the stop that ended it (an idle machine that nothing can wake included). */
  runToEnd({ maxSteps = Infinity }: { maxSteps?: number } = {}): Stop {
    const end = this.steps + maxSteps;
    for (;;) {
      const stop = this.run(Math.min(50_000_000, end - this.steps));
      if (stop.reason === "idle" && stop.wakeAt !== Infinity) this.skipTo(stop.wakeAt);
      else if (stop.reason !== "budget" || this.steps >= end) return stop;
    }
  }

  /** Everything that decides how the run goes on, disks' written sectors included where their backend can say. */
  snapshot(): Uint8Array {
    return packState(saveMachine(this) as State);
  }

  /** A number that is the same for two machines exactly when their guests cannot tell them apart. */
  stateHash(): string {
    return hashMachine(this);
  }

  private end(stop: Stop): void {
    this.ended = stop;
    this.running?.leave();
  }

  /** Begin a round: ring alarms, take input in, see who is awake. An idle stop when nobody is. */
  private startRound(): Stop | null {
    const r = this.round;
    if (this.clock.nextAlarm() <= r.start) {
      this.clock.fire(r.start);
      for (const h of this.harts) h.mmu.reservedAddress = -1; // a device may have written memory
    }
    this.takeInput();
    if (this.ended !== null) return this.ended;
    let awake = 0;
    for (const h of this.harts) {
      if (h.waiting && h.awaited !== 0) h.waiting = false;
      if (!h.waiting) awake++;
    }
    const next = Math.min(this.clock.nextAlarm(), this.nextReplay());
    if (awake === 0) return { reason: "idle", wakeAt: next };
    r.solo = awake === 1;
    r.length = Math.max(1, Math.min(r.solo ? SOLO_QUANTUM : QUANTUM, next - r.start));
    r.turn = r.taken = 0;
    return null;
  }

  /** Let the hart whose turn it is take at most `most` steps. Returns the steps taken. */
  private takeTurn(most: number): number {
    const r = this.round;
    const h = this.harts[r.turn]!;
    if (h.waiting && h.awaited !== 0 && !r.solo) h.waiting = false; // a solo round ends when it wakes another hart
    let used = 0;
    if (!h.waiting) {
      if (this.lastHart !== h.id) {
        h.mmu.reservedAddress = -1; // others have run since
        this.lastHart = h.id;
      }
      used = this.runHart(h, Math.min(r.length - r.taken, most));
      if (h.waiting && r.solo) r.length = r.taken;
    }
    if (h.waiting || r.taken >= r.length) this.endTurn();
    return used;
  }

  private runHart(h: Hart, steps: number): number {
    const r = this.round;
    h.granted = steps;
    h.budget = 0;
    h.held = steps;
    this.running = h;
    while (h.held > 0 && !h.waiting && this.ended === null && !this.pausing) {
      takeInterrupt(h);
      const { instruction } = this.events;
      const grant = instruction === undefined ? h.held : 1;
      if (instruction !== undefined) instruction({ hart: h.id, pcLo: h.pcLo, pcHi: h.pcHi });
      h.held -= grant;
      h.budget = grant;
      this.engines[h.id]!.run();
    }
    const used = h.progress;
    this.running = null;
    h.steps += used;
    h.granted = h.budget = h.held = 0;
    r.taken += used;
    this.steps += used;
    return used;
  }

  private endTurn(): void {
    const r = this.round;
    r.turn++;
    if (r.turn < this.harts.length && !(r.solo && r.taken > 0)) {
      r.taken = 0;
      return;
    }
    r.start += r.length;
    r.length = r.turn = r.taken = 0;
  }

  /** A hart that waited has an interrupt: when it was the others' absence that made the round long, end it here. */
  private endSoloRound(): void {
    if (this.round.solo && this.running !== null) this.shortenTo(this.now);
  }

  /** While one hart runs alone, its turn ends at the next alarm even if that was set during the turn. */
  private shortenTo(at: number): void {
    const r = this.round;
    const h = this.running;
    if (h === null || !r.solo) return;
    const length = Math.max(at, this.now) - r.start;
    if (length >= r.length) return;
    r.length = length;
    const surplus = h.budget + h.held - (length - r.taken - h.progress);
    if (surplus <= 0) return;
    h.granted -= surplus;
    const fromHeld = Math.min(h.held, surplus);
    h.held -= fromHeld;
    h.budget -= surplus - fromHeld;
  }

  private nextReplay(): number {
    return this.replayAt < this.replayed.length ? this.replayed[this.replayAt]!.at : Infinity;
  }

  private takeInput(): void {
    while (this.nextReplay() <= this.round.start) this.accept(this.replayed[this.replayAt++]!);
    for (const input of this.waitingInput.splice(0)) this.accept(input);
  }

  private accept({ kind, bytes }: Input): void {
    this.inputLog.push({ at: this.round.start, kind, bytes });
    if (this.events.input !== undefined) this.events.input({ at: this.round.start, kind });
    this.platform.uart.receive(bytes);
  }
}

/** Check the sizes asked for and lay out memory. */
function planOf(options: MachineOptions): MemoryPlan {
  const harts = options.harts ?? 1;
  const memory = options.memory ?? 128 * 2 ** 20;
  if (!Number.isInteger(harts) || harts < 1 || harts > MAX_HARTS) throw new Error(`${harts} harts: there must be 1 to ${MAX_HARTS}`);
  if (!(memory >= MEMORY_LIMITS.least && memory <= MEMORY_LIMITS.most)) throw new Error(`${memory} bytes of memory: there must be 1 MiB to 3 GiB`);
  if (memory % 4096 !== 0) throw new Error(`${memory} bytes of memory: not a multiple of 4096`);
  if (options.engine !== undefined && !ENGINE_NAMES.includes(options.engine)) throw new Error(`there is no engine ${String(options.engine)}`);
  return planMemory(harts, memory);
}
