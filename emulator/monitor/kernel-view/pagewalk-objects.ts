// Our kernel's objects and pages (guest-kernel/include/vm.h): chains, where a page is, and who may see it.

import { count, hex } from "../format.ts";
import { Value } from "../symbols/value.ts";
import type { KernelMemory } from "./kernel-memory.ts";
import type { Counted, MapView, ObjectBooks, ObjectView, PageView } from "./kernel-view.ts";

/** Chains and trees of objects are followed so far. */
const DEEPEST = 64;
const MOST_VIEWERS = 4096;

const PAGE_FLAGS = ["busy", "dirty", "referenced", "being written", "charged", "disk error", "also on swap", "doomed"] as const;
/** Names of the bits of vm_page.flags that are set. */
export const pageFlags = (flags: number): string[] => PAGE_FLAGS.filter((_, i) => ((flags >> i) & 1) !== 0);

/** The file behind an object, in words. */
export function fileName(k: KernelMemory, o: Value): string | undefined {
  const data = o.field("pager_data");
  if (o.field("pager").isNull || data.isNull) return undefined;
  const type = k.type("struct inode");
  if (type === undefined) return "file";
  return k.attempt("a file's object", "file", () => `file of inode ${Value.at(type, data.big(), k.read).field("inum").number()}`);
}

/** An object, and those behind it. */
export function objectView(k: KernelMemory, o: Value, depth = 0): ObjectView {
  const file = fileName(k, o);
  const shadow = o.field("shadow");
  return {
    address: o.address!, kind: file === undefined ? "anonymous" : "file", file,
    pages: o.field("size").number(), resident: o.field("resident").number(), swapped: o.field("swapped").number(), references: o.field("ref_count").number(),
    ...(shadow.isNull || depth >= DEEPEST ? {} : { shadow: objectView(k, shadow.deref(), depth + 1), shadowOffset: o.field("shadow_offset").number() }),
  };
}

/** The object's own page at an offset, by its tree. */
function pageOf(o: Value, offset: number): Value | undefined {
  const seen = new Set<bigint>();
  let at = o.field("root");
  while (!at.isNull && !seen.has(at.big())) {
    seen.add(at.big());
    const page = at.deref();
    const here = page.field("offset").number();
    if (here === offset) return page;
    at = page.field(offset < here ? "left" : "right");
  }
  return undefined;
}

/** Number of the swap slot of an object's page; 0 for none. Found as the kernel finds it, by its hash (head_of in vm_slots.c). */
export function slotOf(k: KernelMemory, o: Value, offset: number): number {
  const swap = k.global("swap");
  if (swap === undefined || o.field("slots").number() === 0) return 0;
  let hash = Math.imul(Number((o.address! >> 4n) & 0xffffffffn), 0x9e3779b1) ^ Math.imul(offset, 0x85ebca6b);
  hash = (hash ^ (hash >>> 15)) & swap.field("hash_mask").number();
  const table = swap.field("table");
  const perPage = Math.floor(4096 / table.at(0).at(0).type.size); // by the table: the disk driver has slots, too
  const seen = new Set<number>();
  for (let n = swap.field("heads").at(Math.floor(hash / HEADS)).at(hash % HEADS).number(); n !== 0 && !seen.has(n);) {
    seen.add(n);
    const slot = table.at(Math.floor(n / perPage)).at(n % perPage);
    if (slot.field("offset").number() === offset && slot.field("object").big() === o.address) return n;
    n = slot.field("hash_next").number();
  }
  return 0;
}

/** Heads of hash chains in a page of them. */
const HEADS = 4096 / 4;

