// The machine: the one place where harts, memory, bus, devices and clock are wired together, and the only thing
// that faces know. It runs harts in turns by step count, keeps virtual time, and is the one door for input.

import type { BlockBackend, Dma, IrqLine, State } from "./bus.ts";
import { loadImages } from "./boot/load.ts";
import { RESET_PC } from "./boot/bootrom.ts";
import { VirtualClock } from "./clock.ts";
import { MEI, MSI, MTI, SEI } from "./hart/bits.ts";
import { Hart } from "./hart/hart.ts";
import { takeInterrupt } from "./hart/trap.ts";
import { CodeCache } from "./engine/code-cache.ts";
import type { Engine } from "./engine/engine.ts";
import { Interpreter } from "./engine/interpreter.ts";
import { Reference } from "./engine/reference.ts";
import { Events } from "./events.ts";
import { Console } from "./console.ts";
import { DiskDoor } from "./devices/disk-door.ts";
import { Inspector } from "./inspector.ts";
import { DEFAULT_EPOCH, planOf, type EngineName, type Input, type InputEntry, type MachineOptions, type Stop } from "./machine-options.ts";
import { PhysicalMemory } from "./mmu/physical.ts";
import { Platform } from "./platform.ts";
import { hashMachine, loadMachine, saveMachine } from "./machine-state.ts";
import { packState, unpackState } from "./snapshot.ts";
import { Stops } from "./stops.ts";

export * from "./machine-options.ts";

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
  /** What may stop it: breakpoints, watches, a hart's turn. */
  readonly stops: Stops;
  /** Its disks, by virtio slot. */
  readonly disks: readonly (DiskDoor | null)[];
  /** Everything that came from outside, in order. */
  readonly inputLog: InputEntry[] = [];
  /** Steps taken by all harts since power-on. */
  steps = 0;

  readonly round: Round = { start: 0, length: 0, turn: 0, taken: 0, solo: false };
  /** The hart that ran last. */
  lastHart = 0;
  /** How much of what comes before the next step has been done: nothing, a round begun (or found to be idle), interrupts looked for. */
  phase: 0 | 1 | 2 = 0;
  /** A stretch that has been run before is being run again behind the scenes (see emulator/history). */
  replaying = false;
  /** Called before something from outside (input, a reset) is given to the machine. */
  onOutside: (what: "input" | "reset") => void = () => undefined;
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
  private unwatchToHost: () => void = () => undefined;
  private pausing = false;
  private settling = false;

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
    this.disks = (options.disks ?? []).map((d) => (d === null ? null : new DiskDoor(d)));
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
      disks: this.disks,
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
    this.stops = new Stops(this.codeCache.breakpoints, this.memory.watches, () => this.pause());
    this.memory.track();
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

  /** Steps that all harts had completed before what is under way: exact inside every event and helper. */
  get moment(): number {
    return this.steps + (this.running === null ? 0 : this.running.progress - this.running.counted);
  }

  /** Back to power-on, with the same images. Disks keep their contents. */
  reset(): void {
    this.onOutside("reset");
    this.memory.clear();
    this.platform.reset();
    this.codeCache.reset();
    Object.assign(this.round, { start: this.now, length: 0, turn: 0, taken: 0, solo: false });
    this.ended = null;
    this.phase = 0;
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
    const ram: Dma = { view: (pa, n) => this.memory.view(pa, n), write: (pa, bytes) => this.memory.write(pa, bytes, "host") };
    const booted = loadImages({ ...this.options, memory, harts, seed: this.options.seed ?? 0 }, ram);
    this.platform.bootRom.program(booted.rom);
    for (const h of this.harts) {
      h.reset(RESET_PC, 0);
      h.refreshContext();
    }
    this.watchToHost(booted.tohost);
  }

  /** The simulators' test convention: an odd value stored at `tohost` ends the run with exit code value >> 1. */
  watchToHost(tohost: number | null): void {
    this.unwatchToHost();
    this.unwatchToHost = () => undefined;
    this.tohost = tohost;
    if (tohost === null) return;
    this.unwatchToHost = this.memory.watches.add({ space: "physical", start: BigInt(tohost), length: 1, read: false, write: true, always: true }, () => {
      const low = this.memory.words[this.memory.host(tohost, 4) >>> 2]!;
      if ((low & 1) !== 0) this.end({ reason: "poweroff", code: low >>> 1 });
    });
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

  /**
   * Do what comes before the next step, without taking it: begin a round (1), and look for interrupts (2). It ends
   * sooner when every hart waits. False when somebody called `pause`.
   */
  settle(phase: 1 | 2): boolean {
    this.pausing = false;
    this.settling = true;
    while (this.ended === null && !this.pausing && this.phase < phase) {
      if (this.round.length === 0 && this.startRound() !== null) break;
      if (phase === 1) break;
      this.takeTurn(1);
    }
    this.settling = false;
    return !this.pausing;
  }

  /** Let the turns of harts that wait pass, up to the first that has a step to take or to the end of the round. */
  passTurns(): void {
    while (this.round.length !== 0) {
      const h = this.harts[this.round.turn]!;
      if (!h.waiting || h.awaited !== 0) return;
      this.endTurn();
    }
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
    if (to <= this.round.start || to === Infinity) return;
    this.round.start = to;
    this.phase = 0;
  }

  /** Something from outside: the machine takes it in at the next moment when all harts are between turns. */
  input(input: Input): void {
    this.onOutside("input");
    this.waitingInput.push({ ...input, bytes: input.bytes.slice() });
  }

  /** Type at the console. */
  type(text: string): void {
    this.input({ kind: "console", bytes: new TextEncoder().encode(text) });
  }

  /** Take inputs from a log, from its entry `from` on, at the virtual times at which they were taken in when it was made. */
  replay(log: readonly InputEntry[], from = 0): void {
    this.replayed = log;
    this.replayAt = from;
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

  /** Everything that decides how the run goes on; of disks what `DiskDoor.save` says. */
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
    this.phase = 1;
    if (this.ended !== null) return this.ended;
    let awake = 0;
    for (const h of this.harts) {
      if (h.waiting && h.awaited !== 0) h.waiting = false;
      if (!h.waiting) awake++;
    }
    const next = this.clock.nextAlarm();
    if (awake === 0) return { reason: "idle", wakeAt: Math.min(next, this.nextReplay()) };
    // Input is taken in where rounds begin, so what a log has yet to bring makes none shorter: a state knows nothing of its future.
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
    const { turn } = this.stops;
    if (turn !== null && !h.waiting) {
      turn(h.id);
      if (this.pausing) return 0;
    }
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
      this.phase = 2;
      if (this.settling) break;
      const { instruction } = this.events;
      const grant = instruction === undefined ? h.held : 1;
      if (instruction !== undefined) instruction({ hart: h.id, pcLo: h.pcLo, pcHi: h.pcHi });
      if (this.pausing) break; // by a listener of one of these two
      h.held -= grant;
      h.budget = grant;
      h.counted = 1;
      this.engines[h.id]!.run();
      h.counted = 0;
    }
    const used = h.progress;
    this.running = null;
    h.steps += used;
    h.granted = h.budget = h.held = 0;
    r.taken += used;
    this.steps += used;
    if (used > 0) this.phase = 0;
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
