// Each engine against the reference, in lockstep on random guests. `npx tsx scripts/fuzz.ts SEED COUNT` runs more.

import { expect, test } from "vitest";
import { lockstep } from "../support/lockstep.ts";

const GUESTS = 400;
const PART = 100;

for (let first = 0; first < GUESTS; first += PART) {
  test(`random guests ${first} to ${first + PART - 1}: the interpreter does what the reference does`, async () => {
    for (let seed = first; seed < first + PART; seed++) expect(await lockstep(seed, { steps: 2500 })).toBeUndefined();
  });
}
