// How `npm test` runs: one configuration, several named projects (npx vitest run --project unit).
//
// unit           small and quick; also x.test.ts beside any source
// guest          the real kernel booted headless, user programs run inside it
// differential   engines against each other on random programs, and against QEMU
// e2e            the program as a person meets it: the command line, a pseudo-terminal
import { defineConfig } from "vitest/config";

const minutes = (n: number): number => n * 60_000;

export default defineConfig({
  test: {
    // Each worker may hold a whole machine (128 MiB and more), and CI has two cores.
    maxWorkers: 2,
    pool: "forks",
    restoreMocks: true,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts", "emulator/**/*.test.ts", "scripts/**/*.test.ts"],
          testTimeout: minutes(1),
        },
      },
      { extends: true, test: { name: "guest", include: ["test/guest/**/*.test.ts"], testTimeout: minutes(5), hookTimeout: minutes(2) } },
      {
        extends: true,
        test: { name: "differential", include: ["test/differential/**/*.test.ts"], testTimeout: minutes(5), hookTimeout: minutes(2) },
      },
      { extends: true, test: { name: "e2e", include: ["test/e2e/**/*.test.ts"], testTimeout: minutes(2), hookTimeout: minutes(2) } },
    ],
  },
});
