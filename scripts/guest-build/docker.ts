// The last resort when no compiler is installed: the pinned toolchain in the Docker image that the Dockerfile describes.
import { spawnSync } from "node:child_process";
import { BuildError } from "./jobs.ts";

/** The image's name; `docker build --target toolchain` makes it. */
export const IMAGE = "pagewalk-toolchain";

/** Whether a Docker engine answers (the client alone is no use). */
export function dockerThere(): boolean {
  return spawnSync("docker", ["version", "--format", "{{.Server.Version}}"], { stdio: "ignore", timeout: 20_000 }).status === 0;
}

/** Runs docker with the person seeing its output; throws BuildError when it fails. */
function docker(args: string[]): void {
  const result = spawnSync("docker", args, { stdio: "inherit" });
  if (result.status !== 0) throw new BuildError(`docker ${args[0]!} failed`);
}

/** Runs this same script with `args` inside the image (made first where it is missing), on the checkout at `root`. */
export function buildInDocker(root: string, args: readonly string[], say: (line: string) => void): void {
  if (spawnSync("docker", ["image", "inspect", IMAGE], { stdio: "ignore" }).status !== 0) {
    say(`making the Docker image ${IMAGE} (once)`);
    docker(["build", "--target", "toolchain", "--tag", IMAGE, root]);
  }
  // The files that the build writes belong to the person, not to root, on hosts that have such owners.
  const owner = process.getuid !== undefined ? ["--user", `${process.getuid()}:${process.getgid!()}`] : [];
  docker(["run", "--rm", ...owner, "--volume", `${root}:/pagewalk`, "--workdir", "/pagewalk", IMAGE, ...args]);
}
