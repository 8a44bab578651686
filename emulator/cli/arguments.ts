// Pagewalk's own command line. `qemu` and what follows it is another dialect: qemu.ts.
import { Command, CommanderError, Option } from "commander";
import { EVENT_NAMES } from "../events.ts";
import { UsageError } from "./errors.ts";
import { parseQemu } from "./qemu.ts";
import { checkDiskCount, defaultSettings, engineName, eventNames, hartCount, memorySize, oneOf, type Settings } from "./settings.ts";

/** What to do: print something and end, or run a machine. */
export type Request = { readonly print: string } | { readonly settings: Settings };

interface OptionRow {
  readonly flags: string;
  readonly help: string;
  /** Take the value in; `option` is the option's name, for messages. */
  readonly set: (s: Settings, value: string, option: string) => void;
}

const OPTIONS: readonly OptionRow[] = [
  { flags: "--kernel <file>", help: "the kernel: an ELF file or a raw image (default: Pagewalk's own)", set: (s, v) => { s.kernel = v; } },
  {
    flags: "--disk <file>",
    help: 'a disk image, written through to the file; repeat it for the next slot, "none" leaves one empty (default: a fresh copy of Pagewalk\'s own disk, in memory: changes are not kept)',
    set: (s, v) => { (s.disks ??= []).push(v === "none" ? null : { file: v }); },
  },
  { flags: "--memory <size>", help: "RAM, such as 256M or 1G (1M to 3G; default: 128M)", set: (s, v, o) => { s.memory = memorySize(v, o); } },
  { flags: "--smp <n>", help: "number of harts, 1 to 8 (default: 1)", set: (s, v, o) => { s.harts = hartCount(v, o); } },
  { flags: "--append <text>", help: "words for the kernel's command line; may be repeated", set: (s, v) => { s.append.push(v); } },
  {
    flags: "--bios <file>", help: 'firmware that runs first, in machine mode; "none": the kernel starts in machine mode (default: none)',
    set: (s, v) => { s.bios = v === "none" ? null : v; },
  },
  { flags: "--initrd <file>", help: "initial RAM disk", set: (s, v) => { s.initrd = v; } },
  {
    flags: "--engine <name>", help: "interpreter, or reference: slow, written like the manual (default: interpreter)",
    set: (s, v, o) => { s.engine = engineName(v, o); },
  },
  {
    flags: "--ad <who>", help: "who sets a page table entry's A and D bits: hardware, or fault: software, told by a page fault (default: hardware)",
    set: (s, v, o) => { s.adUpdate = oneOf(["hardware", "fault"], v, o); },
  },
  {
    flags: "--trace <events>",
    help: `print a line for each event; names with commas between: ${EVENT_NAMES.join(", ")}; "all": these without instruction`,
    set: (s, v, o) => { s.trace.push(...eventNames(v, o).filter((name) => !s.trace.includes(name))); },
  },
  { flags: "--trace-file <file>", help: "where these lines go (default: standard error)", set: (s, v) => { s.traceFile = v; } },
];

/** Read the arguments that follow the program's name. Throws UsageError. */
export function parseArguments(args: readonly string[], version: string): Request {
  try {
    const at = args.indexOf("qemu");
    if (at >= 0) {
      const settings = defaultSettings();
      const { operands, unknown } = describe(settings, version).parseOptions(args.slice(0, at + 1));
      if (operands.join() === "qemu" && unknown.length === 0) return parseQemu(args.slice(at + 1), settings, version);
    }
    return parseOwn(args, version);
  } catch (e) {
    if (e instanceof CommanderError) throw new UsageError(e.message.replace(/^error: /, "").replaceAll("\n", " "));
    throw e;
  }
}

function parseOwn(args: readonly string[], version: string): Request {
  const settings = defaultSettings();
  const program = describe(settings, version);
  let printed = "";
  program.configureOutput({ writeOut: (text) => { printed += text; } });
  try {
    program.parse(args, { from: "user" });
  } catch (e) {
    if (e instanceof CommanderError && e.exitCode === 0) return { print: printed };
    throw e;
  }
  checkDiskCount(settings.disks?.length ?? 1);
  if (settings.traceFile !== undefined && settings.trace.length === 0) throw new UsageError("--trace-file without --trace: no events to write");
  return { settings };
}

/** The program as commander knows it; what it reads goes into `settings`. */
function describe(settings: Settings, version: string): Command {
  const program = new Command("pagewalk").exitOverride().configureOutput({ writeErr: () => undefined });
  program.usage("[options] [run <command…> | qemu <options…>]").version(`pagewalk ${version}`, "--version", "print the version");
  program.helpOption("-h, --help", "print this").helpCommand(false).addHelpText("before", INTRODUCTION).addHelpText("after", NOTES);
  for (const { flags, help, set } of OPTIONS) {
    program.addOption(new Option(flags, help).argParser((value: string) => {
      const option = flags.split(" ")[0]!;
      if (value === "" && option !== "--append") throw new UsageError(`${option}: the value is empty`);
      set(settings, value, option);
    }));
  }
  program.command("run").argument("[command...]").helpOption(false).allowUnknownOption()
    .description("boot, run one command without a terminal, end with its status")
    .action((words: string[]) => { settings.run = guestCommand(words, program); });
  program.command("qemu").usage("[options of qemu-system-riscv64]").helpOption(false)
    .description("take a qemu-system-riscv64 command line (qemu -help says how much of it)");
  return program.allowExcessArguments().action(() => {
    const [word] = program.args;
    if (word !== undefined) throw new UsageError(`there is no command ${word}: run and qemu are commands (--help says more)`);
  });
}

/** The guest's command line: the words after `run`. What begins with "-" before the first of them is no option of ours. */
function guestCommand(words: readonly string[], program: Command): string {
  const first = words[0] ?? "";
  if (first === "--help" || first === "-h") program.help();
  if (first.startsWith("-")) throw new UsageError(`unknown option '${first}'`);
  const line = words.join(" ").trim();
  if (line === "") throw new UsageError("run: which command? (run usertests)");
  return line;
}

const INTRODUCTION = `Pagewalk: a RISC-V computer (RV64, Sv39, QEMU's "virt" board) with a small Unix on it.
"npm start" boots it to a shell in this terminal; options go after "npm start --".
`;

const NOTES = `
Options stand before or after the command word. The words after run are joined with
spaces and read by the guest's shell, so what your shell must not take for itself is
quoted: run 'ls | wc'. Words like the options above are Pagewalk's wherever they
stand, except after "--": run -- echo --smp.

In the terminal:
  Ctrl-A x   quit                        Ctrl-A Ctrl-A   send Ctrl-A to the guest
  Ctrl-A h   help                        Ctrl-A c        the monitor (comes later)

Exit status: the code with which the guest powers off (run: the command's status);
2 when something asked for cannot be; 0 after Ctrl-A x.

Examples:
  npm start -- --smp 4 --memory 256M
  npm start -- run usertests
  npm start -- run 'echo hello > f; cat f | wc'
  npm start -- --disk my.img             (npm run mkfs makes one)
  npm start -- run ls --trace trap,pageFault --trace-file trace.txt
  npm start -- qemu -machine virt -bios none -kernel kernel/kernel -m 128M -smp 3 \\
      -nographic -global virtio-mmio.force-legacy=false \\
      -drive file=fs.img,if=none,format=raw,id=x0 \\
      -device virtio-blk-device,drive=x0,bus=virtio-mmio-bus.0
  make qemu QEMU=/path/to/pagewalk/bin/pagewalk-qemu.js     (in a folder of xv6)
`;
