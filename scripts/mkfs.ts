// npm run mkfs — makes a disk image and looks into one from the host: ls, cat, cp, fsck.
import { closeSync, existsSync, ftruncateSync, openSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { basename, join, posix } from "node:path";
import { parseArgs } from "node:util";
import { defaultFiles } from "./default-disk.ts";
import type { Inode } from "./fs/disk.ts";
import { buildImage, DEFAULT_SIZE, FileSystem, type SourceFile } from "./fs/filesystem.ts";
import { fsck } from "./fs/fsck.ts";
import { BSIZE, ImageError, T_DIR, T_FILE } from "./fs/layout.ts";

const HELP = `Usage: npm run mkfs -- IMAGE [--size 64M] [--swap 0] [FILE | /PATH=FILE]...
       npm run mkfs -- ls IMAGE [PATH]
       npm run mkfs -- cat IMAGE PATH
       npm run mkfs -- cp FILE IMAGE:PATH
       npm run mkfs -- cp IMAGE:PATH FILE
       npm run mkfs -- fsck IMAGE

The first form makes a disk of --size bytes (K, M and G are understood), the last --swap bytes of it
for paging. Without FILEs it holds all user programs and a README; a folder is taken with all it holds.
ls shows type, inode, links, size and name. fsck checks the disk without changing it.

Exit status: 0 done, 1 fsck found something wrong, 2 wrong usage, a file that cannot be read or a bad disk.`;

const MOST = 2 ** 31 - BSIZE;
const SHOWN_PROBLEMS = 50;

/** Bytes from a number with an optional K, M or G. */
function sizeOf(option: string, text: string): number {
  const match = /^(\d{1,10})([KMG]?)$/i.exec(text);
  const size = match === null ? NaN : Number(match[1]) * 1024 ** ["", "K", "M", "G"].indexOf(match[2]!.toUpperCase());
  if (!(size <= MOST)) throw new ImageError(`${option} ${text}: a size like 64M is needed, less than 2G`);
  return size;
}

/** Runs something that touches host files; what the host says becomes one line. */
function onHost<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    const words: Record<string, string> = {
      ENOENT: "no such file or directory",
      EACCES: "permission denied",
      EISDIR: "is a directory",
      ENOTDIR: "a folder on the way is none",
      ENOSPC: "no space left on the host",
      ERR_FS_FILE_TOO_LARGE: "larger than 2 GiB",
    };
    throw new ImageError(`${path}: ${words[code] ?? code}`);
  }
}

const readHost = (path: string): Uint8Array => onHost(path, () => new Uint8Array(readFileSync(path)));

const openImage = (path: string): FileSystem => {
  const bytes = readHost(path);
  return named(path, () => new FileSystem(bytes));
};

/** Puts the image's name before what is wrong with it. */
function named<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof ImageError) throw new ImageError(`${path}: ${error.message}`);
    throw error;
  }
}

/** Writes an image leaving its empty stretches out, so that a fresh disk costs the host only what is on it. */
function saveImage(path: string, image: Uint8Array): void {
  onHost(path, () => {
    const fd = openSync(path, "w");
    try {
      ftruncateSync(fd, image.length);
      const zeros = new Uint8Array(64 * 1024);
      for (let at = 0; at < image.length; at += zeros.length) {
        const piece = image.subarray(at, at + zeros.length);
        if (Buffer.compare(piece, zeros.subarray(0, piece.length)) !== 0) writeSync(fd, piece, 0, piece.length, at);
      }
    } finally {
      closeSync(fd);
    }
  });
}

/** The files that one argument of `mkfs IMAGE` means. */
function filesFrom(argument: string): SourceFile[] {
  const assigned = /^(\/[^=]*)=(.+)$/s.exec(argument);
  const host = assigned?.[2] ?? argument;
  const path = assigned?.[1] ?? `/${basename(host)}`;
  const isFolder = onHost(host, () => statSync(host).isDirectory());
  if (!isFolder) return [{ path, bytes: readHost(host) }];
  const names = onHost(host, () => readdirSync(host)).sort();
  return names.flatMap((name) => filesFrom(`${posix.join(path, name)}=${join(host, name)}`));
}

function make(path: string, files: string[], size: string | undefined, swap: string | undefined): void {
  const sizes = { size: size === undefined ? DEFAULT_SIZE : sizeOf("--size", size), swap: sizeOf("--swap", swap ?? "0") };
  const sources = files.length === 0 ? defaultFiles() : files.flatMap(filesFrom);
  saveImage(path, buildImage(sources, sizes));
  console.log(`mkfs: ${path}: ${sizes.size} bytes, ${sources.length} files`);
}

