// regs, csr, hart: registers of a hart, or those that the kernel saved of a process.

import { CSR } from "../../isa/csr-names.ts";
import { FLOAT_REGISTER_NAMES, REGISTER_NAMES } from "../../isa/disassemble.ts";
import { MonitorError, type Answer, type Command } from "../command.ts";
import { describeCsr } from "../csr-fields.ts";
import { floatRegisterNumber, registerNumber } from "../expression.ts";
import { floatText } from "../float-text.ts";
import { count, hex, table } from "../format.ts";
import type { Monitor } from "../monitor.ts";
import { MODE_NAMES } from "../pte.ts";

/** CSRs that matter while a kernel is debugged. */
const USUAL = ["satp", "sstatus", "scause", "sepc", "stval", "stvec", "sie", "sip", "sscratch", "stimecmp", "mstatus", "mcause", "mepc", "mtval", "mtvec", "mie", "mip", "medeleg", "mideleg"];

/** Four registers a line, with pc first. */
function registersText(pc: bigint, pcName: string, x: readonly (bigint | undefined)[], mode: string): string {
  const cell = (n: number): string[] => [REGISTER_NAMES[n]!, x[n] === undefined ? "(not saved)".padEnd(18) : hex(x[n], 16)];
  const rows = Array.from({ length: 8 }, (_, row) => [0, 1, 2, 3].flatMap((column) => cell(row + 8 * column)));
  return `pc ${hex(pc, 16)}${pcName === "" ? "" : ` ${pcName}`}, ${mode}\n${table(rows, "rlrlrlrl", "  ")}`;
}

const registersJson = (pc: bigint, x: readonly (bigint | undefined)[]): unknown =>
  ({ pc, ...Object.fromEntries(x.map((v, n) => [REGISTER_NAMES[n]!, v ?? null])) });

function ofHart(m: Monitor, n: number): Answer {
  const h = m.look.hart(n);
  const { pc, x } = m.machine.inspect.registers(n);
  const mode = `${MODE_NAMES[h.privilege]} mode${h.waiting ? ", waiting for an interrupt" : ""}`;
  return {
    text: `hart ${n}: ${registersText(pc, m.naming.name(pc, m.look.present(h)), x, mode)}`,
    json: { hart: n, privilege: MODE_NAMES[h.privilege], waiting: h.waiting, ...(registersJson(pc, x) as object) },
  };
}

/** The floating-point registers of a hart: bits and what they mean, two a line; fcsr and FS above them. */
function floatsOfHart(m: Monitor, n: number): Answer {
  const values = m.machine.inspect.floatRegisters(n);
  const fcsr = m.machine.inspect.csr(n, "fcsr");
  const state = describeCsr("mstatus", m.machine.inspect.csr(n, "mstatus")).split(" ").find((field) => field.startsWith("FS="))!;
  const cell = (i: number): string[] => [FLOAT_REGISTER_NAMES[i]!, hex(values[i]!, 16), floatText(values[i]!)];
  const rows = Array.from({ length: 16 }, (_, row) => [...cell(row), ...cell(row + 16)]);
  return {
    text: `hart ${n}: fcsr ${hex(fcsr, 2)} ${describeCsr("fcsr", fcsr)}, ${state}\n${table(rows, "rlrrlr", "  ")}`,
    json: { hart: n, fcsr, ...Object.fromEntries(values.map((bits, i) => [FLOAT_REGISTER_NAMES[i]!, { bits, value: floatText(bits) }])) },
  };
}

function ofProcess(m: Monitor, pid: number): Answer {
  const p = m.look.process(pid);
  const parts: string[] = [];
  const json: { [name: string]: unknown } = { pid };
  if (p.user !== undefined) {
    parts.push(`pid ${pid} ${p.name}, user mode: ${registersText(p.user.pc, m.naming.name(p.user.pc, m.look.space(String(pid))), p.user.x, "saved at the last trap")}`);
    json["user"] = registersJson(p.user.pc, p.user.x);
  }
  if (p.kernel !== undefined) {
    parts.push(`pid ${pid} ${p.name}, kernel: ${registersText(p.kernel.pc, m.naming.kernelName(p.kernel.pc), p.kernel.x, "saved when it gave the hart away")}`);
    json["kernel"] = registersJson(p.kernel.pc, p.kernel.x);
  }
  if (parts.length === 0) throw new MonitorError(`nothing is known of the registers of pid ${pid} (view: ${m.view.name})`);
  return { text: parts.join("\n"), json };
}

