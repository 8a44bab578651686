// Pagewalk's own command line. `qemu` and what follows it is another dialect: qemu.ts.
import { Command, CommanderError, Option } from "commander";
import { EVENT_NAMES } from "../events.ts";
import { UsageError } from "./errors.ts";
import { parseQemu } from "./qemu.ts";
import {
  checkDiskCount, checkWait, defaultSettings, engineName, eventNames, GDB_PORT, hartCount, memorySize, oneOf, portNumber, type Settings,
} from "./settings.ts";

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
  {
    flags: "--gdb [port]",
    help: `serve gdb on a TCP port of this computer (default: ${GDB_PORT}; 0: any that is free): target remote :${GDB_PORT}`,
    set: (s, v, o) => { s.gdb = portNumber(v, o); },
  },
  { flags: "--record <file>", help: "write a recording of the run to a file when it ends: what was typed and, of disk images, what the run wrote over", set: (s, v) => { s.record = v; } },
  {
    flags: "--replay <file>",
    help: "begin with the run of a recording: needs the same options and images (a disk image as that run found it, or as it left it) and does not change disk images; with a terminal the run goes on after its end, or from where something is typed, and what it writes to disks is forgotten",
    set: (s, v) => { s.replay = v; },
  },
  { flags: "--wait", help: "with --gdb: nothing runs before gdb says so", set: (s) => { s.wait = true; } },
  { flags: "--monitor", help: "begin with the monitor's prompt, before anything runs (Ctrl-A c brings it at any time)", set: (s) => { s.monitor = true; } },
  { flags: "--script <file>", help: 'with the command monitor: a file of monitor commands, one a line ("-": standard input)', set: (s, v) => { s.script = v; } },
];

/** Words of OPTIONS that take the next word as their value, whatever it is. */
const TAKES_VALUE = new Set(OPTIONS.filter((o) => o.flags.includes("<")).map((o) => o.flags.split(" ")[0]!));

/** `--gdb` takes the next word only if that is a number: write its port behind it, so that `--gdb run ls` is no riddle. */
function withPorts(args: readonly string[]): string[] {
  const out = [...args];
  for (let i = 0; i < out.length; i++) {
    const word = out[i]!;
    if (word === "--") break; // what follows belongs to the guest
    if (TAKES_VALUE.has(word)) i++;
    if (word !== "--gdb") continue;
    const given = /^\d+$/.test(out[i + 1] ?? "");
    out.splice(i, given ? 2 : 1, `--gdb=${given ? out[i + 1]! : GDB_PORT}`);
  }
  return out;
}

/** Read the arguments that follow the program's name. Throws UsageError. */
export function parseArguments(args: readonly string[], version: string): Request {
  try {
    const at = args.indexOf("qemu");
    if (at >= 0) {
      const settings = defaultSettings();
      const { operands, unknown } = describe(settings, version).parseOptions(withPorts(args.slice(0, at + 1)));
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
    program.parse(withPorts(args), { from: "user" });
  } catch (e) {
    if (e instanceof CommanderError && e.exitCode === 0) return { print: printed };
    throw e;
  }
  checkDiskCount(settings.disks?.length ?? 1);
  checkWait(settings, "--wait");
  if (settings.script !== undefined && !settings.monitor) throw new UsageError("--script goes with the command monitor: pagewalk monitor --script FILE");
  if (settings.monitor && settings.run !== undefined) throw new UsageError("run has no terminal for the monitor; put the command into a script: type, expect");
  if (settings.traceFile !== undefined && settings.trace.length === 0) throw new UsageError("--trace-file without --trace: no events to write");
  return { settings };
}

/** The program as commander knows it; what it reads goes into `settings`. */
function describe(settings: Settings, version: string): Command {
  const program = new Command("pagewalk").exitOverride().configureOutput({ writeErr: () => undefined });
  program.usage("[options] [run <command…> | monitor | qemu <options…> | dap]").version(`pagewalk ${version}`, "--version", "print the version");
  program.helpOption("-h, --help", "print this").helpCommand(false).addHelpText("before", INTRODUCTION).addHelpText("after", NOTES);
  for (const { flags, help, set } of OPTIONS) {
    const option = flags.split(" ")[0]!;
    if (option === flags) program.on(`option:${option.slice(2)}`, () => set(settings, "", option)); // it has no value to parse
    program.addOption(new Option(flags, help).argParser((value: string) => {
      if (value === "" && option !== "--append") throw new UsageError(`${option}: the value is empty`);
      set(settings, value, option);
    }));
  }
  program.command("run").argument("[command...]").helpOption(false).allowUnknownOption()
    .description("boot, run one command without a terminal, end with its status; if it is killed for a fault, or the kernel panics, say why on standard error")
    .action((words: string[]) => { settings.run = guestCommand(words, program); });
  program.command("qemu").usage("[options of qemu-system-riscv64]").helpOption(false)
    .description("take a qemu-system-riscv64 command line (qemu -help says how much of it)");
  helped(program, program.command("monitor")).description("begin with the monitor's prompt, or carry out --script FILE without a terminal")
    .action(() => { settings.monitor = true; });
  helped(program, program.command("dap"))
    .description("serve a debug client, such as VS Code, over standard input and output")
    .action(() => { settings.dap = true; });
  return program.allowExcessArguments().action(() => {
    const [word] = program.args;
    if (word !== undefined) throw new UsageError(`there is no command ${word}: run, monitor, qemu and dap are commands (--help says more)`);
  });
}

/** A command without options of its own: its --help is the program's. */
const helped = (program: Command, command: Command): Command => command.helpOption(false).option("-h, --help").on("option:help", () => program.help());

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

In the terminal, and in input from a pipe (for run that is the command's, all of it):
  Ctrl-A x   quit                        Ctrl-A Ctrl-A   send Ctrl-A to the guest
  Ctrl-A h   help                        Ctrl-A c        the monitor, and back

Exit status: the code with which the guest powers off (run: the command's status);
2 when something asked for cannot be; 0 after Ctrl-A x.

Examples:
  npm start -- --smp 4 --memory 256M
  npm start -- run usertests
  npm start -- run 'echo hello > f; cat f | wc'
  npm start -- --disk my.img             (npm run mkfs makes one)
  npm start -- run ls --trace trap,pageFault --trace-file trace.txt
  npm start -- monitor --script hunt.txt (in it: break vm_fault, continue, why, ...)
  npm start -- --gdb --wait              (in gdb: target remote :1234)
  npm start -- qemu -machine virt -bios none -kernel kernel/kernel -m 128M -smp 3 \\
      -nographic -global virtio-mmio.force-legacy=false \\
      -drive file=fs.img,if=none,format=raw,id=x0 \\
      -device virtio-blk-device,drive=x0,bus=virtio-mmio-bus.0
  make qemu QEMU=/path/to/pagewalk/bin/pagewalk-qemu.js     (in a folder of xv6)
`;
