// What is on the disk that a plain start gets: every user program, and a README.
import { ImageError } from "./fs/layout.ts";
import type { SourceFile } from "./fs/filesystem.ts";
import { type Program, userPrograms } from "./guest-files.ts";

const README = `This disk belongs to Pagewalk, a RISC-V computer you can see through.

Programs are in this directory: ls shows them, usertests tests the kernel.
Pipes (|), redirection (< > >>), lists (;), background (&) and quotes work.
Files that you write here are gone at the next start, unless the machine
was started with a disk of your own (npm run mkfs, --disk).
`;

/** The programs and the README, as files for buildImage. Throws ImageError when nothing was built. */
export function defaultFiles(): SourceFile[] {
  let programs: Program[];
  try {
    programs = userPrograms();
  } catch (error) {
    throw new ImageError(`the user programs are missing (${(error as Error).message}): npm run build:guest makes them`);
  }
  const files = programs.map(({ name, bytes }) => ({ path: `/${name}`, bytes }));
  return [...files, { path: "/README", bytes: new TextEncoder().encode(README) }];
}