export const regs: Command = {
  name: "regs",
  aliases: ["registers"],
  usage: "regs [NAME | f | hartN | all | PID]",
  summary: "registers of a hart, or those saved of a process",
  help: "Without a word: of the monitor's hart (see hart). A register's name gives that one alone; `f` the\nfloating-point ones (a single is marked f); `all` every hart's; a PID what the\nkernel saved of that process, in user mode and in the kernel. Example: regs 3",
  family: "look",
  words: ["pid", "'all'", "'f'"],
  run(m, args) {
    const word = args.next();
    args.end();
    if (word === undefined) return ofHart(m, m.look.hart().id);
    if (word === "all") {
      const all = m.machine.harts.map((h) => ofHart(m, h.id));
      return { text: all.map((a) => a.text).join("\n"), json: all.map((a) => a.json) };
    }
    if (word === "f") return floatsOfHart(m, m.look.hart().id);
    const hart = /^hart(\d+)$/.exec(word);
    if (hart !== null) return ofHart(m, m.look.hart(Number(hart[1])).id);
    if (/^\d+$/.test(word)) return ofProcess(m, Number(word));
    const name = word.replace(/^\$/, "");
    const floating = floatRegisterNumber(name) !== undefined;
    if (name !== "pc" && !floating && registerNumber(name) === undefined) throw new MonitorError(`there is no register ${word}`);
    const value = m.look.evaluate(`$${name}`);
    if (floating) return { text: `${name} ${hex(value, 16)} (${floatText(value)})`, json: { [name]: { bits: value, value: floatText(value) } } };
    return { text: `${name} ${hex(value, 16)} (${count(BigInt.asIntN(64, value))})`, json: { [name]: value } };
  },
};

export const csr: Command = {
  name: "csr",
  usage: "csr [NAME … | all]",
  summary: "control and status registers, decoded",
  help: "Without a word those that matter for a kernel. Fields that are 0 are left out. Example: csr satp scause",
  family: "look",
  words: ["csr", "'all'"],
  run(m, args) {
    const h = m.look.hart();
    let names: string[] = [];
    for (let word = args.next(); word !== undefined; word = args.next()) names.push(word);
    args.end();
    if (names.length === 0) names = USUAL;
    else if (names[0] === "all") names = Object.keys(CSR).filter((n) => !/^m?hpm/.test(n));
    for (const n of names) if (!Object.hasOwn(CSR, n)) throw new MonitorError(`there is no CSR ${n}`);
    const values = names.map((name) => ({ name, value: m.machine.inspect.csr(h.id, name) }));
    return {
      text: table(values.map(({ name, value }) => [name, hex(value, 16), describeCsr(name, value)])),
      json: values.map(({ name, value }) => ({ name, value, text: describeCsr(name, value) })),
    };
  },
};

export const hart: Command = {
  name: "hart",
  aliases: ["harts"],
  usage: "hart [N]",
  summary: "the harts, or which one the monitor is about",
  help: "Without a number: a line for each hart, the monitor's marked with *. With a number: that is the one from now on.",
  family: "look",
  words: ["hart"],
  run(m, args) {
    const word = args.next();
    args.end();
    if (word !== undefined) m.hart = m.look.hart(m.look.number(word, "number of a hart")).id;
    const rows = m.machine.harts.map((h) => {
      const pc = m.look.pc(h);
      const runs = m.view.current(h.id);
      return {
        hart: h.id, pc, privilege: MODE_NAMES[h.privilege], waiting: h.waiting, pid: runs?.pid,
        row: [h.id === m.hart ? "*" : "", `hart ${h.id}`, hex(pc), m.naming.name(pc, m.look.present(h)), MODE_NAMES[h.privilege], h.waiting ? "waits" : "runs",
          runs === undefined ? "" : `pid ${runs.pid} ${runs.name}`],
      };
    });
    return { text: table(rows.map((r) => r.row)), json: rows.map(({ row: _row, ...json }) => json) };
  },
};
