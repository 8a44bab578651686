import { beforeEach, describe, expect, test } from "vitest";
import { MemoryBlock } from "../memory-block.ts";
import { Random, TestClock, Wire } from "../testing.ts";
import { VirtioBlock } from "./block.ts";
import { VirtioMmio } from "./mmio.ts";
import { AVAIL, DATA, DESC, INDIRECT, NEXT, RAM_BASE, TestDriver, USED, WRITE, type Descriptor } from "./test-driver.ts";

const SECTORS = 64;
const [IN, OUT, FLUSH, GET_ID] = [0, 1, 4, 8];
const HEADER = DATA;
const STATUS = DATA + 0x100;
const BUFFER = DATA + 0x1000;

let clock: TestClock;
let irq: Wire;
let disk: MemoryBlock;
let driver: TestDriver;
let slot: VirtioMmio;

function setup(readOnly = false): void {
  clock = new TestClock();
  irq = new Wire();
  disk = new MemoryBlock(Uint8Array.from({ length: SECTORS * 512 }, (_, i) => (i >> 9) + 1), { readOnly });
  driver = new TestDriver(8);
  slot = new VirtioMmio("virtio0", driver.ram, irq, new VirtioBlock("virtio0", clock, disk));
  driver.start(slot, 0x200);
}

beforeEach(() => setup());

/** Header, data buffer and status as three descriptors from `first`. */
function request(kind: number, sector: number, length: number, first = 0, header = HEADER, status = STATUS): void {
  driver.header(header, kind, sector);
  driver.ram.bytes[status - RAM_BASE] = 0xee;
  const parts: Descriptor[] = [{ pa: header, length: 16, flags: 0 }];
  if (length > 0) parts.push({ pa: BUFFER, length, flags: kind === OUT ? 0 : WRITE });
  driver.chain(first, [...parts, { pa: status, length: 1, flags: WRITE }]);
  driver.offer(first);
}

/** Notify, wait, and give the status byte. */
function run(): number {
  driver.notify(slot);
  clock.advance(1_000_000_000);
  return driver.byte(STATUS);
}

const needsReset = (): boolean => (driver.r(slot, 0x70) & 0x40) !== 0;

test("a read brings the sectors, after its latency, with one interrupt", () => {
  request(IN, 3, 1024);
  driver.notify(slot);
  clock.advance(20_000 + 16 + 1024);
  expect([irq.level, driver.byte(STATUS)]).toEqual([false, 0xee]);
  clock.advance(1);
  expect([irq.level, driver.byte(STATUS), irq.rises]).toEqual([true, 0, 1]);
  expect([driver.byte(BUFFER), driver.byte(BUFFER + 511), driver.byte(BUFFER + 512), driver.byte(BUFFER + 1023)]).toEqual([4, 4, 5, 5]);
  expect(driver.used()).toEqual([[0, 1025]]);
  expect(driver.r(slot, 0x60)).toBe(1);
  driver.w(slot, 0x64, 1);
  expect(irq.level).toBe(false);
});

test("a write reaches the disk at its completion, not before", () => {
  driver.ram.bytes.fill(0xab, BUFFER - RAM_BASE, BUFFER - RAM_BASE + 512);
  request(OUT, 63, 512);
  driver.notify(slot);
  expect(disk.writtenPages).toBe(0);
  clock.advance(1e6);
  expect([driver.byte(STATUS), disk.image()[63 * 512], disk.image()[62 * 512]]).toEqual([0, 0xab, 63]);
  expect(driver.used()).toEqual([[0, 1]]);
});

test("requests complete one after another in the order offered", () => {
  request(IN, 0, 512, 0);
  request(FLUSH, 0, 0, 3, HEADER + 16, STATUS + 1);
  request(IN, 1, 512, 5, HEADER + 32, STATUS + 2);
  driver.notify(slot);
  const order: number[] = [];
  for (let i = 0; i < 80; i++) {
    clock.advance(1000);
    order.push(...driver.used().map(([head]) => head));
  }
  expect(order).toEqual([0, 3, 5]);
});

