// The kernel's memory through its types: what the views of kernels with debug information are made of. Guest memory
// may hold nonsense: lists are cut where they come round or grow beyond all sense, and what cannot be read becomes a
// sentence in `trouble` instead of an error.

import type { Machine } from "../../machine.ts";
import { RAM } from "../../memory-map.ts";
import { hex } from "../format.ts";
import { lookUp } from "../page-table.ts";
import type { Symbols } from "../symbols/symbols.ts";
import type { Type } from "../symbols/type.ts";
import { Value } from "../symbols/value.ts";

/** No list in a kernel of this size is longer. */
const LONGEST = 1 << 20;
/** Sentences that are kept until somebody asks. */
const TROUBLES = 20;

export class KernelMemory {
  readonly machine: Machine;
  readonly symbols: Symbols;
  /** Page number of the root of the kernel's page table, as soon as it has one. */
  root: () => number | undefined = () => undefined;
  private troubles: string[] = [];
  private readonly variables = new Map<string, { readonly type: Type; readonly address: bigint } | null>();
  private readonly types = new Map<string, Type | null>();

  constructor(machine: Machine, symbols: Symbols) {
    this.machine = machine;
    this.symbols = symbols;
  }

  /** Bytes at a kernel address: RAM is mapped at its own address, the rest by the kernel's page table. */
  readonly read = (address: bigint, length: number): Uint8Array | undefined => {
    if (address >= BigInt(RAM) && address < 2n ** 53n) {
      const bytes = this.machine.memory.view(Number(address), length);
      if (bytes !== null) return bytes;
    }
    const root = this.root();
    if (root === undefined) return undefined;
    const out = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const at = address + BigInt(done);
      const part = Math.min(length - done, 4096 - Number(at & 4095n));
      const found = lookUp(this.machine, root, at);
      const bytes = found === undefined ? null : this.machine.memory.view(found.pa, part);
      if (bytes === null) return undefined;
      out.set(bytes, done);
      done += part;
    }
    return out;
  };

  /** A global variable; undefined when there is none of that name. */
  global(name: string): Value | undefined {
    let known = this.variables.get(name);
    if (known === undefined) {
      known = this.symbols.variable(name) ?? null;
      this.variables.set(name, known);
    }
    return known === null ? undefined : Value.at(known.type, known.address, this.read);
  }

  /** A type by name, as "struct proc"; undefined when there is none. Looked up once. */
  type(name: string): Type | undefined {
    let known = this.types.get(name);
    if (known === undefined) {
      known = this.symbols.type(name) ?? null;
      this.types.set(name, known);
    }
    return known ?? undefined;
  }

  /** What `compute` gives; where memory does not hold what it should, `otherwise`, and a sentence. */
  attempt<T>(what: string, otherwise: T, compute: () => T): T {
    try {
      return compute();
    } catch (e) {
      this.complain(`${what}: ${e instanceof Error ? e.message : String(e)}`);
      return otherwise;
    }
  }

  complain(sentence: string): void {
    if (this.troubles.length < TROUBLES && !this.troubles.includes(sentence)) this.troubles.push(sentence);
  }

  /** The sentences so far, which are forgotten by that. */
  trouble(): string[] {
    const { troubles } = this;
    this.troubles = [];
    return troubles;
  }

  /** The structures of a list that begins at a pointer and goes on by the member `next`; cut where it comes round. */
  *list(what: string, first: Value, next: string): Generator<Value> {
    const seen = new Set<bigint>();
    for (let pointer = first; !pointer.isNull;) {
      const address = pointer.big();
      if (seen.has(address) || seen.size >= LONGEST) {
        this.complain(`${what}: the list comes round at ${hex(address)}`);
        return;
      }
      seen.add(address);
      const item = pointer.deref();
      yield item;
      pointer = item.field(next);
    }
  }
}

/** Registers in a structure that has a member of each name (a trap frame); `pc` is the member that holds the pc. */
export function savedRegisters(frame: Value, names: readonly string[], pc: string): { pc: bigint; x: bigint[] } {
  const x = names.map((name, n) => (n === 0 || !frame.has(name) ? 0n : BigInt.asUintN(64, frame.field(name).big())));
  return { pc: BigInt.asUintN(64, frame.field(pc).big()), x };
}

/** Registers that a context switch keeps: ra, sp and s0 … s11. The pc is ra: where the switch returns to. */
export function switchedRegisters(context: Value): { pc: bigint; x: (bigint | undefined)[] } {
  const x = new Array<bigint | undefined>(32).fill(undefined);
  const get = (v: Value): bigint => BigInt.asUintN(64, v.big());
  x[0] = 0n;
  x[1] = get(context.field("ra"));
  x[2] = get(context.field("sp"));
  const array = context.has("s") ? context.field("s") : undefined;
  for (let i = 0; i < 12; i++) x[i < 2 ? 8 + i : 16 + i] = get(array === undefined ? context.field(`s${i}`) : array.at(i));
  return { pc: x[1]!, x };
}
