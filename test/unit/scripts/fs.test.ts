// The host's file system library: what is written can be read, what is damaged is refused, and fsck sees each kind of damage.
import { describe, expect, test } from "vitest";
import { Disk, journalChecksum } from "../../../scripts/fs/disk.ts";
import { buildImage, FileSystem } from "../../../scripts/fs/filesystem.ts";
import { fsck } from "../../../scripts/fs/fsck.ts";
import {
  BSIZE, dataStart, DINODE_SIZE, ImageError, LOGMAGIC, NDIRECT, NINDIRECT, planLayout, ROOTINO, T_DIR, viewOf,
} from "../../../scripts/fs/layout.ts";

const MIB = 1024 * 1024;
const text = (words: string): Uint8Array => new TextEncoder().encode(words);

/** Bytes that differ from place to place, so that a misplaced block shows. */
function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 7 + (i >> 12) * 31) & 0xff;
  return bytes;
}

/** A small disk with a file in a folder: what the damage below starts from. */
const sample = (): FileSystem =>
  new FileSystem(buildImage([{ path: "/dir/file", bytes: pattern(20 * BSIZE) }, { path: "/one", bytes: text("1\n") }], { size: 4 * MIB }));

/** A view of inode `inum` on the disk. */
function inodeView(image: Uint8Array, inum: number): DataView {
  const at = new Disk(image).sb.inodestart * BSIZE + inum * DINODE_SIZE;
  return viewOf(image.subarray(at, at + DINODE_SIZE));
}

describe("reading what was written", () => {
  // Direct blocks only, with the single indirect block, with the double indirect one; and the edges between them.
  const lengths = [0, 1, BSIZE, NDIRECT * BSIZE, NDIRECT * BSIZE + 1, (NDIRECT + NINDIRECT) * BSIZE, (NDIRECT + NINDIRECT) * BSIZE + 1];
  for (const length of lengths) {
    test(`a file of ${length} bytes`, () => {
      const bytes = pattern(length);
      const image = buildImage([{ path: "/f", bytes }], { size: 16 * MIB });
      expect(Buffer.compare(new FileSystem(image).read("/f"), bytes)).toBe(0);
      expect(fsck(image)).toMatchObject({ problems: [], notes: [] });
    });
  }

  test("folders are made on the way; a directory grows beyond a block", () => {
    const names = Array.from({ length: 300 }, (_, i) => `file${i}`);
    const image = buildImage(names.map((name) => ({ path: `/a/b/${name}`, bytes: text(name) })), { size: 8 * MIB });
    const fs = new FileSystem(image);
    expect(fs.list("/a/b").map((entry) => entry.name)).toEqual([".", "..", ...names]);
    expect(new TextDecoder().decode(fs.read("/a/b/file299"))).toBe("file299");
    expect(fs.stat("/a").nlink).toBe(2);
    expect(fs.stat("/").nlink).toBe(2);
    expect(fs.stat("/a/b").size).toBe(302 * 16);
    expect(fsck(image).problems).toEqual([]);
  });

  test("replacing a file gives its blocks back", () => {
    const fs = sample();
    for (let round = 0; round < 60; round++) fs.write("/dir/file", pattern(2 * MIB));
    fs.write("/dir/file", text("small"));
    expect(new TextDecoder().decode(fs.read("/dir/file"))).toBe("small");
    expect(fsck(fs.image).problems).toEqual([]);
  });

  test("a name of 14 characters is whole, one of 15 is refused", () => {
    const fs = sample();
    fs.write("/abcdefghijklmn", text("x"));
    expect(fs.list("/").at(-1)!.name).toBe("abcdefghijklmn");
    expect(() => { fs.write("/abcdefghijklmno", text("x")); }).toThrow("more than 14 characters");
  });

  test("the same files give the same bytes", () => {
    expect(Buffer.compare(sample().image, sample().image)).toBe(0);
  });

  test("the swap area stays outside the data", () => {
    const image = buildImage([{ path: "/f", bytes: pattern(MIB) }], { size: 8 * MIB, swap: 2 * MIB });
    const { sb } = new Disk(image);
    expect(sb.nswap).toBe(512);
    expect(sb.swapstart).toBe(2048 - 512);
    expect(dataStart(sb) + sb.nblocks).toBe(sb.swapstart);
    expect(fsck(image).problems).toEqual([]);
  });
});

