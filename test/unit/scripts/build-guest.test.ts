// The guest build on a guest of a few lines: reproducible wherever it lies, honest about errors and about what differs.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { Sections } from "../../../emulator/monitor/symbols/sections.ts";
import { functionsOf } from "../../../scripts/guest-build/elf-symbols.ts";
import { firstMoved, ksymsAssembly } from "../../../scripts/guest-build/ksyms.ts";
import { findSources } from "../../../scripts/guest-build/sources.ts";
import { PINNED } from "../../../scripts/guest-build/toolchain.ts";
import { runScript, scratch } from "./run.ts";

const CHECKOUT = fileURLToPath(new URL("../../../", import.meta.url));
const there = (command: string): boolean => spawnSync(command, ["--version"]).status === 0;
const COMPILERS = ["riscv64-unknown-elf-gcc", "riscv64-linux-gnu-gcc", "clang"].filter((cc) => there(cc) && (cc !== "clang" || there("ld.lld")));

const KERNEL_LD = `ENTRY(_entry)
SECTIONS {
  . = 0x80000000;
  .text : { *(.text.entry) *(.text .text.*) }
  . = ALIGN(4096);
  .rodata : { *(.rodata .rodata.* .srodata .srodata.*) . = ALIGN(8); KEEP(*(.ksyms)) ksymstr_start = .; KEEP(*(.ksymstr)) }
  . = ALIGN(4096);
  .data : { *(.data .data.* .sdata .sdata.*) *(.bss .bss.* .sbss .sbss.*) }
}
`;

const SOURCES: Record<string, string> = {
  "guest-kernel/kernel.ld": KERNEL_LD,
  "guest-kernel/boot/entry.S": ".section .text.entry\n.globl _entry\n_entry: call kmain\n1: j 1b\n",
  "guest-kernel/boot/main.c": "#include <stdarg.h>\nvoid kmain(void);\nint value = 3;\nvoid kmain(void) { value++; }\n",
  "guest-user/user.ld": "ENTRY(_start)\nEXTERN(_start)\nSECTIONS { . = 0x10000; .text : { *(.text*) } }\n",
  "guest-user/lib/crt0.S": ".globl _start\n_start: call main\nli a7, 2\necall\n",
  "guest-user/lib/helper.c": "int helper(void);\nint helper(void) { return 3; }\n",
  "guest-user/bin/one.c": "int helper(void);\nint main(void);\nint main(void) { return helper(); }\n",
  "guest-user/tests/two/a.c": "int b(void);\nint main(void);\nint main(void) { return b(); }\n",
  "guest-user/tests/two/b.c": "int b(void);\nint b(void) { return 4; }\n",
};

/** A dynamic linker, a library and a program that wants both, on top of SOURCES. */
const SHARED_SOURCES: Record<string, string> = {
  "guest-user/shared.ld": readFileSync(join(CHECKOUT, "guest-user/shared.ld"), "utf8"),
  "guest-user/dynamic.ld": readFileSync(join(CHECKOUT, "guest-user/dynamic.ld"), "utf8"),
  "guest-user/ldso/exports.map": "{ global: dlopen; local: *; };\n",
  "guest-user/ldso/ldso.c": `void _start(void); void _start(void) {}
void *dlopen(const char *n, int m); __attribute__((visibility("default"))) void *dlopen(const char *n, int m) { (void)m; return (void *)n; }\n`,
  "guest-user/shared/libtwo.c": "int helper(void);\nint two(void);\nint two(void) { return helper() + 1; }\n",
  "guest-user/bin/three.c": "int two(void);\nint main(void);\nint main(void) { return two(); }\n",
  "guest-user/bin/four.c": "void *dlopen(const char *, int);\nint main(void);\nint main(void) { return dlopen(0, 1) != 0; }\n",
  "guest-user/dynamic.txt": "# a comment\nthree libtwo\n\nfour only # and another\n",
};

/** A checkout with a kernel and two programs at `root`. */
function makeGuest(root: string, changes: Record<string, string> = {}): string {
  for (const [path, contents] of Object.entries({ ...SOURCES, ...changes })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), contents);
  }
  return root;
}

