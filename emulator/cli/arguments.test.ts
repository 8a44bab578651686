// Both command lines: what they come to, and that each mistake is one clear line.
import { describe, expect, it } from "vitest";
import { EVENT_NAMES } from "../events.ts";
import { parseArguments } from "./arguments.ts";
import { UsageError } from "./errors.ts";
import { defaultSettings, type Settings } from "./settings.ts";

const parse = (...args: string[]): Settings => {
  const request = parseArguments(args, "1.2.3");
  if ("print" in request) throw new Error(`printed ${request.print}`);
  return request.settings;
};
const printed = (...args: string[]): string => {
  const request = parseArguments(args, "1.2.3");
  return "print" in request ? request.print : "(nothing)";
};
const mistake = (...args: string[]): string => {
  try {
    parse(...args);
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    expect(e.message).not.toContain("\n");
    return e.message;
  }
  return "(none)";
};

describe("own options", () => {
  it("have defaults", () => {
    expect(parse()).toEqual(defaultSettings());
  });

  it("stand before or after the command word", () => {
    const wanted = { harts: 4, memory: 2 ** 28, run: "usertests -q" };
    expect(parse("--smp", "4", "--memory", "256M", "run", "usertests", "-q")).toMatchObject(wanted);
    expect(parse("run", "--smp", "4", "usertests", "--memory=256M", "-q")).toMatchObject(wanted);
  });

  it("leave the guest its words", () => {
    expect(parse("run", "head", "-n", "3", "--help").run).toBe("head -n 3 --help");
    expect(parse("run", "ls | wc").run).toBe("ls | wc");
    expect(parse("run", "--", "echo", "--smp").run).toBe("echo --smp");
    expect(parse("run", "qemu").run).toBe("qemu");
  });

  it("may be repeated where that means something", () => {
    expect(parse("--disk", "a", "--disk", "none", "--disk=b", "--append", "x=1", "--append", "qemu")).toMatchObject({
      disks: [{ file: "a" }, null, { file: "b" }], append: ["x=1", "qemu"],
    });
    expect(parse("--trace", "trap,csr", "--trace", "csr,fence").trace).toEqual(["trap", "csr", "fence"]);
    expect(parse("--trace", "all").trace).toEqual(EVENT_NAMES.filter((n) => n !== "instruction"));
  });

  it("serve gdb on a port that is given or usual", () => {
    expect(parse("--gdb")).toMatchObject({ gdb: 1234, wait: false });
    expect(parse("--gdb", "--smp", "2", "--wait")).toMatchObject({ gdb: 1234, wait: true, harts: 2 });
    expect(parse("--gdb", "5000", "run", "ls")).toMatchObject({ gdb: 5000, run: "ls" });
    expect(parse("--gdb", "run", "ls", "-l")).toMatchObject({ gdb: 1234, run: "ls -l" });
    expect(parse("run", "ls", "--gdb=0")).toMatchObject({ gdb: 0, run: "ls" });
    expect(parse("--append", "--gdb", "run", "ls")).toMatchObject({ gdb: undefined, append: ["--gdb"] });
    expect(parse("run", "--", "echo", "--gdb", "5")).toMatchObject({ gdb: undefined, run: "echo --gdb 5" });
    expect(parse("--gdb", "qemu", "-machine", "virt", "-bios", "none", "-kernel", "K")).toMatchObject({ gdb: 1234, kernel: "K" });
    expect(mistake("--gdb=99999")).toBe("--gdb 99999: not a TCP port (0 to 65535)");
    expect(mistake("--gdb=x")).toContain("--gdb x: not a TCP port");
    expect(mistake("--wait")).toBe("--wait: nothing would ever start the machine; serve gdb too");
  });

  it("take sizes with units", () => {
    const sizes = { "1M": 2 ** 20, "128": 2 ** 27, "1g": 2 ** 30, "3G": 3 * 2 ** 30, "2048K": 2 ** 21, "64MiB": 2 ** 26 };
    for (const [text, bytes] of Object.entries(sizes)) expect(parse("--memory", text).memory).toBe(bytes);
  });

  it("print help with every option in it, and the version", () => {
    for (const args of [["--help"], ["-h"], ["run", "--help"], ["monitor", "--help"], ["monitor", "-h"], ["dap", "--help"], ["--smp", "2", "--help"]]) {
      const help = printed(...args);
      const names = ["--kernel", "--disk", "--memory", "--smp", "--append", "--bios", "--initrd", "--engine", "--ad", "--trace", "--trace-file", "--gdb", "--wait", "--version", "--help"];
      for (const name of [...names, ...EVENT_NAMES, "run", "qemu", "Ctrl-A x"]) expect(help).toContain(name);
      expect(Math.max(...help.split("\n").map((line) => line.length))).toBeLessThanOrEqual(90);
    }
    expect(printed("--version")).toBe("pagewalk 1.2.3\n");
  });

  it("that are wrong are told so", () => {
    expect(mistake("--smp", "0")).toBe("--smp 0: a machine has 1 to 8 harts");
    expect(mistake("--smp", "9")).toContain("--smp 9");
    expect(mistake("--smp", "two")).toContain("--smp two");
    expect(mistake("--memory", "9T")).toBe("--memory 9T: a machine has 1M to 3G of memory");
    expect(mistake("--memory", "12x")).toContain("--memory 12x: not a size");
    expect(mistake("--memory", "-1")).toContain("--memory -1");
    expect(mistake("--memory", "1025K")).toContain("not a multiple");
    expect(mistake("--engine", "fast")).toBe("--engine fast: must be interpreter or reference");
    expect(mistake("--ad", "x")).toBe("--ad x: must be hardware or fault");
    for (const name of EVENT_NAMES) expect(mistake("--trace", "trap,foo")).toContain(name);
    expect(mistake("--trace", "trap,")).toContain("without a name");
    expect(mistake("--trace-file", "x")).toContain("--trace-file without --trace");
    expect(mistake("--kernel", "")).toBe("--kernel: the value is empty");
    expect(mistake("--smp")).toContain("--smp");
    expect(mistake("--smpp", "3")).toBe("unknown option '--smpp' (Did you mean --smp?)");
    expect(mistake("--foo", "run", "ls")).toBe("unknown option '--foo'");
    expect(mistake("run", "--foo", "ls")).toBe("unknown option '--foo'");
    expect(mistake("-x")).toBe("unknown option '-x'");
    expect(parse("dap").dap).toBe(true);
    expect(mistake("boot")).toContain("there is no command boot");
    expect(mistake("run")).toContain("which command?");
    expect(mistake(...Array.from({ length: 9 }, () => ["--disk", "d"]).flat())).toContain("9 disks");
  });
});

