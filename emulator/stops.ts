// What can stop a machine, or watch it: breakpoints, watches on memory, and a hart's turn. Any number of owners take
// part; each is told of its own and decides. Nothing here costs anything while it is not used: breakpoints are planted
// in decoded code, watched pages are withheld from the engines.

import type { Breakpoints } from "./engine/breakpoints.ts";
import type { Watches, WatchedAccess, WatchRange } from "./mmu/watches.ts";

export type { Accessor, WatchedAccess, WatchRange } from "./mmu/watches.ts";

export class Stops {
  /**
   * Called before a hart that is awake begins to run, in a turn of its own or after a pause in one; `Machine.pause`
   * inside it stops the machine before that. For one owner at a time, or null.
   */
  turn: ((hart: number) => void) | null = null;
  private readonly breakpoints: Breakpoints;
  private readonly watches: Watches;
  private readonly pause: () => void;

  /** `pause` makes the machine stop. */
  constructor(breakpoints: Breakpoints, watches: Watches, pause: () => void) {
    this.breakpoints = breakpoints;
    this.watches = watches;
    this.pause = pause;
  }

  /**
   * A breakpoint at a virtual address, whatever the address space. `asked` is called each time a hart is about to execute
   * the instruction there, and may be called again for the same step after something else stopped the machine; true
   * stops the machine before it. On a page that may not be executed it is called before the fetch takes its fault. The
   * result removes the breakpoint.
   */
  breakAt(address: bigint, asked: (hart: number) => boolean): () => void {
    return this.breakpoints.add(address, (hart) => {
      if (!asked(hart)) return false;
      this.pause();
      return true;
    });
  }

  /**
   * Watch a range of memory: `heard` is called after each access to it; `Machine.pause` inside it stops the machine
   * after the instruction. The result ends the watch. Physical ranges may be RAM or devices. Fetches are told where
   * the range asks for them; reads by page-table walks and devices are not. Throws an Error of one line for a range
   * that cannot be watched.
   */
  watch(range: WatchRange, heard: (access: WatchedAccess) => void): () => void {
    return this.watches.add(range, heard);
  }

  /**
   * Set everything aside, as for a stretch that is run again. What is added meanwhile works as ever and is dropped
   * when the result is called, which brings the rest back.
   */
  quiet(): () => void {
    const { turn } = this;
    this.turn = null;
    const loud = [this.breakpoints.quiet(), this.watches.quiet()];
    return () => {
      for (const end of loud) end();
      this.turn = turn;
    };
  }
}
