// A disk that cannot read some places any more: who touches such a page of a mapped file gets an error, never what the
// frame held before, and the next touch tries again.
import { expect, test } from "vitest";
import { MediumError, MemoryBlock } from "../../emulator/index.ts";
import { defaultFiles } from "../../scripts/default-disk.ts";
import { buildImage } from "../../scripts/fs/filesystem.ts";
import { atPrompt, shell } from "./support.ts";

/** A disk on which a range of bytes can become unreadable. */
class Failing extends MemoryBlock {
  bad: { from: number; to: number } | undefined;

  override read(offset: number, into: Uint8Array): void {
    if (this.bad !== undefined && offset < this.bad.to && offset + into.length > this.bad.from) throw new MediumError("bad sector");
    super.read(offset, into);
  }
}

test("a program whose pages the disk cannot read ends with a sentence, as often as it is run; when the disk can again, it works", async () => {
  const files = defaultFiles();
  const program = files.find((f) => f.path === "/cat")!.bytes;
  const image = buildImage([...files, { path: "/last", bytes: program }], { size: 32 * 2 ** 20 });
  const page = Buffer.from(image.buffer, image.byteOffset, image.length).lastIndexOf(program.subarray(4096, 8192));
  expect(page % 4096, "where the second page of /last lies").toBe(0);
  const disk = new Failing(image);
  const m = await atPrompt({ disk });
  disk.bad = { from: page, to: page + 4096 };
  for (const time of ["first", "second"]) expect(shell(m, "last README"), `the ${time} run`).toMatch(/\(the disk failed\).*: killed/);
  expect(shell(m, "cat README")).toContain("Programs are in this directory");
  disk.bad = undefined;
  expect(shell(m, "last README")).toContain("Programs are in this directory");
  expect(shell(m, "vmcheck")).not.toMatch(/panic|not so/);
});
