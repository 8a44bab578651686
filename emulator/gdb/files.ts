// The files that gdb may read through us (vFile packets): the kernel that runs, so that a gdb which was given no program
// finds its symbols by itself. They are in memory, by name; nothing of the host's own files can be reached.

import { fromHex, hexNumber, hexSmall } from "./hex.ts";
import { PACKET_SIZE } from "./packet.ts";

/** Where gdb finds the kernel. */
export const KERNEL_FILE = "/kernel.elf";

/** Errors by gdb's numbers (Debugging with GDB, "Errno Values"). */
const EPERM = 1;
const ENOENT = 2;
const EBADF = 9;
const EINVAL = 22;
const EMFILE = 91;

const MOST_OPEN = 16;
const WRITE_FLAGS = 0x3;
const REGULAR_READ_ONLY = 0o100444;

const failed = (errno: number): string => `F-1,${errno.toString(16)}`;

export class Files {
  readonly #files: ReadonlyMap<string, Uint8Array>;
  readonly #open = new Map<number, Uint8Array>();

  /** `files` has the contents by name. */
  constructor(files: ReadonlyMap<string, Uint8Array>) {
    this.#files = files;
  }

  /** Answers a vFile packet, given without that word; the empty answer when it is not known. */
  answer(text: string): string | Uint8Array {
    const [, operation, rest] = /^([a-z]+):(.*)$/s.exec(text) ?? [];
    const [first = "", second = "", third = ""] = (rest ?? "").split(",");
    switch (operation) {
      case "setfs": return "F0";
      case "open": return this.#openFile(fromHex(first), hexSmall(second));
      case "close": return this.#open.delete(hexSmall(first) ?? -1) ? "F0" : failed(EBADF);
      case "pread": return this.#read(hexSmall(first), hexSmall(second), hexNumber(third));
      case "fstat": return this.#stat(hexSmall(first));
      case "readlink": return failed(EINVAL);
      case "unlink": case "pwrite": return failed(EPERM);
      default: return "";
    }
  }

  #openFile(name: Uint8Array | undefined, flags: number | undefined): string {
    const bytes = name === undefined ? undefined : this.#files.get(new TextDecoder().decode(name));
    if (bytes === undefined || flags === undefined) return failed(ENOENT);
    if ((flags & WRITE_FLAGS) !== 0) return failed(EPERM);
    for (let fd = 0; fd < MOST_OPEN; fd++) {
      if (this.#open.has(fd)) continue;
      this.#open.set(fd, bytes);
      return `F${fd.toString(16)}`;
    }
    return failed(EMFILE);
  }

  #read(fd: number | undefined, count: number | undefined, offset: bigint | undefined): string | Uint8Array {
    const bytes = fd === undefined ? undefined : this.#open.get(fd);
    if (bytes === undefined) return failed(EBADF);
    if (count === undefined || offset === undefined) return failed(EINVAL);
    const from = Math.min(Number(offset), bytes.length);
    // A byte may need an escape character before it.
    return withData(bytes.subarray(from, from + Math.min(count, PACKET_SIZE / 2 - 16)));
  }

  /** struct stat as the protocol has it: big-endian words, the sizes two words each. */
  #stat(fd: number | undefined): string | Uint8Array {
    const bytes = fd === undefined ? undefined : this.#open.get(fd);
    if (bytes === undefined) return failed(EBADF);
    const stat = new DataView(new ArrayBuffer(64));
    stat.setUint32(8, REGULAR_READ_ONLY);
    stat.setUint32(12, 1); // links
    stat.setBigUint64(28, BigInt(bytes.length));
    stat.setBigUint64(36, 4096n);
    stat.setBigUint64(44, BigInt(Math.ceil(bytes.length / 512)));
    return withData(new Uint8Array(stat.buffer));
  }
}

function withData(data: Uint8Array): Uint8Array {
  const head = new TextEncoder().encode(`F${data.length.toString(16)};`);
  const out = new Uint8Array(head.length + data.length);
  out.set(head);
  out.set(data, head.length);
  return out;
}
