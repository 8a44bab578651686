// An explanation as text for people, and as data for programs: the same facts.

import { SUPERVISOR, USER } from "../../mmu/walk.ts";
import { count, hex, indent } from "../format.ts";
import { walkJson, walkText } from "../page-table.ts";
import { ACCESS_NAMES, MODE_NAMES } from "../pte.ts";
import type { Explanation } from "./explain.ts";
import { decider, mappedText } from "./facts.ts";
import type { Subject } from "./subject.ts";
import type { Suspicion } from "./suspicions.ts";
import { writerSentence } from "./writer.ts";

/** "cowtest pid 7", "the kernel, for pid 7 sh", "machine mode". */
function whose({ subject: s, facts }: Explanation): string {
  const { process } = facts;
  const name = process === undefined ? (s.pid === 0 ? "" : `pid ${s.pid}`) : `${process.name} pid ${s.pid}`;
  if (s.code === USER) return name === "" ? "user mode" : name;
  const mode = s.code !== SUPERVISOR ? "machine mode" : name === "" && facts.calls.length < 2 ? "supervisor mode" : "the kernel";
  return name === "" ? mode : `${mode}, for ${name}`;
}

/** All lines. */
export function explanationText(e: Explanation): string {
  const { subject: s, facts } = e;
  const asked = s.pc === undefined;
  const lines = [asked ? `${s.title} at ${hex(s.va)} by ${s.privilege === USER ? "a program" : s.privilege === SUPERVISOR ? "the kernel" : "machine mode"}${s.pid === 0 ? "" : `, ${facts.process?.name ?? ""} pid ${s.pid}`} · t=${count(s.moment)}`
    : `${s.title}   ${whose(e)} · hart ${s.hart} · t=${count(s.moment)}`];
  if (facts.instruction !== undefined) lines.push(instructionLine(e));
  if (facts.calls.length > 1) lines.push(`  called by ${facts.calls.slice(1).map((c) => `${c}()`).join(" <- ")}`);
  lines.push(...walkLines(e));
  if (facts.mapped !== undefined) lines.push(`  mapped: ${mappedText(facts.mapped)}`);
  if (e.outcome !== undefined) lines.push(`  outcome: ${e.outcome.text}`);
  lines.push(...writerLines(e));
  lines.push(...e.origin.map((cell) => `  ${cell.text}`));
  lines.push(...suspicionLines(e.suspicions));
  for (const guess of e.likely) lines.push(`  likely: ${guess}.`);
  for (const note of e.notes) lines.push(`  note: ${note}.`);
  return lines.join("\n");
}

/** Each with what history knows of it below. */
export const suspicionLines = (all: readonly Suspicion[]): string[] => all.flatMap(({ sentence, more }) => [`  likely: ${sentence}.`, ...more.map((line) => `    ${line}`)]);

function instructionLine({ subject: s, facts: { instruction: i } }: Explanation): string {
  const { pc, text, name, line, base } = i!;
  const place = [name === "" ? "" : name.replace(/\+/, "() +").replace(/^([^(]*)$/, "$1()"), line].filter((t) => t !== "").join("  ");
  const register = base === undefined ? "" : `   (${base.register}=${hex(base.value)}${base.name === "" ? "" : ` ${base.name}`})`;
  return `  ${hex(pc, 4)}  ${(text ?? "(not fetched)").padEnd(16)}  ${place}   va ${hex(s.va)}${register}`;
}

function walkLines({ subject: s, facts: { walk, rule } }: Explanation): string[] {
  const refused = rule === "" ? [] : [`  refused: ${rule}`];
  if (walk === undefined) return [`  not translated (${s.privilege === 3 ? "machine mode" : "satp is Bare"})`, ...refused];
  if (walk.steps.length === 0) return refused;
  const entries = walkText(walk).split("\n");
  return [...indent(entries.slice(0, walk.steps.length).join("\n")).split("\n"), ...(walk.pa !== undefined && walk.reason !== "pte-unwritable" ? [`  translates to ${hex(walk.pa)}`] : []), ...refused];
}

function writerLines({ subject: s, facts: { walk }, writers }: Explanation): string[] {
  if (writers === undefined || walk === undefined) return [];
  if (writers.length === 0) return decider(walk)?.raw === 0n ? ["  this PTE was not written since history begins"] : ["  this PTE was last written before history begins"];
  return writers.map((w, i) => `  ${writerSentence(w, i === 0, s.moment)}`);
}

/** May the walk have decided? Not where the address was misaligned, or the instruction itself was at fault. */
const byWalk = ({ exception }: Subject): boolean => exception === undefined || ![0, 2, 3, 4, 6].includes(exception.cause);

/** The same facts as data. */
export function explanationJson(e: Explanation): unknown {
  const { subject: s, facts } = e;
  return {
    title: s.title, moment: s.moment, hart: s.hart, pid: s.pid === 0 ? null : s.pid, name: facts.process?.name ?? null,
    access: ACCESS_NAMES[s.access], mode: MODE_NAMES[s.privilege], code: MODE_NAMES[s.code], va: s.va, pc: s.pc ?? null,
    instruction: facts.instruction ?? null, calls: facts.calls, reason: byWalk(s) ? (facts.walk?.reason ?? null) : null, rule: facts.rule,
    walk: facts.walk === undefined ? null : walkJson(facts.walk), mapped: facts.mapped === undefined ? null : { ...facts.mapped, text: mappedText(facts.mapped) },
    outcome: e.outcome ?? null, writers: e.writers ?? null, origin: e.origin, likely: [...e.suspicions.map((s) => s.sentence), ...e.likely], suspicions: e.suspicions, notes: e.notes,
  };
}
