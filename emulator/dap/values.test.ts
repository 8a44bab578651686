// Rows of variables over a small memory with a list of two processes.
import { describe, expect, it } from "vitest";
import { BASE, VARIABLES, text } from "../monitor/symbols/testing.ts";
import { valueRow, type Row } from "./values.ts";

describe("rows", () => {
  const inside = (row: Row): Record<string, string> => Object.fromEntries((row.inside?.() ?? []).map((r) => [r.name, r.value]));

  it("open into members, elements and what pointers lead to", () => {
    const row = valueRow("p", VARIABLES["p"]!, "p");
    expect(inside(row)).toMatchObject({ pid: "7", state: "SLEEPING", name: '"sh"', low: "-5", files: "0x0" });
    const next = row.inside!().find((r) => r.name === "next")!;
    expect(text(next.expression!)).toBe("0x1030");
    expect(next.place).toEqual({ address: BASE + 8n, length: 8 });
    expect(inside(next)["pid"]).toBe("8");
    expect(inside(valueRow("all", VARIABLES["all"]!, "all"))).toHaveProperty("[1]");
    expect(inside(valueRow("wild", VARIABLES["wild"]!, "wild"))["pid"]).toBe("<there is no memory at 0xfff0 (int)>");
    for (const r of row.inside!()) expect(text(r.expression!)).toBe(r.value);
  });
});
