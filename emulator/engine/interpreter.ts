// The interpreter: one WebAssembly function for each hart, emitted at start from the instruction table. It runs
// decoded records (engine/code-cache.ts) with a br_table, and leaves its loop only for slow paths. Floating-point
// instructions stand in a second function, which it calls for each: the host makes better code of less.

import { BUDGET, CROSS_RECORD, PC, RECORD, TLB_DATA, TLB_FETCH, TLB_X } from "../hart/layout.ts";
import { executeSystem } from "../hart/system.ts";
import type { Hart } from "../hart/hart.ts";
import { FLOAT_OPERATIONS, SYSTEM_KINDS } from "../isa/ops.ts";
import { INSTRUCTIONS } from "../isa/table.ts";
import type { PhysicalMemory } from "../mmu/physical.ts";
import type { CodeCache } from "./code-cache.ts";
import {
  BUDGET_LEFT, CUR, DATA_SET, ENTRY, Emitter, FIELDS, FLOATING, IP, NEXT, OWN_LOCALS, PAGE, RECORDS, SHARED_LOCALS, SLOT_SHIFT, STATUS, ZERO, addressOf,
  fastFloats, functionIndices, helper, imports, tlbIndex, type Helper,
} from "./emitter.ts";
import { Fetcher, type Engine } from "./engine.ts";
import { operate } from "./float-operation.ts";
import { FLOATS, IN_PAGE, OPCODE, PLAIN } from "./opcodes.ts";
import { I32, block, br, brTable, call, cases, encodeModule, i32, i64, ifElse, leave, local, loop, type Code, type DefinedFunction } from "./wasm/encoder.ts";

/** Code of operation `op`, which stands `inner` blocks inside the inner loop. */
function operation(op: number, base: number, inner: number, fast: ReadonlyMap<string, number>): Code {
  const outer = inner + 1;
  const uncount = local.set(BUDGET_LEFT, i32.add(local.get(BUDGET_LEFT), i32.const(1)));
  if (op === OPCODE.undecoded) {
    return [...uncount, ...local.set(IP, local.get(CUR)), ...local.set(STATUS, helper("decode", local.get(RECORDS), local.get(CUR))), ...br(inner)];
  }
  if (op === OPCODE.pageEnd) {
    return [...uncount, ...local.set(NEXT, addressOf(local.get(CUR))), ...br(outer)];
  }
  if (op === OPCODE.alone) {
    return [...uncount, ...local.set(NEXT, addressOf(local.get(CUR))), ...enterPage(base, "single", outer), ...br(inner)];
  }
  if (op === OPCODE.firstFloat) return callFloating(base, inner);
  const inPage = op >= OPCODE.firstInPage;
  const number = inPage ? IN_PAGE[op - OPCODE.firstInPage]! : PLAIN[op - OPCODE.first]!;
  const e = new Emitter(base, inPage, outer, fast);
  INSTRUCTIONS[number]!.semantics(e, FIELDS);
  e.emit(br(inner));
  return e.code;
}

/** Every floating-point instruction: the budget comes back through memory, and NEXT, when the result is not 0, through PC. */
function callFloating(base: number, inner: number): Code {
  return [
    ...local.set(STATUS, call(FLOATING, ...SHARED_LOCALS.map((_, i) => local.get(i)))),
    ...local.set(BUDGET_LEFT, i32.load(ZERO, base + BUDGET)),
    ...ifElse(local.get(STATUS), [...local.set(NEXT, i64.load(ZERO, base + PC)), ...br(inner + 2)]),
    ...br(inner),
  ];
}

/** The function that carries out the floating-point instruction at CUR: 0, or 1 when the page is to be left. */
function floating(base: number, fast: ReadonlyMap<string, number>): DefinedFunction {
  const n = FLOATS.length + 1;
  const bodies = Array.from({ length: n }, (_, i) => {
    const inner = n - 1 - i;
    const e = new Emitter(base, false, inner + 1, fast);
    const number = FLOATS[i];
    if (number === undefined) e.refuse();
    else INSTRUCTIONS[number]!.semantics(e, FIELDS);
    e.emit(br(inner));
    return e.code;
  });
  const keepBudget = i32.store(ZERO, local.get(BUDGET_LEFT), base + BUDGET);
  const index = i32.sub(i32.load16u(local.get(CUR), RECORD.op), i32.const(OPCODE.firstFloat));
  return {
    name: "floating", signature: { parameters: SHARED_LOCALS, results: [I32] }, locals: OWN_LOCALS,
    body: [
      ...block([...block(cases(brTable(index, n), bodies)), ...keepBudget, ...leave(i32.const(0))]),
      ...i64.store(ZERO, local.get(NEXT), base + PC), ...keepBudget, ...i32.const(1),
    ],
  };
}

/** Ask for the decoded code at NEXT and set RECORDS, PAGE and IP; after an exception start again at `outer`. */
function enterPage(base: number, by: "fetch" | "single", outer: number): Code {
  return [
    ...i64.store(ZERO, local.get(NEXT), base + PC),
    ...i32.store(ZERO, local.get(BUDGET_LEFT), base + BUDGET),
    ...local.set(RECORDS, helper(by)),
    ...local.set(BUDGET_LEFT, i32.load(ZERO, base + BUDGET)),
    ...ifElse(i32.eqz(local.get(RECORDS)), [
      ...local.set(NEXT, i64.load(ZERO, base + PC)),
      ...br(outer + 1),
    ]),
    ...ifElse(i32.eq(local.get(RECORDS), i32.const(base + CROSS_RECORD)), local.set(PAGE, local.get(NEXT)),
      local.set(PAGE, i64.and(local.get(NEXT), i64.const(-4096)))),
    ...setIp(),
  ];
}