test("flush reaches the backend", () => {
  let flushes = 0;
  disk.onFlush = () => flushes++;
  request(FLUSH, 0, 0);
  expect([run(), flushes]).toEqual([0, 1]);
});

test("get-id gives the name, padded with zeros", () => {
  driver.ram.bytes.fill(0xff, BUFFER - RAM_BASE, BUFFER - RAM_BASE + 20);
  request(GET_ID, 0, 20);
  expect(run()).toBe(0);
  const id = driver.ram.bytes.subarray(BUFFER - RAM_BASE, BUFFER - RAM_BASE + 20);
  expect(new TextDecoder().decode(id)).toBe("virtio0" + "\0".repeat(13));
});

test("beyond the end, no whole sector, and nothing at all are I/O errors; unknown kinds are unsupported", () => {
  const cases: [number, number, number, number][] = [
    [IN, 64, 512, 1],
    [IN, 63, 1024, 1],
    [OUT, 63, 1024, 1],
    [IN, 2 ** 63, 512, 1],
    [OUT, 2 ** 55, 512, 1],
    [IN, 0, 100, 1],
    [IN, 0, 0, 1],
    [99, 0, 512, 2],
    [0xffff_ffff, 0, 0, 2],
  ];
  for (const [kind, sector, length, status] of cases) {
    setup();
    request(kind, sector, length);
    expect(run()).toBe(status);
    expect(driver.used()).toEqual([[0, kind === IN && length > 0 ? 0 : kind === 99 ? 0 : 1]]);
    expect(needsReset()).toBe(false);
    expect(disk.writtenPages).toBe(0);
  }
});

test("buffers that add up to more than a host can hold are an I/O error, however large the disk", () => {
  const asked: number[] = [];
  const ask = (_offset: number, { length }: Uint8Array): void => { asked.push(length); };
  const huge = { bytes: 2 ** 44, readOnly: false, read: ask, write: ask, flush: () => undefined };
  const part = 2 ** 25;
  for (const kind of [IN, OUT]) {
    for (const [parts, status, lengths] of [[1000, 1, []], [8, 0, [8 * part]], [9, 1, []]] as const) {
      clock = new TestClock();
      asked.length = 0;
      driver = new TestDriver(8, 2 * part);
      slot = new VirtioMmio("virtio0", driver.ram, irq, new VirtioBlock("virtio0", clock, huge));
      driver.start(slot, 1 << 28);
      driver.header(HEADER, kind, 0);
      const data = Array.from({ length: parts }, () => ({ pa: RAM_BASE + part, length: part, flags: kind === IN ? WRITE : 0 }));
      const chain = [{ pa: HEADER, length: 16, flags: 0 }, ...data, { pa: STATUS, length: 1, flags: WRITE }];
      driver.chain(0, chain, DATA + 0x2000);
      driver.descriptor(0, { pa: DATA + 0x2000, length: 16 * chain.length, flags: INDIRECT });
      driver.offer(0);
      driver.notify(slot);
      clock.advance(1e12);
      expect([driver.byte(STATUS), asked, needsReset()], `${kind} ${parts}`).toEqual([status, lengths, false]);
    }
  }
});

test("a read-only disk says so and takes no write", () => {
  setup(true);
  driver.w(slot, 0x14, 0);
  expect(driver.r(slot, 0x10) & 0x20).toBe(0x20);
  request(OUT, 0, 512);
  expect(run()).toBe(1);
  expect(disk.writtenPages).toBe(0);
});

