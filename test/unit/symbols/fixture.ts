// A small program with all kinds of types, inlined calls and variables, compiled for the tests of debug information in
// every way that the installed compilers know.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installed } from "../../support/tools.ts";

const SOURCE = `typedef unsigned long word;
enum colour { RED = 1, GREEN, BLUE = 7 };
enum balance { DEBT = -3, NONE = 0 };
struct opaque;
struct node { struct node *next; word value; };
union either { int number; char text[8]; };
struct all {
  char letter; signed char small; short half; int count; long wide; _Bool yes;
  unsigned low : 3; int middle : 7; unsigned high : 22;
  enum colour paint; enum balance money;
  union either one;
  struct { int inner; union { int deep; float real; }; };
  struct node *list; struct opaque *secret;
  int grid[2][3]; const char *name; volatile word *place;
  int (*call)(struct node *, int); void *any; struct node nodes[2];
  char tail[];
};
struct all everything = { .letter = 'x', .small = -2, .count = 42, .low = 5, .middle = -9, .high = 0x2abcde, .paint = BLUE, .money = DEBT };
static struct node chain = { &chain, 77 };
struct node *head = &chain;
static int counter;
static inline __attribute__((always_inline)) int twice(int n) { int doubled = n * 2; counter += doubled; return doubled; }
static inline __attribute__((always_inline)) int four_times(int n) { return twice(twice(n)); }
__attribute__((noinline)) int sum(const int *list, int length) {
  int total = 0;
  for (int i = 0; i < length; i++) {
    int element = list[i];
    total += four_times(element);
  }
  return total;
}
__attribute__((noinline)) int outer(int first, int second) {
  int pair[2] = { first, second };
  return sum(pair, 2) + first;
}
void _start(void) { everything.count = outer(3, 4); for (;;); }
`;
const OTHER = `struct opaque { int revealed; };
struct opaque the_secret = { 5 };
struct node { long different; };
struct node other_node = { 9 };
`;

/** How a fixture is compiled. */
export interface Build {
  readonly name: string;
  readonly compiler: "gcc" | "clang";
  readonly flags: readonly string[];
  readonly link?: readonly string[];
}

const GCC = "riscv64-unknown-elf-gcc";
const gcc = (name: string, ...flags: string[]): Build => ({ name: `gcc ${name}`, compiler: "gcc", flags });
const clang = (name: string, ...flags: string[]): Build => ({ name: `clang ${name}`, compiler: "clang", flags });

/** Every way that can be tried here. */
export const BUILDS: readonly Build[] = [
  gcc("DWARF 5", "-gdwarf-5"),
  gcc("DWARF 4", "-gdwarf-4"),
  gcc("DWARF 3", "-gdwarf-3", "-gstrict-dwarf"),
  gcc("DWARF 2", "-gdwarf-2"),
  gcc("DWARF 5, 64-bit offsets", "-gdwarf-5", "-gdwarf64"),
  gcc("DWARF 5, type units", "-gdwarf-5", "-fdebug-types-section"),
  { ...gcc("DWARF 5, compressed", "-gdwarf-5"), link: ["-Wl,--compress-debug-sections=zlib"] },
  gcc("DWARF 5, .eh_frame", "-gdwarf-5", "-fasynchronous-unwind-tables"),
  clang("DWARF 5", "-gdwarf-5"),
  clang("DWARF 4", "-gdwarf-4"),
].filter(({ compiler }) => (compiler === "gcc" ? installed(GCC) : installed("clang") && installed("ld.lld")));

/** The program's ELF file and where it lies; `done` removes it. */
export function compile(build: Build): { path: string; bytes: Uint8Array; done: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "pagewalk-symbols-"));
  writeFileSync(join(folder, "main.c"), SOURCE);
  writeFileSync(join(folder, "other.c"), OTHER);
  const path = join(folder, "program");
  const command = build.compiler === "gcc" ? [GCC] : ["clang", "--target=riscv64-unknown-elf", "-fuse-ld=lld", "-mno-relax"];
  const argv = [
    ...[...command, "-O2", "-march=rv64imac", "-mabi=lp64", "-mcmodel=medany", "-nostdlib", "-nostartfiles", "-static"],
    ...["-ffreestanding", "-ffile-prefix-map=" + folder + "=.", ...build.flags],
    ...["-Wl,-Ttext=0x80000000", "-Wl,--no-relax", "-Wl,--build-id=none", ...(build.link ?? []), "main.c", "other.c", "-o", path],
  ];
  const { status, stderr } = spawnSync(argv[0]!, argv.slice(1), { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw new Error(`${build.name}: ${stderr}`);
  return { path, bytes: new Uint8Array(readFileSync(path)), done: () => rmSync(folder, { recursive: true, force: true }) };
}
