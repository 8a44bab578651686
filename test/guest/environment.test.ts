// The environment, and the shell's variables, as a user meets them.
import { expect, test } from "vitest";
import { atPrompt, shell } from "./support.ts";

test("the shell has variables, and exports them on demand", async () => {
  const m = await atPrompt();
  const lines = (command: string): string[] => shell(m, command).split("\n").slice(1).filter((line) => line !== "");
  expect(lines("env")).toEqual([]);
  expect(lines("A=1; echo $A ${A}b \"$A c\" '$A' $NONE.; env")).toEqual(["1 1b 1 c $A ."]);
  expect(lines("export A B=2; env")).toEqual(["A=1", "B=2"]);
  expect(lines("A=3; env; sh -c 'echo $A'")).toEqual(["A=3", "B=2", "3"]);
  expect(lines("B=4 C=\"two words\" env; echo [$B$C]")).toEqual(["A=3", "B=4", "C=two words", "[2]"]);
  expect(lines("(A=5; env); unset A; env")).toEqual(["A=5", "B=2", "B=2"]);
  expect(lines("env -i X=Y env; echo $?")).toEqual(["X=Y", "0"]);
  expect(lines("export 1A; echo $?")).toEqual(["sh: export: 1A: not a name", "1"]);
  expect(lines("\"D\"=1; echo $?")).toEqual(["sh: D=1: not found", "127"]);
});