test("the header and the data may be cut anywhere", () => {
  driver.header(HEADER, IN, 7);
  driver.chain(0, [
    { pa: HEADER, length: 5, flags: 0 },
    { pa: HEADER + 5, length: 11, flags: 0 },
    { pa: BUFFER, length: 100, flags: WRITE },
    { pa: BUFFER + 0x800, length: 412 + 1, flags: WRITE },
  ]);
  driver.offer(0);
  run();
  expect([driver.byte(BUFFER + 99), driver.byte(BUFFER + 100), driver.byte(BUFFER + 0x800 + 411), driver.byte(BUFFER + 0x800 + 412)]).toEqual([8, 0, 8, 0]);
  expect(driver.used()).toEqual([[0, 513]]);
});

test("an indirect table", () => {
  const table = DATA + 0x8000;
  driver.header(HEADER, IN, 2);
  driver.chain(0, [{ pa: HEADER, length: 16, flags: 0 }, { pa: BUFFER, length: 512, flags: WRITE }, { pa: STATUS, length: 1, flags: WRITE }], table);
  driver.descriptor(5, { pa: table, length: 48, flags: INDIRECT });
  driver.offer(5);
  expect(run()).toBe(0);
  expect([driver.byte(BUFFER), driver.used()]).toEqual([3, [[5, 513]]]);
});

test("NO_INTERRUPT is honoured", () => {
  driver.ram.data.setUint16(AVAIL - RAM_BASE, 1, true);
  request(IN, 0, 512);
  expect([run(), irq.level, driver.r(slot, 0x60)]).toEqual([0, false, 0]);
});

test("event index: an interrupt only when used_event is passed, and avail_event follows", () => {
  driver.start(slot, (1 << 29) >>> 0);
  const usedEvent = AVAIL - RAM_BASE + 4 + 2 * 8;
  const availEvent = USED - RAM_BASE + 4 + 8 * 8;
  driver.ram.data.setUint16(usedEvent, 1, true);
  request(IN, 0, 512);
  run();
  expect([irq.level, driver.ram.data.getUint16(availEvent, true)]).toEqual([false, 1]);
  request(IN, 0, 512);
  run();
  expect([irq.level, driver.ram.data.getUint16(availEvent, true)]).toEqual([true, 2]);
});

test("a thousand requests: the indices wrap round the ring", () => {
  for (let i = 0; i < 1000; i++) {
    request(IN, i % SECTORS, 512, (i * 3) % 6);
    expect(run()).toBe(0);
    expect(driver.byte(BUFFER)).toBe((i % SECTORS) + 1);
    expect(driver.used()).toEqual([[(i * 3) % 6, 513]]);
  }
});

test("a reset drops what is pending; so does taking the queue away", () => {
  for (const [register, value] of [[0x70, 0], [0x44, 0]] as const) {
    setup();
    request(OUT, 0, 512);
    driver.notify(slot);
    driver.w(slot, register, value);
    clock.advance(1e9);
    expect([disk.writtenPages, irq.level, clock.nextAlarm()]).toEqual([0, false, Infinity]);
  }
});

test("save in the middle of requests, load elsewhere: the same end", () => {
  driver.ram.bytes.fill(0x77, BUFFER - RAM_BASE, BUFFER - RAM_BASE + 512);
  request(OUT, 1, 512, 0);
  request(FLUSH, 0, 0, 3, HEADER + 16, STATUS + 1);
  driver.notify(slot);
  clock.advance(5000);
  const [saved, alarms, memory] = [slot.save(), clock.save(), driver.ram.bytes.slice()];
  clock.advance(1e6);
  const expected = [driver.ram.bytes.slice(), disk.image(), slot.save()];
  setup();
  driver.ram.bytes.set(memory);
  clock.jump(5000);
  slot.load(saved);
  clock.load(alarms);
  clock.advance(1e6);
  const [memoryAtEnd, diskAtEnd, stateAtEnd] = expected;
  expect(Buffer.compare(driver.ram.bytes, memoryAtEnd as Uint8Array)).toBe(0);
  expect(Buffer.compare(disk.image(), diskAtEnd as Uint8Array)).toBe(0);
  expect(slot.save()).toEqual(stateAtEnd);
});

