// A run, recorded, and made again from its recording; and recordings that do not fit.
import { describe, expect, it } from "vitest";
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { defaultFiles } from "../../scripts/default-disk.ts";
import { buildImage } from "../../scripts/fs/filesystem.ts";
import { echoer, file, napper, pagewalk, printer, Running, scratch, type Ran } from "./cli-guests.ts";

const guest = (image: Uint8Array): string[] => ["--kernel", file(image), "--disk", "none"];

describe("--record and --replay", () => {
  it("make the same run again, with what was typed, from a small file", async () => {
    const recording = join(scratch(), "run.pagewalk");
    const machine = guest(echoer());
    const running = new Running([...machine, "--record", recording]);
    await running.shows("ready\n");
    for (const text of ["one\n", "two\n"]) {
      running.child.stdin!.write(text);
      await running.shows(text);
    }
    running.child.stdin!.write("q");
    const first = await running.ended;
    expect(first).toMatchObject({ status: 7, stderr: "" });
    expect(statSync(recording).size).toBeLessThan(5000);
    const second = await pagewalk([...machine, "--replay", recording], "typed now, and not heard");
    expect(second).toMatchObject({ status: 7, stdout: first.stdout, stderr: "" });
  });

  it("pass the time that passed then, at once", async () => {
    const recording = join(scratch(), "run.pagewalk");
    const machine = guest(napper(3_600_000));
    expect(await pagewalk([...machine, "--record", recording, "run", "x"])).toMatchObject({ status: 0, stdout: "woke\n" });
    expect(await pagewalk([...machine, "--replay", recording, "run", "x"])).toMatchObject({ status: 0, stdout: "woke\n" });
  });

  it("a recording can be made while one is replayed", async () => {
    const [first, second] = [join(scratch(), "first"), join(scratch(), "second")];
    const machine = guest(printer("hello\n", 3));
    await pagewalk([...machine, "--record", first, "run", "x"]);
    expect(await pagewalk([...machine, "--replay", first, "--record", second, "run", "x"])).toMatchObject({ status: 3, stdout: "hello\n", stderr: "" });
    expect(await pagewalk([...machine, "--replay", second, "run", "x"])).toMatchObject({ status: 3, stdout: "hello\n", stderr: "" });
  });
});

describe("a disk image that the recorded run changes", () => {
  const image = (): Uint8Array => buildImage(defaultFiles(), { size: 16 * 2 ** 20 });

  it("serves its replay as it was found and as it was left, is not changed by that, and any other is refused", async () => {
    const folder = scratch();
    const [disk, found, recording, second] = ["disk", "found", "run", "again"].map((name) => join(folder, name)) as [string, string, string, string];
    writeFileSync(disk, image());
    writeFileSync(found, image());
    const command = ["run", "echo some words > file; cat file; sync"];
    const first = await pagewalk(["--disk", disk, "--record", recording, ...command]);
    expect(first).toMatchObject({ status: 0, stderr: "" });
    const left = readFileSync(disk);
    expect(left.equals(image()), "the run changed its disk").toBe(false);
    expect(statSync(recording).size).toBeLessThan(100_000);
    for (const file of [disk, found]) {
      expect(await pagewalk(["--disk", file, "--replay", recording, ...command])).toMatchObject({ status: 0, stdout: first.stdout, stderr: "" });
    }
    // What is recorded of a replay can be replayed as well.
    expect(await pagewalk(["--disk", disk, "--replay", recording, "--record", second, ...command])).toMatchObject({ status: 0, stdout: first.stdout });
    expect(await pagewalk(["--disk", disk, "--replay", second, ...command])).toMatchObject({ status: 0, stdout: first.stdout });
    chmodSync(disk, 0o444);
    expect(await pagewalk(["--disk", disk, "--replay", recording, ...command])).toMatchObject({ status: 0, stdout: first.stdout, stderr: "" });
    chmodSync(disk, 0o644);
    expect(readFileSync(disk).equals(left)).toBe(true);
    expect(Buffer.from(image()).equals(readFileSync(found))).toBe(true);
    await pagewalk(["--disk", disk, "run", "echo other words > another; sync"]);
    const { status, stdout, stderr } = await pagewalk(["--disk", disk, "--replay", recording, ...command]);
    expect({ status, stdout, stderr: stderr.replace(folder, "F") })
      .toEqual({ status: 2, stdout: "", stderr: "pagewalk: --replay F/run: the recording was made with another disk 0: it is neither as that run found it nor as that run left it\n" });
  });

  it("is left alone by a script that goes on after the recording, or turns off it", async () => {
    const folder = scratch();
    const [disk, recording] = [join(folder, "disk"), join(folder, "run")];
    writeFileSync(disk, image());
    const script = (text: string): Promise<Ran> => pagewalk(["--disk", disk, text.startsWith("#r") ? "--record" : "--replay", recording, "monitor", "--script", file(text)]);
    expect(await script('#record\nexpect "$ "\ntype echo first > file; sync\nexpect "$ "\n')).toMatchObject({ status: 0, stderr: "" });
    const left = readFileSync(disk);
    expect(left.equals(image())).toBe(false);
    const after = await script('goto end\ntype cat file; echo second > file; sync; cat file\nexpect "second"\nexpect "$ "\n');
    expect(after).toMatchObject({ status: 0, stderr: "" });
    expect(after.stdout).toMatch(/\nfirst\s+second/);
    expect(readFileSync(disk).equals(left)).toBe(true);
    const middle = await script('expect "$ "\ntype echo other > file; sync; cat file\nexpect "other"\nexpect "$ "\nexpect "$ "\nhistory\n');
    expect(middle).toMatchObject({ status: 0, stderr: "" });
    expect(middle.stdout).toMatch(/\nother\s[^]*the present/);
    expect(readFileSync(disk).equals(left)).toBe(true);
  });
});

