// Two machines, one guest: the reference and another engine in lockstep, compared after each chunk of steps.

import { disassemble } from "../../emulator/isa/disassemble.ts";
import type { EngineName, Machine } from "../../emulator/index.ts";
import { randomGuest } from "./guest.ts";
import { Random } from "./random.ts";
import { machineWith } from "./rig.ts";

export interface LockstepOptions {
  /** Steps of each guest. */
  readonly steps: number;
  readonly engine?: EngineName;
}

/** What tells two machines apart at a glance: time, and each hart's pc, privilege, registers and floating-point state. Cheap, unlike stateHash. */
export function glance(m: Machine): string {
  const parts = [`time ${m.now} steps ${m.steps}`];
  for (const h of m.harts) {
    const { pc, x, privilege } = m.inspect.registers(h.id);
    const f = m.inspect.floatRegisters(h.id);
    parts.push(`hart ${h.id}${h.waiting ? " waits" : ""} mode ${privilege} pc ${pc.toString(16)} traps ${h.traps} x ${x.map((v) => v.toString(16)).join(" ")} f ${f.map((v) => v.toString(16)).join(" ")} fcsr ${m.inspect.csr(h.id, "fcsr").toString(16)} FS ${(m.inspect.csr(h.id, "mstatus") >> 13n) & 3n}`);
  }
  return parts.join("\n");
}

/** Run one random guest on both; undefined when they agree, else what differs and where. */
export async function lockstep(seed: number, { steps, engine = "interpreter" }: LockstepOptions): Promise<string | undefined> {
  const apart = await compare(seed, steps, engine, false);
  if (apart === undefined) return undefined;
  return `seed ${seed}: ${(await compare(seed, steps, engine, true)) ?? `${apart}\n(not when stepped one by one)`}`;
}

/** Compare in random chunks, or (`single`) after every step and with the whole state, to find the first that differs. */
async function compare(seed: number, steps: number, engine: EngineName, single: boolean): Promise<string | undefined> {
  const r = new Random(seed);
  const harts = r.pick([1, 1, 1, 2, 3]);
  const adUpdate = r.oneIn(3) ? "fault" : "hardware";
  const image = randomGuest(r, { harts });
  const pair: [Machine, Machine] = [await machineWith("reference", image, { harts, adUpdate }), await machineWith(engine, image, { harts, adUpdate })];
  for (let chunks = 0; pair[0].steps < steps; chunks++) {
    const before = glance(pair[0]);
    const where = pair[0].harts[pair[0].round.turn]!.id;
    const next = whatIsNext(pair[0], where);
    const size = single ? 1 : r.pick([1, r.between(1, 8), r.between(1, 100), r.between(1, 1000)]);
    const stops = pair.map((m) => m.run(size));
    const [a, b] = pair.map(glance);
    const whole = single || chunks % 16 === 15 || pair[0].steps >= steps;
    if (a !== b || JSON.stringify(stops[0]) !== JSON.stringify(stops[1]) || (whole && pair[0].stateHash() !== pair[1].stateHash())) {
      return `states differ after ${pair[0].steps} steps (chunk of ${size}); hart ${where} was at ${next}\nbefore:\n${before}\nreference ${JSON.stringify(stops[0])}:\n${a}\n${engine} ${JSON.stringify(stops[1])}:\n${b}`;
    }
    const stop = stops[0]!;
    if (stop.reason === "idle") {
      if (stop.wakeAt === Infinity) break;
      for (const m of pair) m.skipTo(stop.wakeAt);
    } else if (stop.reason !== "budget") break;
  }
  return undefined;
}

function whatIsNext(m: Machine, hart: number): string {
  const { pc } = m.inspect.registers(hart);
  const bytes = m.inspect.virtual(hart, pc, 4, 2) ?? m.inspect.virtual(hart, pc, 2, 2);
  if (bytes === undefined) return `${pc.toString(16)}, which cannot be fetched`;
  const low = bytes[0]! | (bytes[1]! << 8);
  const word = (low & 3) === 3 ? low | ((bytes[2] ?? 0) << 16) | ((bytes[3] ?? 0) << 24) : low;
  return `${pc.toString(16)}: ${(word >>> 0).toString(16)} ${disassemble(word, pc).text}`;
}