test("a saved state that does not fit is refused in one line", () => {
  const saved = slot.save() as { [name: string]: never };
  expect(() => slot.load({ ...saved, queues: [] })).toThrow("virtio0 has another device");
  expect(() => slot.load({ ...saved, device: 5 })).toThrow("requests are not a list");
  expect(() => slot.load({ ...saved, device: [{ head: 0, readable: [[0, 16]], writable: [] }] })).toThrow("not in RAM");
});

describe("a ring without sense sets NEEDS_RESET", () => {
  const good: Descriptor = { pa: HEADER, length: 16, flags: 0 };
  const status: Descriptor = { pa: STATUS, length: 1, flags: WRITE };
  const table = DATA + 0x8000;
  const cases: [string, () => void, string][] = [
    ["head beyond the table", () => driver.offer(8), "names descriptor 8 of 8"],
    ["a loop", () => loop(), "does not end"],
    ["next beyond the table", () => driver.descriptor(0, { ...good, flags: NEXT, next: 8 }), "goes on at descriptor 8 of 8"],
    ["a buffer outside RAM", () => driver.chain(0, [{ ...good, pa: 0x1000 }, status]), "0x1000 is not in RAM"],
    ["a buffer that leaves RAM", () => driver.chain(0, [{ ...good, pa: RAM_BASE + 0x3_fff8 }, status]), "not in RAM"],
    ["a buffer at the end of the address space", () => driver.chain(0, [{ ...good, pa: 2 ** 64 - 2048 }, status]), "not in RAM"],
    ["a buffer of 4 GiB less one", () => driver.chain(0, [{ ...good, length: 0xffff_ffff }, status]), "not in RAM"],
    ["a buffer of no length", () => driver.chain(0, [{ ...good, length: 0 }, status]), "no length"],
    ["readable after writable", () => driver.chain(0, [status, good]), "readable buffer after a writable"],
    ["no header", () => driver.chain(0, [{ ...good, length: 15 }, status]), "without its header"],
    ["no status", () => driver.chain(0, [good]), "without room for its status"],
    ["a read into a readable buffer", () => wrongWay(IN, 0), "read whose data buffer is not writable"],
    ["a write from a writable buffer", () => wrongWay(OUT, WRITE), "write whose data buffer is writable"],
    ["indirect and next", () => driver.descriptor(0, { pa: table, length: 48, flags: INDIRECT | NEXT }), "both indirect and continued"],
    ["indirect in indirect", () => nested(), "inside an indirect table"],
    ["an indirect table of odd length", () => driver.descriptor(0, { pa: table, length: 40, flags: INDIRECT }), "table of 40 bytes"],
    ["an indirect table of no length", () => driver.descriptor(0, { pa: table, length: 0, flags: INDIRECT }), "table of 0 bytes"],
    ["an indirect table outside RAM", () => driver.descriptor(0, { pa: 16, length: 48, flags: INDIRECT }), "indirect table of 48 bytes at 0x10"],
    ["a loop in an indirect table", () => indirectLoop(), "does not end"],
  ];

  function loop(): void {
    driver.descriptor(0, { ...good, flags: NEXT, next: 1 });
    driver.descriptor(1, { ...good, flags: NEXT, next: 0 });
  }
  function wrongWay(kind: number, flags: number): void {
    driver.header(HEADER, kind, 0);
    driver.chain(0, [good, { pa: BUFFER, length: 512, flags }, status]);
  }
  function nested(): void {
    driver.descriptor(0, { pa: table, length: 32, flags: INDIRECT });
    driver.descriptor(0, { pa: table, length: 32, flags: INDIRECT }, table);
  }
  function indirectLoop(): void {
    driver.descriptor(0, { pa: table, length: 0x4000, flags: INDIRECT });
    driver.descriptor(0, { ...good, flags: NEXT, next: 0 }, table);
  }

  test.each(cases)("%s", (_name, make, reason) => {
    make();
    if (reason !== "names descriptor 8 of 8") driver.offer(0);
    driver.notify(slot);
    clock.advance(1e9);
    expect(slot.fault).toContain(reason);
    expect([needsReset(), irq.level, clock.nextAlarm()]).toEqual([true, true, Infinity]);
    driver.start(slot);
    request(IN, 0, 512);
    expect([run(), needsReset()]).toEqual([0, false]);
  });

  test("more chains in flight than the queue holds", () => {
    request(IN, 0, 512);
    for (let i = 0; i < 7; i++) driver.offer(0);
    driver.notify(slot);
    expect(needsReset()).toBe(false);
    driver.offer(0);
    driver.notify(slot);
    expect(slot.fault).toContain("more chains in flight");
  });
});

