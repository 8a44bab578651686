// Functions of a unit, and inside each the tree of inlined calls and lexical blocks (DWARF 5, section 3.3).

import { SymbolsError } from "../errors.ts";
import { AT, TAG } from "./constants.ts";
import type { Die } from "./die.ts";
import { type AddressRange, inRange, rangesOf } from "./ranges.ts";
import type { Unit } from "./unit.ts";

/** A function, an inlined call, or a pair of braces that has code. */
export interface Block {
  readonly kind: "function" | "inlined" | "braces";
  readonly die: Die;
  readonly ranges: readonly AddressRange[];
  readonly children: readonly Block[];
}

/** A function with code of its own. */
export interface DwarfFunction {
  readonly name: string;
  readonly die: Die;
  readonly ranges: readonly AddressRange[];
}

const NAMESPACE = 0x39;
const MOST_DEPTH = 128;

/** The functions of a unit that have code, in the order of the information. Throws SymbolsError. */
export function functionsOf(unit: Unit): DwarfFunction[] {
  const functions: DwarfFunction[] = [];
  collect(unit.root, functions, 0);
  return functions;
}

function collect(parent: Die, functions: DwarfFunction[], depth: number): void {
  if (depth > MOST_DEPTH) throw new SymbolsError("namespaces inside namespaces, too deep");
  for (const die of parent.children()) {
    if (die.tag === NAMESPACE) collect(die, functions, depth + 1);
    if (die.tag !== TAG.subprogram) continue;
    const ranges = rangesOf(die);
    if (ranges.length > 0) functions.push({ name: die.name ?? "?", die, ranges });
  }
}

/** What lies inside a function's code. Throws SymbolsError. */
export function blocksOf(die: Die, kind: Block["kind"] = "function", depth = 0): Block {
  if (depth > MOST_DEPTH) throw new SymbolsError("blocks inside blocks, too deep");
  const children: Block[] = [];
  for (const child of die.children()) {
    if (child.tag === TAG.inlined_subroutine) children.push(blocksOf(child, "inlined", depth + 1));
    else if (child.tag === TAG.lexical_block) children.push(blocksOf(child, "braces", depth + 1));
  }
  return { kind, die, ranges: rangesOf(die), children };
}

/** The blocks around an address, from the function inwards; the function alone when the address is in none of its blocks. */
export function chainAt(block: Block, address: bigint): Block[] {
  const chain = [block];
  for (;;) {
    const inner = chain.at(-1)!.children.find((child) => inRange(child.ranges, address) || (child.ranges.length === 0 && covers(child, address)));
    if (inner === undefined) return chain;
    chain.push(inner);
  }
}

/** Whether a block without code of its own holds one that has the address. */
const covers = (block: Block, address: bigint): boolean =>
  block.children.some((child) => inRange(child.ranges, address) || (child.ranges.length === 0 && covers(child, address)));

/** The entries of the calls that a function makes as its last act, in whichever block they stand. */
export function* tailCalls(block: Block): Generator<Die> {
  for (const child of block.die.children()) {
    if (isCallSite(child) && (child.flag(AT.call_tail_call) || child.flag(AT.gnu_tail_call))) yield child;
  }
  for (const inner of block.children) yield* tailCalls(inner);
}

const isCallSite = ({ tag }: Die): boolean => tag === TAG.call_site || tag === TAG.gnu_call_site;

/** The entry of the call in `block` that returns to `address`; for what was in registers at the call. */
export function callSiteAt(block: Block, address: bigint): Die | undefined {
  for (const { die } of chainAt(block, address - 1n).reverse()) {
    for (const child of die.children()) {
      if (isCallSite(child) && (child.address(AT.call_return_pc) ?? child.address(AT.low_pc)) === address) return child;
    }
  }
  return undefined;
}
