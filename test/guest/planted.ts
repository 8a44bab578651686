// Kernels with a planted bug, for tests: our kernel's sources with a few words changed, built in a folder of their own.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { KERNEL_INCLUDES, compileJob, linkWithSymbols, type BuildOptions } from "../../scripts/guest-build/build.ts";
import { runJobs } from "../../scripts/guest-build/jobs.ts";
import { findSources, type Guest } from "../../scripts/guest-build/sources.ts";
import { findToolchain, type Toolchain } from "../../scripts/guest-build/toolchain.ts";

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The first toolchain that is installed; undefined when there is none. */
export function installedToolchain(): Toolchain | undefined {
  try {
    return findToolchain(() => undefined) ?? undefined;
  } catch {
    return undefined;
  }
}

/** A change of one file: `from` stands in it exactly once. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Builds kernels with changes; all others of its objects are compiled once. */
export class Planter {
  private readonly folder: string;
  private readonly options: BuildOptions;
  private readonly guest: Guest;
  private said = "";

  private constructor(toolchain: Toolchain) {
    this.folder = mkdtempSync(join(tmpdir(), "pagewalk-planted-"));
    for (const part of ["guest-kernel", "guest-user"]) cpSync(join(ROOT, part), join(this.folder, part), { recursive: true, filter: (f) => !/prebuilt|debug$/.test(f) });
    this.options = { toolchain, root: this.folder, work: join(this.folder, "work"), parallel: 2, show: (text) => { this.said += text; } };
    this.guest = findSources(this.folder);
  }

  /** Compiles the kernel as it is. */
  static async make(toolchain: Toolchain): Promise<Planter> {
    const p = new Planter(toolchain);
    await p.compile(p.guest.kernel);
    return p;
  }

  /** A kernel with these changes, as an ELF file. Throws an Error when a change does not fit, or the kernel does not build. */
  async build(edits: readonly Edit[]): Promise<Uint8Array> {
    const before = new Map(edits.map(({ file }) => [file, this.read(file)]));
    try {
      for (const { file, from, to } of edits) {
        const text = this.read(file);
        if (text.split(from).length !== 2) throw new Error(`${file} has ${text.split(from).length - 1} places that read: ${from}`);
        writeFileSync(join(this.folder, file), text.replace(from, () => to));
      }
      await this.compile(this.changed([...before.keys()]));
      return await linkWithSymbols(this.options, this.guest);
    } finally {
      for (const [file, text] of before) writeFileSync(join(this.folder, file), text);
      await this.compile(this.changed([...before.keys()]));
    }
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private read(file: string): string {
    return readFileSync(join(this.folder, file), "utf8");
  }

  /** Sources that are made anew when these files change. */
  private changed(files: readonly string[]): string[] {
    const headers = files.filter((f) => f.endsWith(".h")).map((f) => `"${f.split("/").at(-1)!}"`);
    return this.guest.kernel.filter((s) => files.includes(s) || headers.some((h) => this.read(s).includes(h)));
  }

  private async compile(sources: readonly string[]): Promise<void> {
    this.said = "";
    try {
      await runJobs(sources.map((s) => compileJob(this.options, s, KERNEL_INCLUDES)), this.folder, 2, this.options.show);
    } catch (e) {
      throw new Error(`${e instanceof Error ? e.message : String(e)}\n${this.said}`);
    }
  }
}