/** Where the page of an entry at `va` is, whatever the page table shows. `pfnOf` gives the frame of a vm_page. */
export function pageView(k: KernelMemory, map: MapView, entry: Value, va: bigint, pfnOf: (page: Value) => number): PageView {
  const pointer = entry.field("object");
  if (pointer.isNull) return { map, flags: [], text: "nothing: the entry has no object" };
  let o = pointer.deref();
  let offset = entry.field("offset").number() + Number((va - map.start) / 4096n);
  for (let depth = 0; depth < DEEPEST; depth++) {
    const behind = depth === 0 ? "" : `, ${count(depth)} behind the entry's own`;
    const found = { map, depth, object: objectView(k, o), offset };
    const page = pageOf(o, offset);
    if (page !== undefined) {
      const pfn = pfnOf(page);
      const flags = pageFlags(page.field("flags").number());
      return { ...found, pfn, flags, text: [`frame ${hex(pfn)}, page ${count(offset)} of object ${hex(o.address!)}${behind}`, ...flags].join(", ") };
    }
    const slot = slotOf(k, o, offset);
    if (slot !== 0) return { ...found, slot, flags: [], text: `swap slot ${count(slot)}, page ${count(offset)} of object ${hex(o.address!)}${behind}` };
    const file = fileName(k, o);
    if (file !== undefined) {
      const within = offset < o.field("size").number();
      return { ...found, flags: [], text: within ? `page ${count(offset)} of ${file}, not in memory` : `beyond the end of ${file}` };
    }
    if (o.field("shadow").isNull || BigInt(offset) >= o.field("shadow_limit").big()) break;
    offset += o.field("shadow_offset").number();
    o = o.field("shadow").deref();
  }
  return { map, flags: [], text: "not yet anywhere: the first touch gives a page of zeros" };
}

/** Entries that may show page `offset` of an object, through shadow objects too: entry and address. */
export function viewersOf(k: KernelMemory, o: Value, offset: number): { entry: Value; va: bigint }[] {
  const found: { entry: Value; va: bigint }[] = [];
  const seen = new Set<bigint>();
  const visit = (at: Value, page: number, depth: number): void => {
    if (depth > DEEPEST || seen.has(at.address!) || found.length >= MOST_VIEWERS) return;
    seen.add(at.address!);
    for (const entry of k.list("an object's entries", at.field("entries"), "object_next")) {
      const first = entry.field("offset").number();
      const va = entry.field("start").big() + BigInt(page - first) * 4096n;
      if (page >= first && va < entry.field("end").big()) found.push({ entry, va });
    }
    for (const front of k.list("an object's shadows", at.field("shadowed_by"), "sibling_next")) {
      const there = page - front.field("shadow_offset").number();
      if (there >= 0 && BigInt(there) < front.field("shadow_limit").big() && pageOf(front, there) === undefined && slotOf(k, front, there) === 0) visit(front, there, depth + 1);
    }
  };
  visit(o, offset, 0);
  return found;
}

/** How many items a list has. */
export function lengthOf(k: KernelMemory, what: string, first: Value, next: string): number {
  let n = 0;
  for (const _ of k.list(what, first, next)) n++;
  return n;
}

/** How often an object says that it is referred to, against its lists. */
function references(k: KernelMemory, o: Value): Counted {
  const entries = lengthOf(k, "an object's entries", o.field("entries"), "object_next");
  const shadows = lengthOf(k, "an object's shadows", o.field("shadowed_by"), "sibling_next");
  const file = !o.field("pager").isNull; // who reads or writes a file holds a reference meanwhile
  return { what: "references to the object", claimed: o.field("ref_count").number(), found: entries + shadows + o.field("named").number(), open: file };
}

/** An object's own numbers against its lists. */
export function objectChecks(k: KernelMemory, o: Value): Counted[] {
  return [references(k, o), { what: "pages of the object in memory", claimed: o.field("resident").number(), found: lengthOf(k, "an object's pages", o.field("pages"), "list_next") }];
}

/** The books of an object. `pids` tells whose each map is. */
export function objectBooks(k: KernelMemory, o: Value, pids: () => ReadonlyMap<bigint, number>): ObjectBooks {
  const count = o.field("ref_count");
  const behind = o.field("shadow");
  return {
    address: o.address!, busy: o.field("lock").deref().field("locked").number() !== 0, references: references(k, o),
    countAt: Number(count.address!), countSize: count.type.size, behind: behind.isNull ? undefined : behind.big(),
    users: () => usersOf(k, o, pids()),
  };
}

function usersOf(k: KernelMemory, o: Value, pids: ReadonlyMap<bigint, number>): string[] {
  const users: string[] = [];
  for (const e of k.list("an object's entries", o.field("entries"), "object_next")) {
    const pid = pids.get(e.field("map").big());
    users.push(`${pid === undefined ? "a map of no process" : `pid ${pid}`} at ${hex(e.field("start").big())}`);
  }
  for (const s of k.list("an object's shadows", o.field("shadowed_by"), "sibling_next")) users.push(`its copy ${hex(s.address!)}`);
  return users;
}