describe("qemu", () => {
  const XV6 = [
    "-machine", "virt", "-bios", "none", "-kernel", "kernel/kernel", "-m", "128M", "-smp", "3", "-nographic",
    "-global", "virtio-mmio.force-legacy=false", "-drive", "file=fs.img,if=none,format=raw,id=x0",
    "-device", "virtio-blk-device,drive=x0,bus=virtio-mmio-bus.0",
  ];
  const qemu = (...args: string[]): Settings => parse("qemu", "-machine", "virt", "-bios", "none", "-kernel", "K", ...args);
  const refused = (...args: string[]): string => mistake("qemu", ...XV6, ...args);

  it("takes what xv6's Makefile writes", () => {
    expect(parse("qemu", ...XV6)).toEqual({
      ...defaultSettings(), kernel: "kernel/kernel", harts: 3,
      disks: [{ file: "fs.img", readOnly: false, snapshot: false }, ...Array.from({ length: 7 }, () => null)],
    });
  });

  it("takes the usual variations", () => {
    expect(qemu("-m", "1G", "-smp", "cpus=2,sockets=1,cores=2", "-append", "a b", "-initrd", "I", "-no-reboot")).toMatchObject({
      memory: 2 ** 30, harts: 2, append: ["a b"], initrd: "I", reboot: false, disks: Array.from({ length: 8 }, () => null),
    });
    expect(qemu("-serial", "mon:stdio", "-display", "none", "-monitor", "none", "-cpu", "rv64", "-accel", "tcg", "-m", "size=64M").memory).toBe(2 ** 26);
    expect(parse("qemu", "--machine", "virt,aclint=off", "--bios", "fw.bin")).toMatchObject({ bios: "fw.bin", kernel: undefined });
    expect(parse("--engine", "reference", "qemu", ...XV6).engine).toBe("reference");
  });

  it("serves gdb", () => {
    expect(qemu()).toMatchObject({ gdb: undefined, wait: false });
    expect(qemu("-s")).toMatchObject({ gdb: 1234, wait: false });
    expect(qemu("-S", "-gdb", "tcp::26000")).toMatchObject({ gdb: 26000, wait: true });
    expect(qemu("-gdb", "tcp:localhost:9,server=on,wait=off")).toMatchObject({ gdb: 9 });
  });

  it("puts disks where they ask to be, the others from the last slot down", () => {
    const disks = qemu(
      "-drive", "id=a,if=none,file=a,,b.img,readonly=on", "-drive", "if=none,id=b,file=b", "-drive", "if=none,id=c,file=c,snapshot=on",
      "-device", "virtio-blk-device,drive=a", "-device", "virtio-blk-device,bus=virtio-mmio-bus.7,drive=b", "-device", "virtio-blk-device,drive=c",
    ).disks!;
    expect(disks.map((d) => d?.file)).toEqual([undefined, undefined, undefined, undefined, undefined, "c", "a,b.img", "b"]);
    expect(disks[6]).toMatchObject({ readOnly: true });
    expect(disks[5]).toMatchObject({ snapshot: true });
    expect(parse("qemu", ...XV6, "-snapshot").disks![0]).toMatchObject({ snapshot: true });
  });

  it("names what it can't honour", () => {
    expect(refused("-S")).toBe("qemu: -S: nothing would ever start the machine; serve gdb too");
    expect(refused("-gdb", "unix:/tmp/s")).toBe("qemu: -gdb unix:/tmp/s can't be honoured: only tcp::PORT can");
    expect(refused("-gdb", "tcp:0.0.0.0:1")).toContain("to this computer only");
    expect(refused("-gdb", "tcp::99999")).toBe("-gdb 99999: not a TCP port (0 to 65535)");
    expect(refused("-gdb", "tcp::1,logfile=x")).toContain("logfile=x");
    for (const option of ["-icount", "-d", "-D", "-trace", "-netdev", "-semihosting", "-full-screen", "-constructor"]) {
      expect(refused(option, "x")).toContain(`${option} can't be honoured`);
    }
    expect(refused("-machine", "sifive_u")).toContain("-machine sifive_u can't");
    expect(refused("-machine", "virt,dumpdtb=x")).toContain("dumpdtb=x");
    expect(refused("-global", "virtio-mmio.force-legacy=true")).toContain("force-legacy=true");
    expect(refused("-serial", "file:x")).toContain("-serial file:x");
    expect(refused("-cpu", "sifive-u54")).toContain("sifive-u54");
    expect(refused("-smp", "2,maxcpus=4")).toContain("maxcpus=4");
    expect(refused("-smp", "9")).toContain("-smp 9");
    expect(refused("-m", "9T")).toContain("-m 9T");
    expect(refused("-device", "virtio-net-device,netdev=n")).toContain("no virtio-net-device");
    expect(refused("-device", "virtio-blk-device,drive=x0")).toContain("has a device already");
    expect(refused("-device", "virtio-blk-device,drive=zz")).toContain("no drive zz");
    expect(refused("-drive", "file=x,if=virtio,id=q")).toContain("if=none");
    expect(refused("-drive", "file=x,if=none,format=qcow2,id=q")).toContain("format=qcow2");
    expect(refused("-drive", "file=x,if=none,id=x0")).toContain("another drive x0");
    expect(refused("fs.img")).toContain("fs.img");
    expect(refused("-kernel")).toContain("-kernel needs a value");
    expect(mistake("qemu", "-kernel", "K")).toContain("no -bios");
    expect(mistake("qemu", "-bios", "default")).toContain("-bios default");
    expect(mistake("qemu", "-bios", "none")).toContain("no -kernel");
  });

  it("answers Makefiles that ask for a version and for -gdb", () => {
    expect(/^QEMU emulator version ([0-9]+\.[0-9]+)\./.exec(printed("qemu", "--version"))?.[1]).toBe("7.2");
    expect(printed("qemu", "-help")).toMatch(/^-gdb/m);
  });
});