test("random rings never throw, never hang, and only ever end well or in NEEDS_RESET", () => {
  const random = new Random(2024);
  let broken = 0;
  let served = 0;
  for (let round = 0; round < 3000; round++) {
    if (round % 3 === 0) setup();
    else driver.start(slot, random.pick([0, 0x3000_0000]));
    const wild = random.below(2) === 0;
    if (wild) randomRing(random);
    else nearlyRight(random);
    for (let i = 0; i < 4; i++) {
      driver.availableIndex(wild && random.below(3) === 0 ? random.below(0x1_0000) : i + random.below(3));
      driver.notify(slot);
      if (wild && random.below(4) === 0) slot.write(4 * random.below(64), 4, random.next());
      clock.advance(random.below(100_000));
    }
    clock.advance(1e12);
    expect(clock.nextAlarm()).toBe(Infinity);
    if (needsReset()) {
      broken++;
      expect(slot.fault).not.toBe("");
    } else if (driver.ram.data.getUint16(USED - RAM_BASE + 2, true) > 0) served++;
  }
  expect(broken).toBeGreaterThan(500);
  expect(served).toBeGreaterThan(200);
});

/** A ring of good requests with at most two fields of one descriptor or header spoiled. */
function nearlyRight(random: Random): void {
  for (let i = 0; i < 8; i++) driver.ram.data.setUint16(AVAIL - RAM_BASE + 4 + 2 * i, 0, true);
  request(random.pick([IN, OUT, FLUSH, GET_ID]), random.below(66), random.pick([512, 1024, 20]));
  for (let i = random.below(3); i > 0; i--) {
    const at = random.pick([HEADER - RAM_BASE + random.below(16), random.below(48)]);
    driver.ram.bytes[at]! ^= 1 << random.below(8);
  }
}

/** Fill the table, the ring and the headers with values that have little to do with each other. */
function randomRing(random: Random): void {
  const places = [HEADER, HEADER + 16, BUFFER, STATUS, DATA + 0x8000, DESC, RAM_BASE + 0x3_ffff, 0, 2 ** 40];
  for (let table = 0; table < 2; table++) {
    for (let i = 0; i < 8; i++) {
      const descriptor = {
        pa: random.below(8) === 0 ? random.next() : random.pick(places),
        length: random.pick([1, 16, 16, 32, 512, 513, 48, 0, 0x4000, 0xffff_ffff]),
        flags: random.pick([0, NEXT, NEXT, NEXT | WRITE, WRITE, WRITE, INDIRECT, random.below(16)]),
        next: random.below(10),
      };
      driver.descriptor(i, descriptor, table === 0 ? DESC : DATA + 0x8000);
    }
  }
  driver.header(HEADER, random.pick([IN, OUT, FLUSH, GET_ID, 11]), random.below(70));
  for (let i = 0; i < 8; i++) driver.ram.data.setUint16(AVAIL - RAM_BASE + 4 + 2 * i, random.below(9), true);
}
