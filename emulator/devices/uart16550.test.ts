import { beforeEach, expect, test } from "vitest";
import { Random, TestClock, Wire } from "./testing.ts";
import { Uart16550 } from "./uart16550.ts";

let clock: TestClock;
let irq: Wire;
let sent: number[];
let uart: Uart16550;

beforeEach(() => {
  clock = new TestClock();
  irq = new Wire();
  sent = [];
  uart = new Uart16550(clock, irq, (byte) => sent.push(byte));
  uart.reset();
});

const r = (offset: number): number => uart.read(offset, 1);
const w = (offset: number, value: number): void => uart.write(offset, 1, value);
const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const readAll = (): string => {
  let out = "";
  while ((r(5) & 1) !== 0) out += String.fromCharCode(r(0));
  return out;
};

test("what is sent comes out at once and in order", () => {
  for (const byte of text("hi\r\n")) {
    expect(r(5) & 0x60).toBe(0x60);
    w(0, byte);
  }
  expect(sent).toEqual([...text("hi\r\n")]);
  expect(irq.level).toBe(false);
});

test("registers at power-on", () => {
  expect([1, 2, 3, 4, 5, 6, 7].map(r)).toEqual([0, 1, 0, 0, 0x60, 0xb0, 0]);
});

test("DLAB shows the divisor instead of data and IER", () => {
  w(1, 0);
  w(3, 0x80);
  w(0, 3);
  w(1, 0x12);
  expect([r(0), r(1)]).toEqual([3, 0x12]);
  expect(sent).toEqual([]);
  w(3, 3);
  expect([r(0), r(1), r(3)]).toEqual([0, 0, 3]);
});

test("scratch keeps a byte, LSR and MSR cannot be written", () => {
  w(7, 0x1a5);
  w(5, 0xff);
  w(6, 0xff);
  expect([r(7), r(5), r(6)]).toEqual([0xa5, 0x60, 0xb0]);
});

test("typing ahead of the driver is kept, however much, across its FIFO reset", () => {
  uart.receive(text("x".repeat(10_000)));
  w(3, 0x80);
  w(0, 3);
  w(3, 3);
  w(2, 7);
  w(1, 3);
  expect(irq.level).toBe(true);
  expect(uart.waiting).toBe(10_000);
  expect(readAll()).toBe("x".repeat(10_000));
  expect(uart.waiting).toBe(0);
});

test("an RX interrupt lasts until the receiver is empty", () => {
  w(2, 1);
  w(1, 1);
  expect(r(2)).toBe(0xc1);
  uart.receive(text("ab"));
  expect(irq.level).toBe(true);
  expect(r(2)).toBe(0xc4);
  expect(r(0)).toBe(97);
  expect(irq.level).toBe(true);
  expect(r(0)).toBe(98);
  expect(irq.level).toBe(false);
  expect(r(2)).toBe(0xc1);
});

test("without FIFO one byte at a time is there", () => {
  uart.receive(text("abc"));
  expect(r(2)).toBe(1);
  expect(readAll()).toBe("abc");
});

test("the trigger level holds the interrupt back, the timeout brings it", () => {
  w(3, 0x80);
  w(0, 3);
  w(3, 3);
  w(2, 0x81); // 8 bytes
  w(1, 1);
  uart.receive(text("1234567"));
  expect(irq.level).toBe(false);
  uart.receive(text("8"));
  expect([irq.level, r(2)]).toEqual([true, 0xc4]);
  r(0);
  expect(irq.level).toBe(false);
  clock.advance(520_832); // four characters of ten bits at 76,800 baud take 520,833.3 ns
  expect(irq.level).toBe(false);
  clock.advance(2);
  expect([irq.level, r(2)]).toEqual([true, 0xcc]);
  r(0);
  expect(irq.level).toBe(false);
  expect(readAll()).toBe("345678");
  clock.advance(1e9);
  expect(irq.level).toBe(false);
});

test("THRE: raised by enabling and by each byte sent, taken back by reading IIR or by sending", () => {
  w(1, 2);
  expect(irq.level).toBe(true);
  expect(r(2)).toBe(2);
  expect(irq.level).toBe(false);
  expect(r(2)).toBe(1);
  w(0, 65);
  expect(irq.level).toBe(true);
  w(1, 0);
  expect(irq.level).toBe(false);
  w(1, 2);
  expect(irq.level).toBe(true);
});

