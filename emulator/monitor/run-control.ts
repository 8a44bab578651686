// Who holds the machine: it runs, or it is halted for somebody to look at it. Faces (terminal, gdb, a debug client) share
// one of these: each may halt the machine or set it going, all hear of each stop, and one loop calls `run`.

import type { Debugger, StopReport } from "../history/debugger.ts";
import type { Input, Machine, Stop } from "../machine.ts";

/** Why the machine stands: the debugger's report, or its end; `held`: from there it may go back (`holdAtEnd`). */
export type Report = StopReport | (Extract<Stop, { reason: "poweroff" }> & { readonly held?: boolean });

/** Where what comes from outside goes in: the machine, or its history. */
export interface Door {
  skipTo(time: number): void;
  input(input: Input): void;
  /** Now is the present, not a part of the past that is being run again. */
  readonly live: boolean;
}

/** A machine without a history. */
export const openDoor = (machine: Machine): Door => ({ skipTo: (time) => machine.skipTo(time), input: (input) => machine.input(input), live: true });

export class RunControl {
  readonly machine: Machine;
  readonly debugger: Debugger;
  /** Called when `run` has something to do again, or nothing more: a loop that sleeps should look. */
  onWake: () => void = () => undefined;
  /** Called after each stretch of running, before others hear of a stop; `back`: the stretch was part of a motion that goes back. */
  afterRun: (back: boolean) => void = () => undefined;
  private readonly door: Door;
  private readonly listeners = new Set<(report: Report) => void>();
  private readonly goListeners = new Set<() => void>();
  private held = false;
  /** How many want the end to be a stop, and whether it has been one. */
  private holders = 0;
  private shownEnd = false;
  private report: Report | undefined = undefined;

  /** The machine runs until somebody halts it. */
  constructor(machine: Machine, theDebugger: Debugger, door: Door = openDoor(machine)) {
    this.machine = machine;
    this.debugger = theDebugger;
    this.door = door;
  }

  /** Is it halted? */
  get halted(): boolean {
    return this.held;
  }

  /** Why it is halted; undefined while it runs. */
  get last(): Report | undefined {
    return this.report;
  }

  get live(): boolean {
    return this.door.live;
  }

  /** Hear of every stop; the result ends it. */
  onReport(listener: (report: Report) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Hear of each time that somebody sets it going; the result ends it. */
  onGo(listener: () => void): () => void {
    this.goListeners.add(listener);
    return () => this.goListeners.delete(listener);
  }

  /** Make the machine's end a stop like any other, because somebody may want to go back from it: going on ends it. The result takes that back. */
  holdAtEnd(): () => void {
    this.holders++;
    let done = false;
    return () => {
      if (!done) this.holders--;
      done = true;
    };
  }

  /** Set it going: `begin` begins one of the debugger's motions. What it throws, this throws, and nothing has changed. */
  go(begin: (theDebugger: Debugger) => void): void {
    begin(this.debugger);
    if (this.machine.ended === null || this.debugger.goingBack) this.shownEnd = false;
    this.held = false;
    this.report = undefined;
    for (const listener of [...this.goListeners]) listener();
    this.onWake();
  }

  /** The same, and the report of the stop: for where a loop calls `run` meanwhile. Rejects with what `begin` throws. */
  async goAndWait(begin: (theDebugger: Debugger) => void): Promise<Report> {
    this.go(begin);
    return await new Promise((resolve) => {
      const ignore = this.onReport((report) => {
        ignore();
        resolve(report);
      });
    });
  }

  /** Halt it where it is, if it runs. */
  halt(): void {
    if (!this.held) this.stand(this.debugger.pause());
  }

  /** For the loop: run on for at most `maxSteps` steps, or a stretch of a search; "halted" when it stands. */
  run(maxSteps: number): Stop | { readonly reason: "halted" } {
    if (this.held) return { reason: "halted" };
    const back = this.debugger.goingBack;
    const stop = this.debugger.run(maxSteps);
    this.afterRun(back);
    switch (stop.reason) {
      case "stop":
        this.stand(stop);
        return { reason: "halted" };
      case "paused": // somebody in the machine asked for it
        this.stand(this.debugger.pause());
        return { reason: "halted" };
      case "poweroff":
        if (this.holders > 0 && !this.shownEnd) {
          this.shownEnd = true;
          this.stand({ ...stop, held: true });
          return { reason: "halted" };
        }
        this.stand(stop);
        return stop;
      default:
        return stop;
    }
  }

  /** As the machine's; while it is halted, time stands still. */
  skipTo(time: number): void {
    if (!this.held) this.door.skipTo(time);
  }

  /** Something for the guest. While a search looks back nothing is: where it looks just then nobody meant. */
  input(input: Input): void {
    if (!this.debugger.goingBack) this.door.input(input);
  }

  private stand(report: Report): void {
    this.held = true;
    this.report = report;
    this.onWake();
    for (const listener of [...this.listeners]) listener(report);
  }
}
