// Decoded code: one slot of records for each physical page that has been executed, shared by all harts.
// Records are decoded one by one when they are first reached, and discarded when their bytes are written.

import { CODE_PAGE, F, RECORD, X, X_SINK } from "../hart/layout.ts";
import { decode } from "../isa/decode.ts";
import { FORMATS } from "../isa/formats.ts";
import { expand } from "../isa/rvc.ts";
import { INSTRUCTIONS } from "../isa/table.ts";
import { BOOT_ROM, BOOT_ROM_SIZE, RAM as RAM_BASE } from "../memory-map.ts";
import { FRAME_CODE, type CodeWatcher, type PhysicalMemory } from "../mmu/physical.ts";
import type { Tlb } from "../mmu/tlb.ts";
import { FETCH, STORE } from "../mmu/walk.ts";
import { Breakpoints } from "./breakpoints.ts";
import { OPCODE } from "./opcodes.ts";

/** Writes after which a page is taken for data rather than code, and forgotten until it is executed again. */
const WRITES_UNTIL_DATA = 8;
const PAGE_RECORDS = 2048;

export class CodeCache implements CodeWatcher {
  readonly breakpoints = new Breakpoints();
  /** Offsets of planted breakpoints, by physical page. One that stands for nothing any more only makes its instruction slower. */
  private readonly planted = new Map<number, Set<number>>();
  private readonly memory: PhysicalMemory;
  private readonly records: DataView;
  private readonly tlbs: readonly Tlb[];
  private readonly slots = new Map<number, number>();
  private readonly owner: number[] = [];
  private readonly writes: number[] = [];
  private readonly free: number[] = [];

  constructor(memory: PhysicalMemory, tlbs: readonly Tlb[]) {
    this.memory = memory;
    this.records = memory.view64;
    this.tlbs = tlbs;
    memory.watcher = this;
    this.breakpoints.onChange = (lo, hi, set) => this.changeBreakpoint(lo, hi, set);
    this.reset();
  }

  /** Forget everything. */
  reset(): void {
    for (const tlb of this.tlbs) tlb.withhold(FETCH, -1);
    for (const ppn of this.slots.keys()) this.markFrame(ppn, 0);
    this.slots.clear();
    this.planted.clear();
    this.free.length = 0;
    for (let slot = this.memory.plan.codePages - 1; slot >= 0; slot--) {
      this.owner[slot] = -1;
      this.free.push(slot);
    }
  }

  /** Byte address of the records for physical page `ppn`; −1 where nothing can be executed. */
  page(ppn: number): number {
    const known = this.slots.get(ppn);
    if (known !== undefined) return this.address(known);
    if (!this.executable(ppn)) return -1;
    if (this.free.length === 0) this.reset();
    const slot = this.free.pop()!;
    this.slots.set(ppn, slot);
    this.owner[slot] = ppn;
    this.writes[slot] = 0;
    const at = this.address(slot);
    this.memory.bytes.fill(0, at, at + PAGE_RECORDS * RECORD.size);
    this.records.setUint16(at + PAGE_RECORDS * RECORD.size, OPCODE.pageEnd, true);
    this.markFrame(ppn, FRAME_CODE);
    for (const tlb of this.tlbs) tlb.withhold(STORE, ppn);
    return at;
  }

  /** Decode the record at byte address `at` of the page whose records start at `page`. */
  decodeAt(page: number, at: number): void {
    const slot = (page - this.memory.plan.codeBase) / CODE_PAGE;
    const offset = (at - page) >> 3;
    const pa = this.owner[slot]! * 4096 + offset;
    const half = this.halfword(pa);
    if (((half & 3) === 3 && offset === 4094) || this.planted.get(this.owner[slot]!)?.has(offset) === true) {
      this.records.setUint16(at, OPCODE.alone, true);
      return;
    }
    this.decodeInto(at, half, (half & 3) === 3 ? this.halfword(pa + 2) : 0, offset);
  }

