import { expect, test } from "vitest";
import { VirtualClock } from "./clock.ts";

function setup(): { clock: VirtualClock; rang: string[]; earlier: number[]; time: { now: number } } {
  const time = { now: 0 };
  const earlier: number[] = [];
  const clock = new VirtualClock(() => time.now, (at) => earlier.push(at));
  return { clock, rang: [], earlier, time };
}

test("alarms ring by moment, then by creation, whatever order they were set in", () => {
  const { clock, rang } = setup();
  const [a, b, c] = ["a", "b", "c"].map((name) => clock.alarm(name, () => rang.push(name)));
  c!.set(10);
  b!.set(20);
  a!.set(20);
  expect(clock.nextAlarm()).toBe(10);
  clock.fire(15);
  expect(rang).toEqual(["c"]);
  expect(c!.at).toBe(Infinity);
  clock.fire(20);
  expect(rang).toEqual(["c", "a", "b"]);
  expect(clock.nextAlarm()).toBe(Infinity);
});

test("setting again replaces, cancelling silences", () => {
  const { clock, rang } = setup();
  const a = clock.alarm("a", () => rang.push("a"));
  const b = clock.alarm("b", () => rang.push("b"));
  a.set(5);
  a.set(50);
  b.set(7);
  b.cancel();
  b.cancel();
  clock.fire(49);
  expect(rang).toEqual([]);
  clock.fire(50);
  expect(rang).toEqual(["a"]);
});

test("an alarm that sets itself or others in time rings in the same call", () => {
  const { clock, rang } = setup();
  let left = 3;
  const a = clock.alarm("a", () => {
    rang.push(`a${left}`);
    if (--left > 0) a.set(10 * (4 - left));
  });
  a.set(10);
  clock.fire(25);
  expect(rang).toEqual(["a3", "a2"]);
  expect(a.at).toBe(30);
});

test("an earlier next alarm is told, a later one is not", () => {
  const { clock, earlier } = setup();
  const a = clock.alarm("a", () => undefined);
  const b = clock.alarm("b", () => undefined);
  a.set(100);
  b.set(200);
  b.set(50);
  a.set(60);
  a.set(40);
  expect(earlier).toEqual([100, 50, 40]);
});

test("now is the machine's", () => {
  const { clock, time } = setup();
  time.now = 123;
  expect(clock.now).toBe(123);
});

test("two alarms of one name are an error", () => {
  const { clock } = setup();
  clock.alarm("a", () => undefined);
  expect(() => clock.alarm("a", () => undefined)).toThrow("two alarms have the name a");
});

test("save and load go by name", () => {
  const first = setup();
  for (const name of ["a", "b", "c"]) first.clock.alarm(name, () => undefined).set(name.charCodeAt(0));
  const saved = JSON.parse(JSON.stringify(first.clock.save()));
  const second = setup();
  const off = second.clock.alarm("d", () => undefined);
  off.set(1);
  for (const name of ["c", "b", "a"]) second.clock.alarm(name, () => second.rang.push(name));
  second.clock.load(saved);
  expect(off.at).toBe(Infinity);
  second.clock.fire(1000);
  expect(second.rang).toEqual(["a", "b", "c"]);
});

test("a state that does not fit is refused in one line", () => {
  const { clock } = setup();
  clock.alarm("a", () => undefined);
  expect(() => clock.load(null)).toThrow("not a record");
  expect(() => clock.load({ b: 1 })).toThrow("no alarm named b");
  expect(() => clock.load({ a: "soon" })).toThrow("alarm a is not a number of nanoseconds");
});
