// The entry of the command `pagewalk` (npm start): runs it, prints its error, ends the process with its status.
import { INTERNAL_STATUS, USAGE_STATUS, UsageError } from "./errors.ts";
import { program } from "./program.ts";

/** Resolves when what was written before has left the process (or nobody wants it any more). */
const written = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => {
    if (stream.destroyed) resolve();
    else stream.write("", () => resolve());
  });

let status: number;
try {
  status = await program(process.argv.slice(2));
} catch (e) {
  const known = e instanceof UsageError;
  const text = known ? e.message.replaceAll("\n", " ") : `internal error: ${e instanceof Error ? e.stack : String(e)}`;
  process.stderr.write(`pagewalk: ${text}\n`);
  status = known ? USAGE_STATUS : INTERNAL_STATUS;
}
await Promise.all([written(process.stdout), written(process.stderr)]);
process.exit(status);