  /**
   * Write the record of one instruction. `high` is the second halfword of a 32-bit one; `offset` its place in the
   * page, or −1 when no jump may be taken to stay in the page.
   */
  decodeInto(at: number, half: number, high: number, offset: number): void {
    const compressed = (half & 3) !== 3;
    const raw = compressed ? half : half | (high << 16);
    const word = compressed ? expand(half) : raw;
    const number = decode(word);
    const instruction = INSTRUCTIONS[number]!;
    const { format } = instruction;
    const f = FORMATS[format];
    let imm = number === 0 ? raw : f.imm(word);
    let op = OPCODE.of(number);
    if (format === "B" || format === "J") {
      const target = offset + imm;
      if (offset >= 0 && target >= 0 && target < 4096) {
        op = OPCODE.inPage(number);
        imm *= 8; // records are 16 bytes for 2 bytes of code
      }
    }
    const rd = (word >>> 7) & 31;
    const r = this.records;
    r.setUint16(at + RECORD.op, op, true);
    r.setUint16(at + RECORD.delta, compressed ? RECORD.size : 2 * RECORD.size, true);
    r.setUint16(at + RECORD.rd, f.rd === "f" ? F + 8 * rd : X + 8 * (rd === 0 ? X_SINK : rd), true);
    r.setUint16(at + RECORD.rs1, (f.rs1 === "f" ? F : X) + 8 * ((word >>> 15) & 31), true);
    r.setUint16(at + RECORD.rs2, (f.rs2 === "f" ? F : X) + 8 * ((word >>> 20) & 31), true);
    if (f.rs3 !== undefined) r.setUint16(at + RECORD.rs3, F + 8 * (word >>> 27), true);
    r.setInt32(at + RECORD.imm, imm, true);
  }

  /** Plant the breakpoints of the virtual page of an address, which is physical page `ppn`, in its decoded code. */
  plant(ppn: number, lo: number, hi: number): void {
    const slot = this.slots.get(ppn);
    const offsets = this.breakpoints.offsets(lo, hi);
    if (slot === undefined || offsets === undefined) return;
    const planted = this.planted.get(ppn) ?? new Set();
    this.planted.set(ppn, planted);
    for (const offset of offsets) {
      planted.add(offset);
      this.setOp(slot, offset, OPCODE.alone);
    }
  }

  /** A breakpoint was set or removed: change what is decoded already; other pages follow when they are fetched from. */
  private changeBreakpoint(lo: number, hi: number, set: boolean): void {
    const offset = lo & 4095;
    if (set) {
      for (const tlb of this.tlbs) for (const ppn of tlb.find(FETCH, lo, hi).map((i) => this.memory.words[i + 3]! >>> 0)) this.plant(ppn, lo, hi);
    } else if (!this.breakpoints.anyAt(offset)) {
      for (const [ppn, offsets] of this.planted) if (offsets.delete(offset)) this.setOp(this.slots.get(ppn)!, offset, OPCODE.undecoded);
    }
  }

  private setOp(slot: number, offset: number, op: number): void {
    this.records.setUint16(this.address(slot) + (offset >> 1) * RECORD.size + RECORD.op, op, true);
  }

  /** The halfword of code at physical address `pa`, in RAM or boot ROM. */
  halfword(pa: number): number {
    const at = this.memory.host(pa, 2);
    if (at >= 0) return this.records.getUint16(at, true);
    return this.memory.bus.peek(pa, 2) ? this.memory.bus.lo : 0;
  }

  written(pa: number, size: number): void {
    const ppn = Math.floor(pa / 4096);
    const slot = this.slots.get(ppn);
    if (slot === undefined) return;
    if (size > 64 || ++this.writes[slot]! > WRITES_UNTIL_DATA) {
      this.drop(ppn, slot);
      return;
    }
    const page = this.address(slot);
    const offset = pa - ppn * 4096;
    // An instruction that starts two bytes before may reach into what was written.
    for (let half = Math.max(0, (offset - 2) >> 1); half <= (offset + size - 1) >> 1; half++) {
      this.records.setUint16(page + half * RECORD.size + RECORD.op, OPCODE.undecoded, true);
    }
  }

  /** Forget a page. Code that is running in it meets a page end at its next record, and looks its page up again. */
  private drop(ppn: number, slot: number): void {
    const page = this.address(slot);
    for (let i = 0; i < PAGE_RECORDS; i++) this.records.setUint16(page + i * RECORD.size + RECORD.op, OPCODE.pageEnd, true);
    this.slots.delete(ppn);
    this.planted.delete(ppn);
    this.owner[slot] = -1;
    this.free.push(slot);
    this.markFrame(ppn, 0);
    for (const tlb of this.tlbs) tlb.withhold(FETCH, ppn);
  }

  private executable(ppn: number): boolean {
    const pa = ppn * 4096;
    return this.memory.host(pa, 4096) >= 0 || (pa + 4096 > BOOT_ROM && pa < BOOT_ROM + BOOT_ROM_SIZE);
  }

  private address(slot: number): number {
    return this.memory.plan.codeBase + slot * CODE_PAGE;
  }

  private markFrame(ppn: number, value: number): void {
    const frame = ppn - RAM_BASE / 4096;
    const flags = this.memory.frameFlags;
    if (frame >= 0 && frame < flags.length) flags[frame] = (flags[frame]! & ~FRAME_CODE) | value;
  }
}
