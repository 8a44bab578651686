// The demos do what they say, and the dynamic linker passes its own tests, on our machine and on QEMU.
import { describe, expect, test } from "vitest";
import { haveQemu, runCommand, runOnQemu } from "./support.ts";

/** Commands, and what they must print. Numbers that depend on the machine's other work are left open. */
const DEMOS: readonly (readonly [command: string, ...says: RegExp[]])[] = [
  ["song", /35 letters changed/, /A pAge lAy in A fAr-off file,/],
  ["sumbss", /65536 numbers read into bss/, /^sum 2147516416$/m, /128 zero-filled/],
  ["sumheap numbers", /65536 numbers read onto the heap/, /^sum 2147516416$/m],
  ["sumbss.dyn", /^sum 2147516416$/m, /128 zero-filled/],
  ["sumheap.dyn numbers", /^sum 2147516416$/m],
  ["ldd sumheap.dyn", /libsum\.so => \/lib\/libsum\.so \(0x/, /libc\.so => \/lib\/libc\.so \(0x/],
  ["/lib/ld.so --trace sumbss.dyn", /sumbss\.dyn calls sum for the first time: found in \/lib\/libsum\.so at 0x/, /^sum 2147516416$/m],
  ["pstore; pstore", /created: 4096 objects, 64 pages written/, /11 of 64 pages were brought in/, /2 pages are dirty, and commit writes 2/, /visited 2 times/],
  ["gc", /20 old pages stored to, by 20 barrier faults/, /as it should: yes/],
  ["checkpoint", /snapshot of step 7 wakes up and goes on/, /the results are equal/],
  ["watchvar", /3 stores to the variable, 24 to other places/],
  ["overflow", /round 2: \d{4} calls deep, 8\d{3} KiB of stack, and still alive/],
  ["nullptr", /address 0x4e20, nothing is mapped there/, /mapping page 0 on purpose: invalid argument/, /status -1/],
  ["cowdemo", /2048 zero-filled/, /512 copied/, /512 taken over/],
  ["lazydemo", /82 zero-filled/, /0 of 8192 pages are in memory/, /16 pages filled: 16 are in memory/, /MADV_DONTNEED: 0; they read as 0 again/],
  ["swapdemo 4", /^0 pages with a wrong content$/m],
];

describe.each([1, 4])("on %i hart(s)", (harts) => {
  for (const [command, ...says] of DEMOS) {
    test(command, { timeout: 120_000 }, async () => {
      const { stop, text } = await runCommand(command, { harts });
      for (const line of says) expect(text.replace(/\r/g, "")).toMatch(line);
      expect(stop).toEqual({ reason: "poweroff", code: 0 });
    });
  }

  test("dyntest: the dynamic linker", { timeout: 120_000 }, async () => {
    const { stop, text } = await runCommand("dyntest; vmcheck", { harts });
    expect(text).not.toMatch(/^not ok/m);
    expect(text).toContain("1..31");
    expect(stop).toEqual({ reason: "poweroff", code: 0 });
  });
});

test.skipIf(!haveQemu)("all of them on QEMU", { timeout: 300_000 }, () => {
  const { status, text } = runOnQemu(`dyntest; ${DEMOS.map(([command]) => command).join("; ")}; vmcheck`, { harts: 4 });
  expect(text).not.toMatch(/^not ok/m);
  for (const [, ...says] of DEMOS) for (const line of says) expect(text.replace(/\r/g, "")).toMatch(line);
  expect(status).toBe(0);
});