const build = (root: string, ...args: string[]): ReturnType<typeof runScript> => runScript("build-guest", ["--root", root, ...args]);

test("sources are found in one order; a folder is one program", () => {
  const guest = findSources(makeGuest(scratch()));
  expect(guest.kernel).toEqual(["guest-kernel/boot/entry.S", "guest-kernel/boot/main.c"]);
  expect(guest.libc).toEqual(["guest-user/lib/crt0.S", "guest-user/lib/helper.c"]);
  expect(guest.programs).toEqual([
    { name: "one", sources: ["guest-user/bin/one.c"] },
    { name: "two", sources: ["guest-user/tests/two/a.c", "guest-user/tests/two/b.c"] },
  ]);
});

const LINK_LIST = { "guest-user/tests/two/link.txt": "# comment\nlow -Ttext 0 -e main\n\nhigh   -Ttext 0x50000 -e main # and another\n" };

test("a folder with link.txt is several programs of the same sources, each with its own options for the linker", () => {
  const root = makeGuest(scratch(), LINK_LIST);
  const sources = ["guest-user/tests/two/a.c", "guest-user/tests/two/b.c"];
  expect(findSources(root).programs.filter((p) => p.link !== undefined)).toEqual([
    { name: "high", sources, link: ["-Ttext", "0x50000", "-e", "main"] },
    { name: "low", sources, link: ["-Ttext", "0", "-e", "main"] },
  ]);
});

test("two sources for one object, and two programs of one name, are refused", () => {
  expect(() => findSources(makeGuest(scratch(), { "guest-kernel/boot/main.S": "" }))).toThrow("would both become");
  expect(() => findSources(makeGuest(scratch(), { "guest-user/tests/one.c": "" }))).toThrow("are both the program one");
  expect(() => findSources(makeGuest(scratch(), { "guest-user/bin/fifteen-letters.c": "" }))).toThrow("at most 14 characters");
});

test("dynamic.txt says which programs are linked dynamically, and is held to what exists", () => {
  const guest = findSources(makeGuest(scratch(), SHARED_SOURCES));
  expect(guest.dynamic.map(({ program, libraries, output, only }) => [program.name, libraries.map((l) => l.name), output, only])).toEqual([
    ["three", ["libtwo"], "three.dyn", false],
    ["four", [], "four", true],
  ]);
  expect(() => findSources(makeGuest(scratch(), { ...SHARED_SOURCES, "guest-user/dynamic.txt": "three libnone\n" }))).toThrow(
    "guest-user/dynamic.txt names libnone, which has no source",
  );
});

test("the symbol table as assembly", () => {
  const assembly = ksymsAssembly([{ address: 0x80000000n, name: "first" }, { address: 0x80000010n, name: "second" }]);
  expect(assembly).toMatch(/\.quad 0x80000000\n\s+\.word 0, 0\n\s+\.quad 0x80000010\n\s+\.word 6, 0\n\s+\.quad -1\n\s+\.word 0, 0\n/);
  expect(assembly).toMatch(/\.asciz "first"\n\s+\.asciz "second"\n/);
  expect(firstMoved([{ address: 1n, name: "f" }], [{ address: 1n, name: "f" }])).toBeNull();
  expect(firstMoved([{ address: 1n, name: "f" }], [{ address: 2n, name: "f" }])).toBe("f");
});

test("the Dockerfile installs the pinned toolchain", () => {
  const dockerfile = readFileSync(join(CHECKOUT, "Dockerfile"), "utf8");
  const [, gcc, binutils] = /^riscv64-unknown-elf-gcc \((\S+)\) \S+; GNU ld \((\S+)\)/.exec(PINNED)!;
  expect(dockerfile).toContain(`gcc-riscv64-unknown-elf=${gcc!}`);
  expect(dockerfile).toContain(`binutils-riscv64-unknown-elf=${binutils!}`);
  const shared = /; GNU ld \(GNU Binutils for Debian\) (\S+)$/.exec(PINNED)![1]!;
  expect(dockerfile).toContain(`binutils-riscv64-linux-gnu=${shared}-`);
});