/** IP from NEXT, PAGE and RECORDS. */
const setIp = (): Code =>
  local.set(IP, i32.add(local.get(RECORDS), i32.shl(i32.wrap(i64.sub(local.get(NEXT), local.get(PAGE))), SLOT_SHIFT)));

/** The body: an outer loop that finds the page of NEXT, an inner one that runs records. */
function body(base: number, fast: ReadonlyMap<string, number>): Code {
  const n = OPCODE.firstFloat + 1; // the last one for all of floating point
  const exit = [...i64.store(ZERO, local.get(NEXT), base + PC), ...i32.store(ZERO, local.get(BUDGET_LEFT), base + BUDGET), ...leave()];
  const dispatch = cases(brTable(i32.load16u(local.get(CUR), RECORD.op), n), Array.from({ length: n }, (_, op) => operation(op, base, n - 1 - op, fast)));
  const inner = loop([
    ...ifElse(i32.eqz(local.get(BUDGET_LEFT)), [...local.set(NEXT, addressOf(local.get(IP))), ...exit]),
    ...local.set(CUR, local.get(IP)),
    ...local.set(IP, i32.add(local.get(IP), i32.load16u(local.get(CUR), RECORD.delta))),
    ...local.set(BUDGET_LEFT, i32.sub(local.get(BUDGET_LEFT), i32.const(1))),
    ...dispatch,
  ]);
  const lookUp: Code = [
    ...local.set(DATA_SET, i32.load(ZERO, base + TLB_DATA)),
    ...local.set(ENTRY, tlbIndex(local.get(NEXT), i32.load(ZERO, base + TLB_FETCH))),
    ...local.set(PAGE, i64.and(local.get(NEXT), i64.const(-4096))),
    ...ifElse(i64.eq(i64.load(local.get(ENTRY), TLB_X), local.get(PAGE)),
      [...local.set(RECORDS, i32.load(local.get(ENTRY), TLB_X + 8)), ...setIp()],
      enterPage(base, "fetch", 1)),
  ];
  return [
    ...local.set(NEXT, i64.load(ZERO, base + PC)),
    ...local.set(BUDGET_LEFT, i32.load(ZERO, base + BUDGET)),
    ...loop([...ifElse(i32.eqz(local.get(BUDGET_LEFT)), exit), ...lookUp, ...inner, ...br(0)]),
  ];
}

/** The interpreter's module for the hart whose block starts at `base`, in a memory of `pages` × 64 KiB. */
export function emitInterpreter(base: number, pages: number): Uint8Array<ArrayBuffer> {
  const floats = fastFloats(base);
  const fast = functionIndices(floats);
  return encodeModule({
    imports, memoryPages: pages, name: "run", signature: { parameters: [], results: [] }, locals: [...SHARED_LOCALS, ...OWN_LOCALS],
    body: body(base, fast), others: [floating(base, fast), ...floats],
  });
}

/** Modules made so far, by hart block and memory size: machines of one process share them, and the code V8 optimised. */
const modules = new Map<string, WebAssembly.Module>();

function moduleFor(base: number, pages: number): WebAssembly.Module {
  const key = `${base} ${pages}`;
  let module = modules.get(key);
  if (module === undefined) modules.set(key, (module = new WebAssembly.Module(emitInterpreter(base, pages))));
  return module;
}

export class Interpreter implements Engine {
  /** The emitted function. V8 swaps in optimised code only when it is called again, so the machine grants short slices. */
  readonly run: () => void;

  /** `wasm` is the machine's memory; `memory` wraps it. */
  constructor(hart: Hart, memory: PhysicalMemory, code: CodeCache, wasm: WebAssembly.Memory) {
    const fetcher = new Fetcher(hart, memory, code);
    const { mmu } = hart;
    const env: Record<Helper, (...args: number[]) => number> = {
      fetch: () => fetcher.page(),
      single: () => fetcher.single(),
      decode: (page, at) => {
        code.decodeAt(page!, at!);
        return 0;
      },
      load: (size) => mmu.load(size!),
      store: (size) => mmu.store(size!),
      amo: (size) => mmu.loadForAmo(size!),
      lr: (size) => mmu.loadReserved(size!),
      sc: (size) => mmu.storeConditional(size!),
      system: (kind, word) => executeSystem(hart, SYSTEM_KINDS[kind!]!, word!),
      refuse: () => fetcher.refuse(),
    };
    const float = (operation: number, rm: number, a: bigint, b: bigint, c: bigint): bigint =>
      operate(hart, FLOAT_OPERATIONS[operation]!, rm, a, b, c);
    const instance = new WebAssembly.Instance(moduleFor(hart.base, memory.plan.totalBytes / 65536), { env: { memory: wasm, ...env, float } });
    this.run = instance.exports["run"] as () => void;
  }
}
