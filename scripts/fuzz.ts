// Random guests on the reference and the interpreter in lockstep, for as long as you like:
//
//     npx tsx scripts/fuzz.ts SEED COUNT [STEPS]
//
// Prints the first seed on which the engines differ, with the step and its instruction, and exits 1.

import { lockstep } from "../test/support/lockstep.ts";

const [seed, count, steps] = process.argv.slice(2).map(Number);
if (seed === undefined || count === undefined || !Number.isInteger(seed) || !Number.isInteger(count)) {
  console.error("usage: npx tsx scripts/fuzz.ts SEED COUNT [STEPS]");
  process.exit(2);
}
const began = Date.now();
for (let n = 0; n < count; n++) {
  const apart = await lockstep(seed + n, { steps: steps ?? 4000 });
  if (apart !== undefined) {
    console.error(apart);
    process.exit(1);
  }
  if ((n + 1) % 500 === 0) console.log(`${n + 1} guests, ${Math.round((Date.now() - began) / 1000)} s`);
}
console.log(`${count} guests from seed ${seed}: the engines agree`);
