// Types and variables by name: the top level of every unit, read once.

import { SymbolsError } from "../errors.ts";
import { AT, TAG } from "./constants.ts";
import type { Die } from "./die.ts";
import type { Info } from "./info.ts";
import { topLevel } from "./type-reader.ts";

/** How C writes each kind of type before its name; "" where nothing is written. */
const PREFIX: ReadonlyMap<number, string> = new Map([
  [TAG.structure_type, "struct "], [TAG.class_type, "struct "], [TAG.union_type, "union "], [TAG.enumeration_type, "enum "],
  [TAG.typedef, ""], [TAG.base_type, ""],
]);

export class NameIndex {
  private readonly types = new Map<string, number[]>();
  private readonly variables = new Map<string, number[]>();
  private readonly enumerators = new Map<string, number>();
  private readonly info: Info;

  constructor(info: Info) {
    this.info = info;
    for (const unit of info.units) {
      try {
        for (const die of topLevel(unit)) this.add(die);
      } catch (error) {
        if (!(error instanceof SymbolsError)) throw error; // a damaged unit: the others are good
      }
    }
  }

  /** The entries of complete types of this name, "struct proc" or "uint64": one for each unit that has it. */
  typesNamed(name: string): Die[] {
    return (this.types.get(name) ?? []).map((offset) => this.info.dieAt(offset));
  }

  /** The first of these, by tag and bare name. */
  typeOf(tag: number, name: string): Die | undefined {
    return this.typesNamed(`${PREFIX.get(tag) ?? ""}${name}`)[0];
  }

  /** The entries that define a variable of this name: several when it is static in several files. */
  variablesNamed(name: string): Die[] {
    return (this.variables.get(name) ?? []).map((offset) => this.info.dieAt(offset));
  }

  /** The entry of the first enumeration that has a name of this kind: "RUNNING". */
  enumerationWith(name: string): Die | undefined {
    const offset = this.enumerators.get(name);
    return offset === undefined ? undefined : this.info.dieAt(offset);
  }

  /** Names of all types, as `type` takes them. */
  typeNames(): Iterable<string> {
    return this.types.keys();
  }

  private add(die: Die): void {
    const prefix = PREFIX.get(die.tag);
    if (prefix !== undefined) {
      const name = die.flag(AT.declaration) ? undefined : die.text(AT.name);
      if (name !== undefined) append(this.types, prefix + name, die);
      if (die.tag === TAG.enumeration_type) this.addEnumerators(die);
    } else if (die.tag === TAG.variable && die.get(AT.location) !== undefined) append(this.variables, die.name, die);
  }

  private addEnumerators(die: Die): void {
    for (const child of die.children()) {
      const name = child.tag === TAG.enumerator ? child.text(AT.name) : undefined;
      if (name !== undefined && !this.enumerators.has(name)) this.enumerators.set(name, die.offset);
    }
  }
}

function append(map: Map<string, number[]>, name: string | undefined, die: Die): void {
  if (name === undefined) return;
  const list = map.get(name);
  if (list === undefined) map.set(name, [die.offset]);
  else list.push(die.offset);
}
