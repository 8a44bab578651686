// The kernel's virtual memory, tested from inside the guest on four harts (apart from vmtests.test.ts, so that both run at a time).
import { expect, test } from "vitest";
import { failures, haveQemu, pagingImage, runOnQemu, vmtestsPass } from "./support.ts";

test.each([128, 16])("vmtests pass on 4 harts with %i MiB", async (megabytes) => {
  await vmtestsPass(4, megabytes);
});

test.skipIf(!haveQemu)("vmtests pass on QEMU with 4 harts and 16 MiB", () => {
  const { status, text } = runOnQemu("vmtests -q", { harts: 4, memory: 16, image: pagingImage() });
  expect(failures(text), text.slice(-3000)).toEqual([]);
  expect(status, text.slice(-3000)).toBe(0);
});