describe("what cannot be is refused in a sentence", () => {
  const damaged = (change: (image: Uint8Array) => void): Uint8Array => {
    const { image } = sample();
    change(image);
    return image;
  };
  test.each([
    ["no disk at all", text("hello"), "not a Pagewalk disk"],
    ["wrong magic", damaged((image) => (image[BSIZE] = 0)), "the superblock's magic is"],
    ["another version", damaged((image) => (image[BSIZE + 4] = 9)), "format version 9"],
    ["truncated", sample().image.subarray(0, MIB), "truncated disk: the superblock says 1024 blocks, the image has 256"],
    ["too many inodes", damaged((image) => { viewOf(image).setUint32(BSIZE + 16, 70000, true); }), "damaged superblock: 70000 inodes"],
    ["data beyond the end", damaged((image) => { viewOf(image).setUint32(BSIZE + 12, 5000, true); }), "do not fit"],
  ])("%s", (_, image, message) => {
    expect(() => new FileSystem(image)).toThrow(message);
    expect(fsck(image).problems).toEqual([expect.stringContaining(message)]);
  });

  test("a disk that is full", () => {
    expect(() => buildImage([{ path: "/f", bytes: new Uint8Array(4 * MIB) }], { size: 4 * MIB })).toThrow(/the disk is full: all \d+ data blocks/);
    const many = Array.from({ length: 300 }, (_, i) => ({ path: `/f${i}`, bytes: text("") }));
    expect(() => buildImage(many, { size: 4 * MIB })).toThrow("the disk is full: all 256 inodes");
  });

  test("a disk too small for anything", () => {
    expect(() => planLayout(64 * 1024, 0)).toThrow("no room for files");
    expect(() => planLayout(BSIZE * 1024 + 1, 0)).toThrow("whole blocks");
  });

  test("reading through a block number that points nowhere", () => {
    const fs = sample();
    inodeView(fs.image, fs.stat("/one").inum).setUint32(12, 0xfffffff0, true);
    expect(() => fs.read("/one")).toThrow("claims block 4294967280, which is no data block");
  });
});

describe("fsck names the damage", () => {
  /** Damages the sample and gives fsck's problems. */
  const after = (change: (image: Uint8Array, fs: FileSystem) => void): string[] => {
    const fs = sample();
    change(fs.image, fs);
    return fsck(fs.image).problems;
  };
  const firstBlock = (fs: FileSystem, path: string): number => fs.stat(path).addrs[0]!;

  test("a used block called free, a free one called used", () => {
    let block = 0;
    const problems = after((image, fs) => {
      block = firstBlock(fs, "/one");
      new Disk(image).setUsed(block, false);
      new Disk(image).setUsed(block + 300, true);
    });
    expect(problems).toEqual([
      expect.stringMatching(new RegExp(`calls block ${block} free, which inode \\d+ has`)),
      `the free map calls block ${block + 300} used, which no file has`,
    ]);
  });

  test("a block outside the data called free", () => {
    expect(after((image) => { new Disk(image).setUsed(1, false); })).toEqual(["the free map calls block 1 free, which is outside the data"]);
    expect(after((image) => { new Disk(image).setUsed(2000, false); })).toHaveLength(1);
  });

  test("one block in two files", () => {
    const problems = after((image, fs) => {
      inodeView(image, fs.stat("/one").inum).setUint32(12, firstBlock(fs, "/dir/file"), true);
    });
    expect(problems).toContainEqual(expect.stringMatching(/inode \d+ claims block \d+, which inode \d+ has already/));
  });

  test("a block beyond the file's end", () => {
    expect(after((image, fs) => { inodeView(image, fs.stat("/one").inum).setUint32(8, 0, true); })).toEqual([
      expect.stringContaining("has 0 bytes but a block for byte 0"),
    ]);
  });

  test("a wrong count of links", () => {
    expect(after((image, fs) => { inodeView(image, fs.stat("/one").inum).setInt16(6, 2, true); })).toEqual([
      expect.stringContaining("has 2 links, the directories say 1"),
    ]);
    expect(after((image) => { inodeView(image, ROOTINO).setInt16(6, 1, true); })).toEqual(["inode 1 has 1 links, the directories say 2"]);
  });

  /** The root's directory block; slots of 16 bytes: ".", "..", "dir", "one". */
  const rootSlots = (image: Uint8Array, fs: FileSystem): DataView => viewOf(new Disk(image).block(firstBlock(fs, "/")));

  test("an entry that names a free inode", () => {
    expect(after((image, fs) => { rootSlots(image, fs).setUint16(48, 200, true); })).toContain("/one names inode 200, which is free");
    expect(after((image, fs) => { rootSlots(image, fs).setUint16(48, 60000, true); })).toContain("/one names inode 60000, which there is not");
  });

  test("a file without a name, a name twice, a folder with two names, a wrong ..", () => {
    expect(after((image, fs) => { rootSlots(image, fs).setUint16(48, 0, true); })).toEqual([expect.stringContaining("has 1 links but no name")]);
    const twice = after((image, fs) => { new Disk(image).block(firstBlock(fs, "/")).set(text("dir"), 50); });
    expect(twice).toContain("/dir: the name is there twice");
    const second = after((image, fs) => { rootSlots(image, fs).setUint16(48, fs.stat("/dir").inum, true); });
    expect(second).toContainEqual(expect.stringContaining("has a second name"));
    expect(after((image, fs) => { viewOf(new Disk(image).block(firstBlock(fs, "/dir"))).setUint16(16, 5, true); })).toContain(
      "/dir: the second entry is not .. naming inode 1",
    );
  });

  test("a file that was open when the machine stopped is only worth a note", () => {
    const fs = sample();
    rootSlots(fs.image, fs).setUint16(48, 0, true);
    inodeView(fs.image, 4).setInt16(6, 0, true);
    expect(fsck(fs.image)).toMatchObject({ problems: [], notes: [expect.stringContaining("inode 4 has no name and is freed at the next start")] });
  });
});

