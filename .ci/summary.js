// node .ci/summary.js REPORT STATUS: the closing line from vitest's JSON report, and the exit status that goes with it.
import { readFileSync } from "node:fs";

const [, , path, runnerStatus] = process.argv;
let report;
try {
  report = JSON.parse(readFileSync(path, "utf8"));
} catch {
  console.log(`the test runner ended with status ${runnerStatus} and left no report`);
  process.exit(1);
}

const tests = report.testResults.flatMap((file) => file.assertionResults);
const count = (...states) => tests.filter((test) => states.includes(test.status)).length;
// A file that could not even be loaded, or whose hooks failed, is a failure although none of its tests ran.
const broken = report.testResults.filter((file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"));
for (const file of broken) console.log(`failed as a whole: ${file.name}`);

const passed = count("passed");
const failed = count("failed") + broken.length;
const skipped = tests.length - passed - count("failed");
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exit(failed === 0 && passed > 0 && runnerStatus === "0" ? 0 : 1);
