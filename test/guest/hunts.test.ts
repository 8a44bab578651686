// The transcripts in docs/debugging-page-faults.md are true: each hunt is run again and must say the same, but for what
// every build moves. UPDATE=1 writes them anew.

import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HUNTS, transcript } from "./hunts.ts";
import { Planter, installedToolchain } from "./planted.ts";
import { steady } from "./why.ts";

const DOC = new URL("../../docs/debugging-page-faults.md", import.meta.url).pathname;
const toolchain = installedToolchain();
let planter: Planter | undefined;

beforeAll(async () => {
  if (toolchain !== undefined) planter = await Planter.make(toolchain);
}, 240_000);

afterAll(() => {
  planter?.close();
});

/** The transcript of a hunt in the document: a pattern with what is before, within and behind. */
const blockOf = (name: string): RegExp => new RegExp(`(<!-- hunt: ${name} -->\n\`\`\`text\n)([^]*?)(\n\`\`\`)`);

describe("docs/debugging-page-faults.md", () => {
  test.each(HUNTS.map((h) => [h.name, h] as const))("%s", async (name, h) => {
    const doc = readFileSync(DOC, "utf8");
    const written = blockOf(name).exec(doc)?.[2];
    expect(written, `the document has no transcript of ${name}`).toBeDefined();
    if (h.bug !== undefined && planter === undefined) return; // its kernel cannot be built here
    const said = await transcript(h, planter);
    if (process.env["UPDATE"] === "1") writeFileSync(DOC, doc.replace(blockOf(name), (_, before: string, __, after: string) => before + said + after));
    else expect(steady(written!)).toBe(steady(said));
  }, 60_000);

  test("has no transcript that nobody checks", () => {
    const found = [...readFileSync(DOC, "utf8").matchAll(/<!-- hunt: (\S+) -->/g)].map((x) => x[1]);
    expect(found).toEqual(HUNTS.map((h) => h.name));
  });
});
