// The kernel's virtual memory, tested from inside the guest on one hart, with much memory and with little.
import { test } from "vitest";
import { vmtestsPass } from "./support.ts";

test.each([128, 16])("vmtests pass on 1 hart with %i MiB", async (megabytes) => {
  await vmtestsPass(1, megabytes);
});
