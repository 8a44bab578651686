// Expressions over a small memory with a list of two processes, and everything that is none.
import { describe, expect, it } from "vitest";
import { holds } from "./c-expression.ts";
import { scope, text } from "./testing.ts";

describe("expressions", () => {
  it("have values", () => {
    const values: Readonly<Record<string, string>> = {
      "first.pid": "7", "p->pid": "7", "(*p).next->pid": "8", "p->next->name": '"cat"', "all[1].pid + 1": "9", "p[1].pid": "8", "(p + 1)->pid": "8",
      "first.state": "SLEEPING", "first.next->state": "9", "p->low": "-5", "&first": "0x1000", "*&first.pid": "7", "$a0 == &first": "1",
      "((struct proc *)$a0)->pid": "7", "*(int *)($a0 + 48)": "8", "(char)0x1ff": "255", "'a'": "97", "-1": "-1", "1 + 2 * 3": "7", "(1 + 2) * 3": "9",
      "0xffffffffffffffff": "18446744073709551615 (0xffffffffffffffff)", "1 << 4 | 3": "19", "!p->files": "1", "p->pid == 7 && p->next->pid != 7": "1",
      "sizeof(struct proc)": "48", "sizeof(struct proc *)": "8", "sizeof first": "48", "sizeof(all)": "96", "sizeof all[0].name": "16", "sizeof *p->next": "48", "sizeof(int) * 2": "8",
      "sizeof (p)->pid": "4", "sizeof *wild": "48",
      p: "0x1000", first: '{pid=7, state=SLEEPING, next=0x1030, name="sh", …}', "wild->pid": "<there is no memory at 0xfff0 (int)>", wild: "0xfff0",
    };
    for (const [expression, value] of Object.entries(values)) expect(`${expression} is ${text(expression)}`).toBe(`${expression} is ${value}`);
    expect(holds("p->pid > 7", scope)).toBe(false);
  });

  it("that are none say why", () => {
    const mistakes: Readonly<Record<string, string>> = {
      "": "the expression ends too soon", "nobody": "there is no variable nobody here", "$q": "there is no register $q", "first.nothing": "struct proc has no member nothing",
      "p->pid p": '"p" does not fit there', "(1": "a parenthesis is not closed", "all[1": "a bracket is not closed", "all[2].pid": "struct proc[2] has no element 2",
      "p->files->x": "a null pointer (int **) points to nothing", "1 ? 2": '"? 2" is not understood', "first == 1": "struct proc is no number", "&1": "it has no address: it is in a register or was computed",
      "sizeof": "the expression ends too soon", "sizeof(struct nobody)": "there is no type struct nobody", "sizeof(int": "there is no variable int here",
      "*7": "long is no pointer", "p.": "a member's name is missing", ["*".repeat(1500)]: "the expression is too long", ["(".repeat(900)]: "the expression is nested too deeply", ["1[".repeat(450)]: "the expression is nested too deeply",
    };
    for (const [expression, message] of Object.entries(mistakes)) expect(`${expression}: ${text(expression)}`).toBe(`${expression}: ${message}`);
  });
});