test("wrong usage is one line and status 2", () => {
  for (const args of [["--colour"], ["kernal"], ["--jobs", "0"], ["--cc", "no-such-compiler"]]) {
    const { status, stderr } = build(CHECKOUT, ...args);
    expect(status).toBe(2);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  }
});

describe.skipIf(COMPILERS.length === 0)("with a RISC-V compiler (skipped: none is installed)", () => {
  test("programs of a link.txt lie where its options put them", () => {
    const root = makeGuest(scratch(), LINK_LIST);
    const { status, stderr } = build(root, "user");
    expect(status, stderr).toBe(0);
    const entry = (name: string): bigint => readFileSync(join(root, "guest-user/prebuilt", name)).readBigUInt64LE(24);
    expect(entry("low")).toBeLessThan(0x1000n);
    expect(entry("high") - entry("low")).toBe(0x50000n);
  });

  test.each(COMPILERS)("%s: the same bytes wherever the checkout lies, and no trace of the place in them", (cc) => {
    const here = makeGuest(join(scratch(), "a"));
    const there = makeGuest(join(scratch(), "another place/b"));
    expect(build(here, "--cc", cc)).toMatchObject({ status: 0, stderr: "" });
    expect(build(there, "--cc", cc, "--jobs", "1")).toMatchObject({ status: 0, stderr: "" });
    const folders = {
      "guest-kernel/prebuilt": ["TOOLCHAIN", "kernel.elf"],
      "guest-user/prebuilt": ["TOOLCHAIN", "one", "two"],
      "guest-user/debug": ["one.debug", "two.debug"],
    };
    for (const [folder, files] of Object.entries(folders)) {
      const names = readdirSync(join(here, folder));
      expect(names).toEqual(files);
      for (const name of names) {
        const bytes = readFileSync(join(here, folder, name));
        expect(Buffer.compare(bytes, readFileSync(join(there, folder, name))), name).toBe(0);
        expect(bytes.includes(dirname(here)), name).toBe(false);
      }
    }
  });

  test.each(COMPILERS)("%s: shared objects, the same bytes everywhere, and programs linked against them", (cc) => {
    const here = makeGuest(join(scratch(), "a"), SHARED_SOURCES);
    const there = makeGuest(join(scratch(), "another place/b"), SHARED_SOURCES);
    for (const root of [here, there]) expect(build(root, "--cc", cc, "user")).toMatchObject({ status: 0, stderr: "" });
    const names = ["four", "lib/ld.so", "lib/libc.so", "lib/libtwo.so", "three", "three.dyn"];
    const read = (root: string, name: string): Buffer => readFileSync(join(root, "guest-user/prebuilt", name));
    for (const name of names) expect(Buffer.compare(read(here, name), read(there, name)), name).toBe(0);
    const type = (name: string): number => read(here, name).readUInt16LE(16);
    expect(names.map(type)).toEqual([2, 3, 3, 3, 2, 2]); // ET_EXEC or ET_DYN
    const says = (name: string, text: string): boolean => read(here, name).includes(`${text}\0`);
    expect([says("three.dyn", "/lib/ld.so"), says("three.dyn", "libtwo.so"), says("four", "ld.so"), says("three", "/lib/ld.so")]).toEqual([
      true, true, true, false,
    ]);
    expect(readdirSync(join(here, "guest-user/prebuilt")).sort()).toEqual(["TOOLCHAIN", "four", "lib", "one", "three", "three.dyn", "two"]);
    expect(build(here, "--cc", cc, "user").stdout).toContain("none changed");
  });

  test("a debug file has its program's symbols and compressed debug sections, and none of its code", () => {
    const root = makeGuest(scratch(), SHARED_SOURCES);
    expect(build(root, "user")).toMatchObject({ status: 0, stderr: "" });
    for (const name of ["one", "three.dyn", "lib/libtwo.so", "lib/ld.so"]) {
      const program = readFileSync(join(root, "guest-user/prebuilt", name));
      const debug = readFileSync(join(root, "guest-user/debug", `${name}.debug`));
      expect(functionsOf(debug), name).toEqual(functionsOf(program));
      expect(functionsOf(program).length, name).toBeGreaterThan(0);
      expect([program.includes(".debug_info\0"), debug.includes(".debug_info\0"), debug.includes("int ")]).toEqual([false, true, false]);
      const sections = new Sections(program, debug);
      expect(new TextDecoder("latin1").decode(sections.get(".debug_line_str")), name).toContain("guest-user/");
      expect(new Sections(debug).image(sections.allocated().find(({ code }) => code)!.start, 4), name).toBeUndefined();
    }
  });

  test("the kernel carries its own symbol table", () => {
    const root = makeGuest(scratch());
    build(root, "kernel");
    const elf = readFileSync(join(root, "guest-kernel/prebuilt/kernel.elf"));
    const functions = functionsOf(elf);
    expect(functions.map(({ name }) => name)).toEqual(["_entry", "kmain"]);
    expect(functions[0]!.address).toBe(0x80000000n);
    const table = Buffer.alloc(48);
    functions.forEach(({ address }, i) => table.writeBigUInt64LE(address, i * 16));
    table.writeUInt32LE("_entry".length + 1, 24);
    table.fill(0xff, 32, 40);
    expect(elf.includes(table)).toBe(true);
    expect(elf.includes("_entry\0kmain\0")).toBe(true);
  });

  test("a kernel whose code moves when the table is filled in is refused", () => {
    const tables = "KEEP(*(.ksyms)) ksymstr_start = .; KEEP(*(.ksymstr))";
    const script = KERNEL_LD.replace(tables, "").replace("*(.text.entry)", `*(.text.entry) ${tables}`);
    const { status, stderr } = build(makeGuest(scratch(), { "guest-kernel/kernel.ld": script }), "kernel");
    expect(stderr).toMatch(/moved \w+: kernel.ld must place .ksyms and .ksymstr after all code/);
    expect(status).toBe(1);
  });

  test("the compiler's errors are shown whole, for every file, and nothing is written", () => {
    const root = makeGuest(scratch(), { "guest-user/bin/bad.c": "int x = ;\n", "guest-user/bin/worse.c": "int main(void) { return y; }\n" });
    const { status, stderr } = build(root, "user");
    expect(status).toBe(1);
    expect(stderr).toContain("guest-user/bin/bad.c:1:9: error: expected expression");
    expect(stderr).toContain("guest-user/bin/worse.c:1:");
    expect(stderr).toContain("    1 | int x = ;");
    expect(stderr).toContain("2 steps failed: guest-user/bin/bad.c, guest-user/bin/worse.c");
    expect(() => readdirSync(join(root, "guest-user/prebuilt"))).toThrow("ENOENT");
  });

  test("--check names what differs; a program without a source is removed by a build", () => {
    const root = makeGuest(scratch());
    if (!build(root).stdout.includes(PINNED)) return expect(build(root, "--check").stdout).toContain("comparison skipped");
    const equal = build(root, "--check");
    expect(equal.stdout).toContain("all 7 committed files are what the sources give");
    expect(equal.status).toBe(0);
    cpSync(join(root, "guest-user/prebuilt/one"), join(root, "guest-user/prebuilt/old"));
    const one = readFileSync(join(root, "guest-user/prebuilt/one"));
    one[100]! ^= 1;
    writeFileSync(join(root, "guest-user/prebuilt/one"), one);
    rmSync(join(root, "guest-user/prebuilt/two"));
    const { status, stdout } = build(root, "--check");
    expect(status).toBe(1);
    expect(stdout).toContain(`guest-user/prebuilt/one differs: ${one.length} bytes committed, ${one.length} built, first difference at byte 100`);
    expect(stdout).toContain("guest-user/prebuilt/two is missing");
    expect(stdout).toContain("guest-user/prebuilt/old has no source");
    expect(build(root).stdout).toContain("changed: guest-user/prebuilt/one guest-user/prebuilt/two guest-user/prebuilt/old");
    expect(build(root, "--check").status).toBe(0);
  });

  const other = COMPILERS.find((cc) => cc !== "riscv64-unknown-elf-gcc");
  test.skipIf(other === undefined)("another compiler builds without the comparison", () => {
    const { status, stdout } = build(makeGuest(scratch()), "--cc", other!, "--check");
    expect(status).toBe(0);
    expect(stdout).toMatch(/built 6 files; comparison skipped: .* is not the pinned toolchain/);
  });
});
