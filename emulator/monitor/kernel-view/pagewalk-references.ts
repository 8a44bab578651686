// Our kernel's references to objects as its processes' maps show them: found from the outside, so that an object that
// was freed too early is found too, whatever stands in its memory by now.

import { Value } from "../symbols/value.ts";
import type { KernelMemory } from "./kernel-memory.ts";
import type { ShortObject } from "./kernel-view.ts";

/** Objects behind one that are looked at with it. */
const DEEPEST = 64;
/** Structures in one page of a slab, at most. */
const IN_PAGE = 512;

/** An entry of a process's map that refers to an object. */
interface User {
  readonly pid: number;
  readonly va: bigint;
  readonly entry: bigint;
  /** Physical address of its pointer to the object. */
  readonly pointerAt: number;
}

/** Whose address space a map is. */
export interface OwnedMap {
  readonly pid: number;
  readonly map: Value;
}

/** What else must be known. */
export interface Surroundings {
  /** The frame of a kernel address is free; or holds small structures (a slab). */
  isFree(address: bigint): boolean;
  isSlab(address: bigint): boolean;
  /** The structure of the hart whose own locks do not count: it stands in the middle of what it does for good. */
  readonly cpu: bigint;
}

/** The objects that these maps lead to and that count too few references, or are freed. */
export function shortObjects(k: KernelMemory, maps: readonly OwnedMap[], around: Surroundings): ShortObject[] {
  const type = k.type("struct vm_object");
  if (type === undefined) return [];
  const users = entriesByObject(k, maps);
  const found: ShortObject[] = [];
  const seen = new Set<bigint>();
  for (const first of users.keys()) {
    for (let at: bigint | undefined = first, depth = 0; at !== undefined && !seen.has(at) && depth < DEEPEST; depth++) {
      const address: bigint = at;
      seen.add(address);
      at = k.attempt("an object", undefined, () => {
        const o = Value.at(type, address, k.read);
        const short = judge(k, o, users.get(address) ?? [], around);
        if (short !== undefined) found.push(short);
        return short?.freed === true || o.field("shadow").isNull ? undefined : o.field("shadow").big();
      });
    }
  }
  return found;
}

/** All entries of these maps that have an object, by object. */
function entriesByObject(k: KernelMemory, maps: readonly OwnedMap[]): Map<bigint, User[]> {
  const users = new Map<bigint, User[]>();
  for (const { pid, map } of maps) {
    k.attempt(`the map of pid ${pid}`, undefined, () => {
      for (const e of k.list(`the map of pid ${pid}`, map.field("first"), "next")) {
        if (e.field("map").big() !== map.big()) break; // the map is being given back: its entries are others' by now
        const pointer = e.field("object");
        const object = pointer.big();
        if (object === 0n) continue;
        const list = users.get(object);
        const user = { pid, va: e.field("start").big(), entry: e.address!, pointerAt: Number(pointer.address!) };
        if (list === undefined) users.set(object, [user]);
        else list.push(user);
      }
    });
  }
  return users;
}

/** An object's count against those who refer to it; undefined when it is large enough, or somebody is changing it. */
function judge(k: KernelMemory, o: Value, users: readonly User[], around: Surroundings): ShortObject | undefined {
  const freed = wasFreed(k, o.address!, around);
  const entries = new Set(users.map((u) => u.entry));
  let [own, copies] = [0, 0];
  if (!freed) {
    const lock = o.field("lock").deref();
    if (lock.field("locked").number() !== 0 && lock.field("cpu").big() !== around.cpu) return undefined;
    for (const e of k.list("an object's entries", o.field("entries"), "object_next")) if (!entries.has(e.address!)) own++;
    for (const _ of k.list("an object's shadows", o.field("shadowed_by"), "sibling_next")) copies++;
    copies += o.field("named").number();
  }
  const count = o.field("ref_count");
  const references = { what: "references to the object", claimed: freed ? 0 : count.number(), found: users.length + own + copies };
  if (references.claimed >= references.found) return undefined;
  return { address: o.address!, freed, references, countAt: Number(count.address!), countSize: count.type.size, users };
}

/** Has an object's structure been given back? Then its slab's list of free structures has it, or its frame is free. */
function wasFreed(k: KernelMemory, address: bigint, around: Surroundings): boolean {
  if (around.isFree(address)) return true;
  const slab = k.type("struct slab");
  if (slab === undefined || !around.isSlab(address)) return false;
  const page = address & ~4095n;
  let free = Value.at(slab, page, k.read).field("free").big();
  for (let n = 0; n < IN_PAGE && free >= page && free < page + 4096n; n++) {
    if (free === address) return true;
    const next = k.read(free, 8);
    free = next === undefined ? 0n : new DataView(next.buffer, next.byteOffset, 8).getBigUint64(0, true);
  }
  return false;
}
