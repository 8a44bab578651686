// Values of C variables as a debug client shows them: one line of text each, and what is inside when it is opened.

import { attempt, valueText } from "../monitor/symbols/value-text.ts";
import type { Value } from "../monitor/symbols/value.ts";

/** One row in the client's list of variables. */
export interface Row {
  readonly name: string;
  readonly value: string;
  readonly type: string;
  /** What is inside, made when it is asked for. */
  readonly inside?: (() => Row[]) | undefined;
  /** Where it lies in memory, for data breakpoints and the memory view. */
  readonly place?: Place | undefined;
  /** An expression that gives it again. */
  readonly expression?: string | undefined;
}

/** A piece of memory: virtual unless `physical`. */
export interface Place {
  readonly address: bigint;
  readonly length: number;
  readonly physical?: boolean | undefined;
}

/** Elements of an array that are shown. */
const MOST_ELEMENTS = 256;

/** The row of a value; `expression` gives it again in the language of c-expression.ts. */
export function valueRow(name: string, value: Value, expression: string): Row {
  const inside = attemptInside(value, expression);
  return {
    name, value: valueText(value), type: value.type.text, expression, inside,
    place: value.address === undefined || value.type.size === 0 ? undefined : { address: value.address, length: value.type.size },
  };
}

function attemptInside(value: Value, expression: string): (() => Row[]) | undefined {
  const type = value.type.bare;
  switch (type.kind) {
    case "struct":
    case "union":
      return () => members(value, `${expression}.`);
    case "array":
      return () => Array.from({ length: Math.min(value.length, MOST_ELEMENTS) }, (_, i) => valueRow(`[${i}]`, value.at(i), `${expression}[${i}]`));
    case "pointer": {
      const target = type.target.bare;
      if (target.kind === "void" || target.kind === "function" || attempt(() => String(value.isNull)) !== "false") return undefined;
      if (target.kind !== "struct" && target.kind !== "union") return () => [valueRow(`*${expression}`, value.deref(), `*(${expression})`)];
      return () => members(value.deref(), `${expression}->`);
    }
    default:
      return undefined;
  }
}

/** Members; those of anonymous structures stand among them, `depth` deep at most (debug information may be damaged). */
function members(value: Value, prefix: string, depth = 8): Row[] {
  return value.members().flatMap(({ name, value: member }) => {
    if (name !== "") return [valueRow(name, member, prefix + name)];
    return depth === 0 ? [] : members(member, prefix, depth - 1);
  });
}