test("a driver that never reads IIR does not hang on THRE: LSR lets the wire go", () => {
  w(1, 3);
  expect(irq.level).toBe(true);
  r(5);
  expect(irq.level).toBe(false);
  expect(uart.peek(2, 1) & 0xf).toBe(2);
  w(0, 65);
  expect(irq.level).toBe(true);
});

test("reading IIR for one cause leaves the others", () => {
  w(2, 1);
  w(1, 3);
  uart.receive(text("a"));
  expect(r(2)).toBe(0xc4);
  r(0);
  expect(irq.level).toBe(true);
  expect(r(2)).toBe(0xc2);
  expect(irq.level).toBe(false);
});

test("FCR bit 1 clears what is in the FIFO, and so does switching the FIFO", () => {
  w(2, 1);
  uart.receive(text("a"));
  expect(r(5) & 1).toBe(1);
  w(2, 3);
  expect(r(5) & 1).toBe(0);
  uart.receive(text("b"));
  expect(r(5) & 1).toBe(1);
  w(2, 0);
  expect(r(5) & 1).toBe(0);
});

test("loopback: bytes come back, nothing leaves, the modem lines are the outputs, host bytes wait", () => {
  w(2, 1);
  w(4, 0x10 | 0xa);
  expect(r(6) & 0xf0).toBe(0x90);
  expect(r(6) & 0xf).toBe(0);
  w(0, 0x5a);
  uart.receive(text("h"));
  expect(sent).toEqual([]);
  expect(r(0)).toBe(0x5a);
  expect(r(5) & 1).toBe(0);
  w(4, 0);
  expect(r(5) & 1).toBe(1);
  expect(r(0)).toBe(104);
});

test("loopback: deltas, the end of a ring, the modem interrupt", () => {
  w(4, 0x10);
  r(6);
  w(1, 8);
  expect(irq.level).toBe(false);
  w(4, 0x14); // OUT1: ring begins: no delta
  expect(irq.level).toBe(false);
  w(4, 0x10); // ring ends
  expect([irq.level, r(2), r(6) & 0xf]).toEqual([true, 0, 4]);
  expect(irq.level).toBe(false);
  w(4, 0x1b);
  expect(r(6)).toBe(0xbb);
});

test("loopback: the seventeenth byte is an overrun, told by the line interrupt until LSR is read", () => {
  w(2, 1);
  w(1, 4);
  w(4, 0x10);
  for (let i = 0; i < 16; i++) w(0, i);
  expect(irq.level).toBe(false);
  w(0, 99);
  expect([irq.level, r(2)]).toEqual([true, 0xc6]);
  expect(r(5) & 2).toBe(2);
  expect(irq.level).toBe(false);
  expect(r(5) & 2).toBe(0);
});

test("a peek has no effect", () => {
  w(2, 1);
  w(1, 3);
  uart.receive(text("ab"));
  const before = uart.save();
  for (let offset = 0; offset < 16; offset++) for (const size of [1, 2, 4]) uart.peek(offset, size);
  expect(uart.save()).toEqual(before);
  expect(uart.peek(0, 1)).toBe(97);
});

test("save and load in the middle of anything", () => {
  const random = new Random(7);
  for (let round = 0; round < 300; round++) {
    for (let step = 0; step < 20; step++) {
      const action = random.below(4);
      if (action === 0) uart.receive(Uint8Array.of(random.below(256), random.below(256)));
      else if (action === 1) r(random.below(9));
      else if (action === 2) w(random.below(9), random.below(256));
      else clock.advance(random.below(1_000_000));
    }
    const otherClock = new TestClock();
    const otherIrq = new Wire();
    const otherSent: number[] = [];
    const copy = new Uart16550(otherClock, otherIrq, (byte) => otherSent.push(byte));
    otherClock.jump(clock.now);
    copy.load(uart.save());
    otherClock.load(clock.save());
    expect(otherIrq.level).toBe(irq.level);
    expect(copy.save()).toEqual(uart.save());
    clock.advance(10_000_000);
    otherClock.advance(10_000_000);
    for (const offset of [2, 5, 0, 6, 2, 5, 0, 1, 3, 4, 7]) expect(copy.read(offset, 1)).toBe(uart.read(offset, 1));
  }
  expect(() => uart.load({})).toThrow("uart has no registers");
});
