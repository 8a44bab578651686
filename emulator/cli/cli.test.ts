// The small parts of the command line's face: keys, pace, piped input, statuses, disks that are files.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { exitStatus } from "./errors.ts";
import { FileBlock } from "./file-block.ts";
import { Keys } from "./keys.ts";
import { Pacer } from "./pacer.ts";
import { PipedInput } from "./piped-input.ts";

const text = (bytes: Uint8Array | undefined): string | undefined => (bytes === undefined ? undefined : String.fromCharCode(...bytes));
const bytes = (s: string): Uint8Array => Uint8Array.from(s, (c) => c.charCodeAt(0));

describe("exitStatus", () => {
  it("is the guest's code, and 0 only for 0", () => {
    expect([0, 1, 255, 256, 257, 65535, 2 ** 31].map(exitStatus)).toEqual([0, 1, 255, 255, 1, 255, 255]);
  });
});

describe("Keys", () => {
  const typed = (...chunks: string[]): string[] => {
    const seen: string[] = [];
    const keys = new Keys((b) => seen.push(text(b)!), (a) => seen.push(`<${a}>`));
    for (const chunk of chunks) keys.take(bytes(chunk));
    return seen;
  };

  it("hands on what is typed, but Ctrl-A and the key after it", () => {
    expect(typed("ls\r", "\x03\x1a")).toEqual(["ls\r", "\x03\x1a"]);
    expect(typed("ab\x01xcd")).toEqual(["ab", "<quit>", "cd"]);
    expect(typed("\x01", "h", "\x01C")).toEqual(["<help>", "<monitor>"]);
  });

  it("sends Ctrl-A for Ctrl-A Ctrl-A, and nothing for other keys", () => {
    expect(typed("a\x01\x01b", "\x01\x01x")).toEqual(["a\x01b", "\x01x"]);
    expect(typed("a\x01zb")).toEqual(["ab"]);
  });
});

describe("Pacer", () => {
  it("passes over short waits until they add up", () => {
    let now = 0;
    const pacer = new Pacer(() => now);
    expect(pacer.wait(1)).toBe(0);
    expect(pacer.wait(1.5)).toBe(0);
    expect(pacer.wait(1)).toBe(3.5);
    now += 3.5;
    expect(pacer.slept()).toBe(3.5);
    expect(pacer.wait(2)).toBe(0);
    now += 10; // the guest worked: real time has caught up
    expect(pacer.wait(2)).toBe(0);
    expect(pacer.wait(100)).toBe(102);
  });
});

describe("PipedInput", () => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it("gives lines, pieces of long ones, and Ctrl-D at the end", async () => {
    const stream = new PassThrough();
    const input = new PipedInput(stream);
    let arrivals = 0;
    input.onArrival = () => arrivals++;
    input.start();
    expect(input.next()).toBeUndefined();
    stream.write("one\ntwo\n");
    stream.write("x".repeat(150));
    await turn();
    expect(arrivals).toBeGreaterThan(0);
    expect([text(input.next()), text(input.next())]).toEqual(["one\n", "two\n"]);
    expect([input.next()!.length, input.next()!.length, input.next()]).toEqual([100, 50, undefined]);
    stream.end();
    await turn();
    expect(input.exhausted).toBe(false);
    expect(text(input.next())).toBe("\x04\x04"); // the line was not ended
    expect([input.exhausted, input.next()]).toEqual([true, undefined]);
  });
});

describe("FileBlock", () => {
  const scratch = (): string => {
    const folder = mkdtempSync(join(tmpdir(), "pagewalk-test-"));
    onTestFinished(() => {
      rmSync(folder, { recursive: true });
    });
    return folder;
  };
  const image = (size: number): string => {
    const file = join(scratch(), "disk.img");
    writeFileSync(file, new Uint8Array(size).fill(7));
    return file;
  };

  it("reads and writes the file itself", () => {
    const file = image(4096);
    const disk = new FileBlock(file);
    disk.write(512, new Uint8Array(1024).fill(9));
    disk.flush();
    const into = new Uint8Array(1024);
    disk.read(1024, into);
    disk.close();
    expect([disk.bytes, disk.readOnly, into[511], into[512]]).toEqual([4096, false, 9, 7]);
    expect(readFileSync(file).indexOf(9)).toBe(512);
  });

  it("refuses what is no disk", () => {
    const folder = scratch();
    mkdirSync(join(folder, "d"));
    expect(() => new FileBlock(join(folder, "none"))).toThrow(/^disk .*none: no such file$/);
    expect(() => new FileBlock(join(folder, "d"))).toThrow(/d: is a directory/);
    expect(() => new FileBlock(join(folder, "d"), { readOnly: true })).toThrow(/d: is a directory/);
    expect(() => new FileBlock(image(0))).toThrow("an empty file is no disk");
    expect(() => new FileBlock(image(1000))).toThrow("1000 bytes are no whole number of 512-byte sectors");
  });

  it("says when the file shrinks under it", () => {
    const file = image(8192);
    const disk = new FileBlock(file);
    truncateSync(file, 512);
    expect(() => disk.read(4096, new Uint8Array(512))).toThrow(/became shorter/);
    disk.close();
  });

  it.skipIf(process.getuid?.() === 0 || process.platform === "win32")("is read-only where the host says so (not as root)", () => {
    const file = image(512);
    chmodSync(file, 0o444);
    const disk = new FileBlock(file);
    expect(disk.readOnly).toBe(true);
    disk.close();
  });
});
