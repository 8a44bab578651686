// Instructions as a debug client shows them: so many from an address on, also backwards.

import type { DebugProtocol as P } from "@vscode/debugprotocol";
import type { Look, Space } from "../monitor/look.ts";
import type { Monitor } from "../monitor/monitor.ts";

/** Instructions in one answer. */
const MOST = 2000;
/** How far (bytes) before an address decoding may begin to get in step, where no function is known. */
const FAR = 256;

type Instruction = NonNullable<ReturnType<Look["instruction"]>>;

/** `count` instructions, the first being `offset` instructions from the one at `address`. */
export function disassembly(monitor: Monitor, space: Space, address: bigint, offset: number, count: number): P.DisassembledInstruction[] {
  const wanted = Math.max(0, Math.min(count, MOST));
  const before = offset < 0 ? instructionsBefore(monitor, space, address, Math.min(-offset, MOST)) : [];
  const missing = Math.max(0, -offset - before.length);
  const out: P.DisassembledInstruction[] = Array.from({ length: Math.min(missing, wanted) }, (_, i) => invalid(address - BigInt(2 * (missing + before.length - i))));
  for (const i of before.slice(0, wanted - out.length)) out.push(shown(monitor, space, i));
  let at = address;
  for (let skip = Math.min(offset, MOST); skip > 0; skip--) at += BigInt(monitor.look.instruction(space, at)?.length ?? 2);
  while (out.length < wanted) {
    const i = monitor.look.instruction(space, at);
    out.push(i === undefined ? invalid(at) : shown(monitor, space, i));
    at += BigInt(i?.length ?? 2);
  }
  return out;
}

/** The last `count` instructions before an address, decoded from the start of the function, or as far back as gets in step. */
function instructionsBefore(monitor: Monitor, space: Space, address: bigint, count: number): Instruction[] {
  const start = monitor.naming.function(address - 1n, space)?.start;
  for (let from = start ?? address - BigInt(FAR); from < address; from += 2n) {
    const found: Instruction[] = [];
    let at = from;
    while (at < address) {
      const i = monitor.look.instruction(space, at);
      if (i === undefined) break;
      found.push(i);
      at += BigInt(i.length);
    }
    if (at === address) return found.slice(-count);
  }
  return [];
}

const hex = (n: bigint): string => `0x${BigInt.asUintN(64, n).toString(16)}`;
const invalid = (at: bigint): P.DisassembledInstruction => ({ address: hex(at), instruction: "(nothing is mapped)", presentationHint: "invalid" });

function shown(monitor: Monitor, space: Space, i: Instruction): P.DisassembledInstruction {
  const name = monitor.naming.name(i.va, space);
  const target = i.target === undefined ? "" : monitor.naming.name(i.target, space);
  return { address: hex(i.va), instructionBytes: i.code, instruction: target === "" ? i.text : `${i.text} <${target}>`, ...(name === "" ? {} : { symbol: name }) };
}
