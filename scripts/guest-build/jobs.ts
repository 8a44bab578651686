// Running compilers: several at a time, each one's output kept together and shown whole.
import { spawn } from "node:child_process";

/** A command line and where its words (warnings, errors) belong. */
export interface Job {
  readonly argv: readonly string[];
  /** What it is about, for messages: usually the source file. */
  readonly subject: string;
}

/** The sources did not build. Everything that the tools said has been shown already. */
export class BuildError extends Error {}

interface Outcome {
  readonly job: Job;
  readonly ok: boolean;
  readonly said: string;
}

function runOne(job: Job, cwd: string): Promise<Outcome> {
  return new Promise((resolve) => {
    // LC_ALL: messages, and with them what tests and people compare, in one language.
    const child = spawn(job.argv[0]!, job.argv.slice(1), { cwd, env: { ...process.env, LC_ALL: "C" }, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    child.on("error", (error) => {
      resolve({ job, ok: false, said: `${job.argv[0]!}: ${error.message}\n` });
    });
    child.on("close", (code, signal) => {
      const ending = signal !== null ? `${job.argv[0]!} was ended by ${signal}\n` : "";
      resolve({ job, ok: code === 0, said: said + ending });
    });
  });
}

/**
 * Runs all jobs, `parallel` at a time, with `cwd` as working folder. Keeps going after an error, so that one run shows every file's errors.
 * `show` gets each tool's words whole, in the order of `jobs`. Throws BuildError, naming what failed, when any failed.
 */
export async function runJobs(jobs: readonly Job[], cwd: string, parallel: number, show: (text: string) => void): Promise<void> {
  const outcomes: Outcome[] = new Array<Outcome>(jobs.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < jobs.length) {
      const mine = next++;
      outcomes[mine] = await runOne(jobs[mine]!, cwd);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(parallel, jobs.length)) }, worker));
  for (const { said } of outcomes) if (said !== "") show(said.endsWith("\n") ? said : `${said}\n`);
  const failed = outcomes.filter((outcome) => !outcome.ok).map((outcome) => outcome.job.subject);
  if (failed.length > 0) throw new BuildError(`${failed.length === 1 ? "one step" : `${failed.length} steps`} failed: ${failed.join(", ")}`);
}
