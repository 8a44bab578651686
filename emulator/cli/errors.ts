// What goes wrong at the command line, and with which status the program then ends.

/** Something a person asked for cannot be. The message is one line; the program prints it and ends with status 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Status of a program that was asked for something that cannot be. */
export const USAGE_STATUS = 2;
/** Status after an error that is this program's own fault. */
export const INTERNAL_STATUS = 70;

/** Process status for a guest's power-off code: the code itself; never 0 (after the host cut it to a byte) unless it was 0. */
export function exitStatus(code: number): number {
  return code <= 255 ? code : (code & 255) || 255;
}

/** What the host says of a file, in words for a person. */
export function hostReason(e: unknown): string {
  const code = (e as NodeJS.ErrnoException).code;
  const WORDS: Readonly<Record<string, string>> = {
    ENOENT: "no such file",
    ENOTDIR: "no such file",
    EISDIR: "is a directory, not a file",
    EACCES: "permission denied",
    EPERM: "permission denied",
    ENAMETOOLONG: "the name is too long",
    ELOOP: "too many symbolic links",
    ENOSPC: "no space is left",
    ERR_FS_FILE_TOO_LARGE: "the file is too large",
    ERR_INVALID_ARG_VALUE: "not a name that a file can have",
  };
  return (code !== undefined ? WORDS[code] : undefined) ?? (e instanceof Error ? e.message.split("\n")[0]! : String(e));
}