function ls(path: string, inside: string): void {
  const fs = openImage(path);
  const line = (name: string, inode: Inode): string => {
    const kind = inode.type === T_DIR ? "d" : inode.type === T_FILE ? "-" : "c";
    return `${kind} ${String(inode.inum).padStart(5)} ${String(inode.nlink).padStart(3)} ${String(inode.size).padStart(10)} ${name}`;
  };
  named(path, () => {
    const inode = fs.stat(inside);
    if (inode.type !== T_DIR) console.log(line(basename(inside), inode));
    else for (const { name } of fs.list(inside).slice(2)) console.log(line(name, fs.stat(posix.join(inside, name))));
  });
}

/** Hands a file's contents out in pieces, so that a file with large holes needs no memory for them. */
function pieces(fs: FileSystem, inside: string, take: (piece: Uint8Array) => void): void {
  const inode = fs.stat(inside);
  if (inode.type !== T_FILE) throw new ImageError(`${inside} is not a file`);
  for (let at = 0; at < inode.size; at += 256 * BSIZE) take(fs.readAt(inode, at, 256 * BSIZE));
}

function cat(path: string, inside: string): void {
  const fs = openImage(path);
  named(path, () => {
    pieces(fs, inside, (piece) => writeSync(1, piece));
  });
}

/** IMAGE:PATH taken apart, or null for a host file (also C:\…). */
function imagePath(argument: string): { image: string; inside: string } | null {
  const match = /^(.{2,}):([^:\\]*)$/s.exec(argument);
  return match === null ? null : { image: match[1]!, inside: match[2]! };
}

function copyOut(from: { image: string; inside: string }, to: string): void {
  const fs = openImage(from.image);
  const target = existsSync(to) && statSync(to).isDirectory() ? join(to, basename(from.inside)) : to;
  named(from.image, () => {
    fs.stat(from.inside);
    const fd = onHost(target, () => openSync(target, "w"));
    try {
      pieces(fs, from.inside, (piece) => onHost(target, () => writeSync(fd, piece)));
    } finally {
      closeSync(fd);
    }
  });
}

function copyIn(from: string, to: { image: string; inside: string }): void {
  const bytes = readHost(from);
  const fs = openImage(to.image);
  named(to.image, () => {
    const isFolder = to.inside === "" || to.inside.endsWith("/") || (fs.exists(to.inside) && fs.stat(to.inside).type === T_DIR);
    fs.write(isFolder ? posix.join("/", to.inside, basename(from)) : to.inside, bytes);
  });
  onHost(to.image, () => {
    writeFileSync(to.image, fs.image);
  });
}

function cp(from: string, to: string): void {
  const source = imagePath(from);
  const target = imagePath(to);
  if (source !== null && target === null) copyOut(source, to);
  else if (source === null && target !== null) copyIn(from, target);
  else throw new ImageError("cp copies between a file and IMAGE:PATH: exactly one of the two is on the image");
}

function check(path: string): number {
  const { problems, notes } = fsck(openImage(path).image);
  for (const note of notes) console.log(`${path}: note: ${note}`);
  for (const problem of problems.slice(0, SHOWN_PROBLEMS)) console.log(`${path}: ${problem}`);
  if (problems.length > SHOWN_PROBLEMS) console.log(`${path}: and ${problems.length - SHOWN_PROBLEMS} more`);
  if (problems.length === 0) console.log(`${path}: in order`);
  return problems.length === 0 ? 0 : 1;
}

/** Throws ImageError unless there are `least` to `most` operands. */
function operands(words: string[], least: number, most: number): string[] {
  if (words.length < least || words.length > most) throw new ImageError("wrong number of arguments (--help shows the forms)");
  return words;
}

function main(args: string[]): number {
  const string = { type: "string" } as const;
  let parsed;
  try {
    parsed = parseArgs({ args, allowPositionals: true, options: { size: string, swap: string, help: { type: "boolean", short: "h" } } });
  } catch (error) {
    throw new ImageError(`${(error as Error).message.split(". To specify")[0]!} (--help lists what there is)`);
  }
  const { values, positionals } = parsed;
  const [command, ...rest] = positionals;
  if (values.help === true) console.log(HELP);
  else if (command === undefined) throw new ImageError("an image to make is needed (--help shows the forms)");
  else if (command === "ls") ls(operands(rest, 1, 2)[0]!, rest[1] ?? "/");
  else if (command === "cat") cat(operands(rest, 2, 2)[0]!, rest[1]!);
  else if (command === "cp") cp(operands(rest, 2, 2)[0]!, rest[1]!);
  else if (command === "fsck") return check(operands(rest, 1, 1)[0]!);
  else make(command, rest, values.size, values.swap);
  return 0;
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  const broken = (error as NodeJS.ErrnoException).code === "EPIPE";
  if (!broken && !(error instanceof ImageError)) throw error;
  if (!broken) console.error(`mkfs: ${(error as Error).message}`);
  process.exitCode = broken ? 0 : 2;
}
