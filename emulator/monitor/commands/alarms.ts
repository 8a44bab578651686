// alarm: switching alarms on and off, and what they have reported.

import { ALARMS } from "../alarms/index.ts";
import { MonitorError, type Command } from "../command.ts";
import { count, plural, table } from "../format.ts";

export const alarm: Command = {
  name: "alarm",
  aliases: ["alarms"],
  usage: "alarm [NAME|all [stop] | off [NAME]]",
  summary: "report mistakes of the kernel as they happen",
  help: `Without a word: which there are, which are on, and what they have reported. With "stop" the machine halts when one is raised.\nAfter going back in time they begin anew: to meet one again, go to before the mistake itself, not just before the alarm.\n${ALARMS.map((a) => `${a.name}: ${a.summary}.\n  ${a.help.replaceAll("\n", "\n  ")}`).join("\n")}`,
  family: "stop and go",
  words: ["alarm", "'all'", "'off'", "'stop'"],
  run(m, args) {
    const word = args.next();
    if (word === "off") {
      const name = args.next();
      args.end();
      if (name !== undefined && !m.alarms.disarm(name)) throw new MonitorError(`the alarm ${name} is not on`);
      if (name === undefined) m.alarms.disarmAll();
    } else if (word !== undefined) {
      const stop = args.accept("stop");
      args.end();
      const wanted = word === "all" ? ALARMS : ALARMS.filter((a) => a.name === word);
      if (wanted.length === 0) throw new MonitorError(`there is no alarm ${word}: ${ALARMS.map((a) => a.name).join(", ")}`);
      const refused: string[] = [];
      for (const a of wanted) {
        try {
          m.alarms.arm(a, stop);
        } catch (e) {
          if (wanted.length === 1 || !(e instanceof MonitorError)) throw e;
          refused.push(`${a.name}: ${e.message}`);
        }
      }
      const on = wanted.length - refused.length;
      return { text: [`${plural(on, "alarm is", "alarms are")} on`, ...refused].join("\n"), json: { on: m.alarms.on, refused } };
    }
    args.end();
    const state = (name: string): string => {
      const on = m.alarms.on.find((a) => a.name === name);
      return on === undefined ? "off" : on.stop ? "on, stops" : "on";
    };
    const lines = [table(ALARMS.map((a) => [a.name, state(a.name), a.summary]))];
    for (const r of m.alarms.raised) lines.push(`t=${count(r.moment)} ${r.alarm}: ${r.sentence}${r.times > 1 ? ` (${plural(r.times, "time")})` : ""}`);
    return { text: lines.join("\n"), json: { alarms: ALARMS.map((a) => ({ name: a.name, summary: a.summary, state: state(a.name) })), raised: m.alarms.raised } };
  },
};
