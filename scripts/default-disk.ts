// What is on the disk that a plain start gets: every user program and shared object, a README, and what the demos work on.
import { ImageError } from "./fs/layout.ts";
import { buildImage, type SourceFile } from "./fs/filesystem.ts";
import { type Program, userPrograms } from "./guest-files.ts";

const README = `This disk belongs to Pagewalk, a RISC-V computer you can see through.

Programs are in this directory: ls shows them, usertests tests the kernel.
Pipes (|), redirection (< > >>), lists (;), background (&) and quotes work.
Files that you write here are gone at the next start, unless the machine
was started with a disk of your own (npm run mkfs, --disk).
`;

/** What the song demo turns into capital As. */
const SONG = `A page lay in a far-off file,
and nobody had read a line;
a fault ran past, and stayed a while,
and all at once the page was mine.

I changed a letter, then a word,
the table marked the page as such;
and what I wrote, the disk soon heard:
a map, a flag, a gentle touch.
`;

/** What sumbss and sumheap add up: 1, 2, 3 … as 64-bit numbers. The sum is 32768 * 65537 = 2147516416. */
function numbers(): Uint8Array {
  const file = new DataView(new ArrayBuffer(65536 * 8));
  for (let i = 0; i < 65536; i++) file.setUint32(i * 8, i + 1, true);
  return new Uint8Array(file.buffer);
}

/** The programs and the README, as files for buildImage. Throws ImageError when nothing was built. */
export function defaultFiles(): SourceFile[] {
  let programs: Program[];
  try {
    programs = userPrograms();
  } catch (error) {
    throw new ImageError(`the user programs are missing (${(error as Error).message}): npm run build:guest makes them`);
  }
  const files = programs.map(({ name, bytes }) => ({ path: `/${name}`, bytes }));
  const text = (path: string, contents: string): SourceFile => ({ path, bytes: new TextEncoder().encode(contents) });
  return [...files, text("/README", README), text("/song.txt", SONG), { path: "/numbers", bytes: numbers() }];
}

/** The disk that a plain start gets: half of it files, half of it for paging. */
export function defaultImage(): Uint8Array {
  return buildImage(defaultFiles(), { size: 128 * 2 ** 20, swap: 64 * 2 ** 20 });
}
