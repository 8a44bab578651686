// help.

import { FAMILIES, type Command } from "../command.ts";
import { table } from "../format.ts";
import { COMMANDS } from "./index.ts";

export const help: Command = {
  name: "help",
  aliases: ["?"],
  usage: "help [COMMAND]",
  summary: "the commands, or one of them",
  help: "A command may be shortened as long as it is unmistakable. Addresses may be numbers, $REGISTER, SYMBOL, *ADDR, and sums of these. With\n--json behind it a command prints data for programs.",
  family: "help",
  words: ["command"],
  run(m, args) {
    const word = args.next();
    args.end();
    if (word === undefined) {
      const parts = FAMILIES.map((f) => ({ family: f, commands: COMMANDS.filter((c) => c.family === f) })).filter((p) => p.commands.length > 0);
      const width = Math.max(...COMMANDS.map((c) => c.name.length));
      const text = parts.map((p) => `${p.family}\n${table(p.commands.map((c) => [c.name.padEnd(width), c.summary]), "", "  ")}`).join("\n");
      return { text: `${text}\nhelp COMMAND says more.`, json: COMMANDS.map((c) => ({ name: c.name, aliases: c.aliases ?? [], usage: c.usage, summary: c.summary, family: c.family })) };
    }
    const c = m.command(word);
    const aliases = c.aliases === undefined ? "" : ` (also: ${c.aliases.join(", ")})`;
    return { text: `${c.usage}${aliases}\n${c.summary}.\n${c.help}`, json: { name: c.name, aliases: c.aliases ?? [], usage: c.usage, summary: c.summary, help: c.help } };
  },
};
