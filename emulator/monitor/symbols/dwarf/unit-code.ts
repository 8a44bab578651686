// The code of one unit: its lines and functions, read when first asked for and kept.

import { SymbolsError } from "../errors.ts";
import { countBefore } from "../search.ts";
import { type Block, blocksOf, type DwarfFunction, functionsOf } from "./blocks.ts";
import { AT } from "./constants.ts";
import { type FileName, type LineRow, type LineTable, readLines } from "./lines.ts";
import { inRange } from "./ranges.ts";
import type { Unit } from "./unit.ts";

const NO_LINES: LineTable = { files: [], rows: [] };

export class UnitCode {
  readonly unit: Unit;
  private linesFound: LineTable | undefined;
  private functionsFound: readonly DwarfFunction[] | undefined;
  private readonly blocks = new Map<number, Block>();

  constructor(unit: Unit) {
    this.unit = unit;
  }

  /** The unit's lines; an empty table when it has none or they are damaged. */
  get lines(): LineTable {
    if (this.linesFound !== undefined) return this.linesFound;
    const { root } = this.unit;
    const offset = root.number(AT.stmt_list);
    this.linesFound = NO_LINES;
    if (offset !== undefined) this.linesFound = orElse(() => readLines(this.unit, offset, root.text(AT.comp_dir) ?? ""), NO_LINES);
    return this.linesFound;
  }

  get functions(): readonly DwarfFunction[] {
    return (this.functionsFound ??= orElse(() => functionsOf(this.unit), []));
  }

  functionAt(address: bigint): DwarfFunction | undefined {
    return this.functions.find((f) => inRange(f.ranges, address));
  }

  blockOf(f: DwarfFunction): Block {
    const known = this.blocks.get(f.die.offset);
    if (known !== undefined) return known;
    const block = orElse<Block>(() => blocksOf(f.die), { kind: "function", die: f.die, ranges: f.ranges, children: [] });
    this.blocks.set(f.die.offset, block);
    return block;
  }

  file(index: number | undefined): FileName | undefined {
    return index === undefined ? undefined : this.lines.files[index];
  }

  /** The row that an address belongs to, or undefined. */
  rowAt(address: bigint): LineRow | undefined {
    const row = this.lines.rows[this.behind(address) - 1];
    return row === undefined || row.end ? undefined : row;
  }

  /** Whether one of the rows that begin exactly at an address begins a statement of the same line as `row`. */
  statementAt(address: bigint, row: LineRow): boolean {
    const { rows } = this.lines;
    for (let i = this.behind(address) - 1; i >= 0 && rows[i]!.address === address; i--) {
      const { statement, line, file, end } = rows[i]!;
      if (statement && !end && line === row.line && file === row.file) return true;
    }
    return false;
  }

  /** Index of the first row behind an address. */
  private behind(address: bigint): number {
    const { rows } = this.lines;
    return countBefore(rows.length, (i) => rows[i]!.address <= address);
  }
}

/** What damaged information cannot tell is left out: the rest is still good. */
function orElse<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SymbolsError)) throw error;
    return otherwise;
  }
}
