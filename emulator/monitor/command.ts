// What a command is, and how the words of its line are taken apart.

import type { Json } from "./format.ts";
import type { Monitor } from "./monitor.ts";

/** What a command says: text for people, plain data for programs. `ok` is false when it could not do what was asked. */
export interface Output {
  readonly ok: boolean;
  readonly text: string;
  readonly json: Json;
}

/** Kinds of words that can be completed. */
export type WordKind = "command" | "pid" | "symbol" | "event" | "csr" | "alarm" | "hart" | "device";

/** One command. All of them are listed in commands/index.ts. */
export interface Command {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** Its form, such as "walk ADDR [as load|store|fetch] [in PID]". */
  readonly usage: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What `help NAME` says after usage and summary: sentences, with an example. */
  readonly help: string;
  /** The chapter of the list in which it stands. */
  readonly family: Family;
  /** What its words may be, for completion: kinds, and words in quotes of the command's own. */
  readonly words?: readonly (WordKind | `'${string}'`)[];
  /** May be written as NAME/FORMAT, such as x/4i. */
  readonly slash?: boolean;
  /** Carry it out. Throws MonitorError when it cannot. */
  run(m: Monitor, args: Args): Answer | Promise<Answer>;
}

/** Chapters of the list of commands, in order. */
export const FAMILIES = ["explain", "look", "stop and go", "go back", "machine", "help"] as const;
export type Family = (typeof FAMILIES)[number];

/** What `Command.run` gives: the text, and the same as data (any values: `plain` makes them JSON). */
export interface Answer {
  readonly text: string;
  readonly json: unknown;
  readonly ok?: boolean;
}

/** Why a command could not be carried out: a sentence for the person who typed it. */
export class MonitorError extends Error {
  override readonly name = "MonitorError";
}

/** The words behind a command's name. Options (`--all`) may stand anywhere. */
export class Args {
  /** The line as typed, without the command's name. */
  readonly line: string;
  /** What stood behind a slash in the name: "4i" of x/4i. */
  readonly format: string;
  private readonly usage: string;
  private readonly words: string[] = [];
  private readonly options: string[] = [];

  /** Throws MonitorError when a quote is not closed. */
  constructor(line: string, usage: string, format = "") {
    this.line = line;
    this.format = format;
    this.usage = usage;
    for (const w of splitWords(line)) (isOption(w) ? this.options : this.words).push(w);
  }

  /** The next word, left where it is. */
  get peek(): string | undefined {
    return this.words[0];
  }

  get left(): number {
    return this.words.length;
  }

  /** Take the next word; undefined when there is none. */
  next(): string | undefined {
    return this.words.shift();
  }

  /** Take the next word. Throws MonitorError when there is none. */
  need(what: string): string {
    const word = this.words.shift();
    if (word === undefined) throw new MonitorError(`${what} is missing; the form is: ${this.usage}`);
    return word;
  }

  /** Take all words that are left, as one text. */
  rest(): string {
    return this.words.splice(0).join(" ");
  }

  /** Take everything as it was typed, quotes and all. */
  verbatim(): string {
    this.words.length = 0;
    this.options.length = 0;
    return this.line.replace(/\s--json\s*$/, "");
  }

  /** Take all words that are left, as an expression. Throws MonitorError when there is none. */
  expression(what: string): string {
    return this.words.length === 0 ? this.need(what) : this.rest();
  }

  /** Take the next word if it is this one. */
  accept(word: string): boolean {
    if (this.words[0] !== word) return false;
    this.words.shift();
    return true;
  }

  /** Take `word` wherever it stands; was it there? */
  acceptAny(word: string): boolean {
    const at = this.words.indexOf(word);
    if (at >= 0) this.words.splice(at, 1);
    return at >= 0;
  }

  /** Take `word` and all words behind it, as one text: "if $a0 == 3". */
  tail(word: string): string | undefined {
    const at = this.words.indexOf(word);
    if (at < 0) return undefined;
    const text = this.words.splice(at).slice(1).join(" ");
    if (text === "") throw new MonitorError(`something is missing after "${word}"; the form is: ${this.usage}`);
    return text;
  }

  /** Take `word` and the word behind it, wherever they stand: "in 7". */
  after(word: string): string | undefined {
    const at = this.words.indexOf(word);
    if (at < 0) return undefined;
    const [, value] = this.words.splice(at, 2);
    if (value === undefined) throw new MonitorError(`something is missing after "${word}"; the form is: ${this.usage}`);
    return value;
  }

  /** Was this option given, such as "--all"? */
  flag(name: string): boolean {
    const at = this.options.indexOf(name);
    if (at < 0) return false;
    this.options.splice(at, 1);
    return true;
  }

  /** To be called when everything has been taken. Throws MonitorError when something is left. */
  end(): void {
    const left = this.options[0] ?? this.words[0];
    if (left !== undefined) throw new MonitorError(`"${left}" is not understood; the form is: ${this.usage}`);
  }
}

const isOption = (word: string): boolean => /^--[a-z]/.test(word);

/** Words are separated by blanks; quotes hold one together. */
function splitWords(line: string): string[] {
  const words: string[] = [];
  const pattern = /\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+)|(["']))/y;
  for (let m = pattern.exec(line); m !== null; m = pattern.exec(line)) {
    if (m[4] !== undefined) throw new MonitorError(`the quote ${m[4]} is not closed`);
    words.push(m[1] ?? m[2] ?? m[3]!);
  }
  return words;
}