describe("the journal", () => {
  /** Commits a transaction by which block `target` becomes `contents`. */
  function commit(image: Uint8Array, target: number, contents: Uint8Array): void {
    const { sb } = new Disk(image);
    const header = image.subarray(sb.logstart * BSIZE, (sb.logstart + 1) * BSIZE);
    image.set(contents, (sb.logstart + 1) * BSIZE);
    [LOGMAGIC, 1, 7, 0, target].forEach((word, i) => {
      viewOf(header).setUint32(i * 4, word, true);
    });
    viewOf(header).setUint32(12, journalChecksum(header, 1, [contents]), true);
  }

  test("the checksum is the header's formula", () => {
    // Worked out by hand from abi/fs.h for magic 0, n 0, seq 0: three rounds of h = (h ^ 0) * 0x9e3779b1; h ^= h >> 15.
    let h = 0x811c9dc5n;
    for (let i = 0; i < 3; i++) {
      h = (h * 0x9e3779b1n) & 0xffffffffn;
      h ^= h >> 15n;
    }
    expect(journalChecksum(new Uint8Array(BSIZE), 0, [])).toBe(Number(h));
  });

  test("a committed transaction is seen through, and carried out by the first change", () => {
    const fs = sample();
    const target = fs.stat("/one").addrs[0]!;
    commit(fs.image, target, text("2\n".padEnd(BSIZE, "\0")));
    const again = new FileSystem(fs.image);
    expect(new TextDecoder().decode(again.read("/one"))).toBe("2\n");
    expect(fs.image[target * BSIZE]).toBe("1".charCodeAt(0));
    expect(fsck(fs.image)).toMatchObject({ problems: [], notes: ["the journal holds a committed transaction of 1 blocks"] });
    again.mkdir("/new");
    expect(fs.image[target * BSIZE]).toBe("2".charCodeAt(0));
    expect(fsck(fs.image)).toMatchObject({ problems: [], notes: [] });
  });

  test("a torn transaction does not count", () => {
    const fs = sample();
    commit(fs.image, fs.stat("/one").addrs[0]!, text("2\n".padEnd(BSIZE, "\0")));
    fs.image[(new Disk(fs.image).sb.logstart + 1) * BSIZE + 100] = 1;
    expect(new TextDecoder().decode(new FileSystem(fs.image).read("/one"))).toBe("1\n");
    expect(fsck(fs.image).notes).toEqual([]);
  });

  test("one that would write over the journal or beyond the disk is damage", () => {
    for (const target of [2, 0, 99999]) {
      const { image } = sample();
      commit(image, target, new Uint8Array(BSIZE));
      expect(fsck(image).problems).toEqual([`damaged journal: it would replace block ${target}`]);
    }
  });
});

test("a disk made to mislead ends in problems, not in a hang", () => {
  // A directory whose double indirect block names itself everywhere.
  const fs = sample();
  const dir = inodeView(fs.image, fs.stat("/dir").inum);
  const block = fs.stat("/dir/file").addrs[0]!;
  const view = viewOf(new Disk(fs.image).block(block));
  for (let i = 0; i < NINDIRECT; i++) view.setUint32(i * 4, block, true);
  dir.setUint32(12 + (NDIRECT + 1) * 4, block, true);
  dir.setUint32(8, 0xfffffff0, true);
  expect(new Disk(fs.image).inode(fs.stat("/dir").inum).type).toBe(T_DIR);
  expect(() => fs.list("/dir")).toThrow("damaged directory");
  expect(fsck(fs.image).problems.length).toBeGreaterThan(2);
});

test("random damage never ends in anything but problems and sentences", () => {
  let seed = 12345;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const whole = sample().image;
  const { sb } = new Disk(whole);
  const metadata = [1, sb.logstart, sb.inodestart, sb.bmapstart, dataStart(sb), dataStart(sb) + 1];
  let noticed = 0;
  for (let round = 0; round < 400; round++) {
    const image = whole.slice();
    for (let i = random(4); i >= 0; i--) {
      const at = metadata[random(metadata.length)]! * BSIZE + 4 * random(64);
      viewOf(image).setUint32(at, [0, 1, 0xffffffff, random(1100), random(2 ** 32)][random(5)]!, true);
    }
    if (fsck(image).problems.length > 0) noticed++;
    try {
      const fs = new FileSystem(image);
      for (const { name } of fs.list("/")) fs.exists(`/${name}/file`);
      fs.write("/dir/new", pattern(3 * BSIZE));
    } catch (error) {
      expect(error).toBeInstanceOf(ImageError);
    }
  }
  expect(noticed).toBeGreaterThan(200);
});
