// scripts/fs/layout.ts says the same as the header that kernel and user programs read: guest-kernel/include/abi/fs.h.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as layout from "../../../scripts/fs/layout.ts";

const header = readFileSync(new URL("../../../guest-kernel/include/abi/fs.h", import.meta.url), "utf8").replace(/\/\/.*$/gm, "");
const stat = readFileSync(new URL("../../../guest-kernel/include/abi/stat.h", import.meta.url), "utf8");

/** Every `#define NAME expression` without parameters, worked out. */
function definesOf(text: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const [, name, expression] of text.matchAll(/^#define\s+(\w+)[ \t]+([^\n]+)$/gm)) {
    const spelled = expression!
      .replace(/\/\*.*?\*\//g, "")
      .replace(/(?<=[0-9a-f])UL?\b/gi, "")
      .replace(/\b[A-Za-z_]\w*/g, (word) => String(values.get(word) ?? word));
    if (!/^[\s0-9a-fx+*/()-]+$/i.test(spelled)) continue;
    values.set(name!, Function(`"use strict"; return (${spelled});`)() as number);
  }
  return values;
}

/** The fields of a struct in order: name, bytes of one element, elements. */
function fieldsOf(struct: string): { name: string; size: number; count: number }[] {
  const body = new RegExp(`struct ${struct} \\{([^}]*)\\}`).exec(header)![1]!;
  const sizes: Record<string, number> = { "unsigned int": 4, short: 2, "unsigned short": 2, char: 1 };
  const defines = definesOf(header);
  return [...body.matchAll(/^\s*((?:unsigned )?\w+)\s+(\w+)(?:\[([^\]]+)\])?;/gm)].map(([, type, name, count]) => ({
    name: name!,
    size: sizes[type!]!,
    count: count === undefined ? 1 : (Function(`return (${count.replace(/[A-Z]\w*/g, (word) => String(defines.get(word)))});`)() as number),
  }));
}

test("constants of abi/fs.h and abi/stat.h", () => {
  const defines = new Map([...definesOf(header), ...definesOf(stat)]);
  const disk = ["BSIZE", "ROOTINO", "FSMAGIC", "FSVERSION", "IPB", "BPB", "DIRSIZ", "LOGMAGIC", "LOGBLOCKS", "LOGMIN"] as const;
  const files = ["NDIRECT", "NINDIRECT", "NDINDIRECT", "MAXFILE", "MAXFILESIZE", "T_DIR", "T_FILE", "T_DEVICE"] as const;
  for (const name of [...disk, ...files]) {
    expect(defines.get(name), name).toBe(layout[name]);
  }
});

test("the superblock's fields, in order", () => {
  const fields = fieldsOf("superblock").filter((field) => field.name !== "pad");
  expect(fields.every((field) => field.size === 4 && field.count === 1)).toBe(true);
  expect(fields.map((field) => field.name)).toEqual(layout.SUPERBLOCK_FIELDS);
});

test("sizes of inode, directory entry and journal header", () => {
  const bytes = (struct: string): number => fieldsOf(struct).reduce((sum, field) => sum + field.size * field.count, 0);
  expect(bytes("dinode")).toBe(layout.DINODE_SIZE);
  expect(bytes("dirent")).toBe(layout.DIRENT_SIZE);
  expect(bytes("logheader")).toBe(layout.BSIZE);
  expect(fieldsOf("dinode").map((field) => field.name)).toEqual(["type", "major", "minor", "nlink", "size", "addrs"]);
});