describe("refused in one line", () => {
  it("what differs from the recorded machine", async () => {
    const recording = join(scratch(), "run.pagewalk");
    const machine = guest(printer("a", 0));
    await pagewalk([...machine, "--record", recording, "run", "x"]);
    const replay = async (args: readonly string[]): Promise<string> => {
      const { status, stdout, stderr } = await pagewalk([...args, "--replay", recording, "run", "x"]);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      return stderr.replace(recording, "FILE");
    };
    expect(await replay(guest(printer("b", 0)))).toBe("pagewalk: --replay FILE: the recording was made with another kernel\n");
    expect(await replay([...machine, "--smp", "2"])).toBe("pagewalk: --replay FILE: the recording was made with another number of harts: 1, not 2\n");
    expect(await replay([...machine, "--memory", "64M"])).toBe("pagewalk: --replay FILE: the recording was made with another amount of memory: 134217728, not 67108864\n");
  });

  it("files that are none, or cannot be", async () => {
    const folder = scratch();
    const machine = guest(printer("a", 0));
    const given = join(folder, "file");
    const replay = async (bytes: Uint8Array | null): Promise<string> => {
      if (bytes !== null) writeFileSync(given, bytes);
      const { status, stderr } = await pagewalk([...machine, "--replay", bytes === null ? join(folder, "none") : given, "run", "x"]);
      expect(status).toBe(2);
      return stderr.replaceAll(folder, "F");
    };
    expect(await replay(null)).toBe("pagewalk: --replay F/none: no such file\n");
    expect(await replay(Uint8Array.of(1, 2, 3))).toBe("pagewalk: --replay F/file: this is not a recording, or it is damaged\n");
    expect(await replay(gzipSync(Uint8Array.of(1, 2, 3)))).toBe("pagewalk: --replay F/file: this is not a recording, or it is damaged\n");
    await pagewalk([...machine, "--record", given, "run", "x"]);
    expect(existsSync(given)).toBe(true);
    expect(await replay(readFileSync(given).subarray(0, 100))).toBe("pagewalk: --replay F/file: this is not a recording, or it is damaged\n");
    const { status, stderr } = await pagewalk([...machine, "--record", join(folder, "no", "where"), "run", "x"]);
    expect({ status, stderr: stderr.replace(folder, "F") }).toEqual({ status: 2, stderr: "pagewalk: --record F/no/where: no such file\n" });
  });
});
