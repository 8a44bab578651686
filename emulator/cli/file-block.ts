// A disk that is a file on the host: what the guest writes is in the file at once, and flushing it is fsync.
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import type { BlockBackend } from "../bus.ts";
import { hostReason, UsageError } from "./errors.ts";

const SECTOR = 512;

/** See the top of this file. */
export class FileBlock implements BlockBackend {
  readonly bytes: number;
  readonly readOnly: boolean;
  readonly file: string;
  readonly lasting = true;
  readonly #fd: number;

  /**
   * Opens `file`, for reading only where the guest shall not write or the host does not let us. Throws UsageError
   * when it is no disk: missing, a directory, empty, or no whole number of sectors.
   */
  constructor(file: string, { readOnly = false }: { readOnly?: boolean } = {}) {
    this.file = file;
    const opened = open(file, readOnly);
    this.#fd = opened.fd;
    this.readOnly = opened.readOnly;
    const stat = fstatSync(this.#fd);
    const wrong = stat.isDirectory() ? "is a directory, not a disk image"
      : !stat.isFile() ? "not a plain file"
      : stat.size === 0 ? "an empty file is no disk"
      : stat.size % SECTOR !== 0 ? `${stat.size} bytes are no whole number of ${SECTOR}-byte sectors`
      : undefined;
    if (wrong !== undefined) {
      this.close();
      throw new UsageError(`disk ${file}: ${wrong}`);
    }
    this.bytes = stat.size;
  }

  read(offset: number, into: Uint8Array): void {
    for (let done = 0; done < into.length; ) {
      const n = this.#try(() => readSync(this.#fd, into, done, into.length - done, offset + done));
      if (n === 0) throw new UsageError(`disk ${this.file}: the file became shorter while the machine ran`);
      done += n;
    }
  }

  write(offset: number, from: Uint8Array): void {
    for (let done = 0; done < from.length; ) {
      done += this.#try(() => writeSync(this.#fd, from, done, from.length - done, offset + done));
    }
  }

  flush(): void {
    if (!this.readOnly) this.#try(() => fsyncSync(this.#fd));
  }

  close(): void {
    closeSync(this.#fd);
  }

  #try<T>(what: () => T): T {
    try {
      return what();
    } catch (e) {
      throw new UsageError(`disk ${this.file}: ${hostReason(e)}`);
    }
  }
}

function open(file: string, readOnly: boolean): { fd: number; readOnly: boolean } {
  try {
    if (!readOnly) return { fd: openSync(file, "r+"), readOnly };
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code === "EISDIR") throw new UsageError(`disk ${file}: is a directory, not a disk image`);
    if (code !== "EACCES" && code !== "EPERM" && code !== "EROFS") throw new UsageError(`disk ${file}: ${hostReason(e)}`);
  }
  try {
    return { fd: openSync(file, "r"), readOnly: true };
  } catch (e) {
    throw new UsageError(`disk ${file}: ${hostReason(e)}`);
  }
}
