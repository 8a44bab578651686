// The framing of the remote protocol: what goes out comes back, however the stream is cut; nonsense does no harm.
import { describe, expect, it } from "vitest";
import { encodePacket, PACKET_SIZE, PacketReader, type Arrival } from "./packet.ts";

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
const text = (data: Uint8Array): string => String.fromCharCode(...data);
const shown = (arrivals: readonly Arrival[]): string[] => arrivals.map((a) => (a.kind === "packet" ? `packet ${text(a.body)}` : a.kind));
/** A packet as gdb sends it; what is special in the body is escaped already. */
const sent = (raw: string): string => `$${raw}#${([...raw].reduce((n, c) => n + c.charCodeAt(0), 0) & 0xff).toString(16).padStart(2, "0")}`;
const read = (stream: string): string[] => shown(new PacketReader().feed(bytes(stream)));

/** What gdb makes of a packet (remote.c, read_frame, then unescaping): undoes run-length encoding, checks the sum. */
function asGdbReads(packet: string): string {
  const [, body, sum] = /^\$([^$#]*)#([0-9a-f]{2})$/s.exec(packet) ?? [];
  if (body === undefined) throw new Error(`no packet: ${packet}`);
  expect([...body].reduce((n, c) => n + c.charCodeAt(0), 0) & 0xff).toBe(parseInt(sum!, 16));
  const expanded = body.replace(/(.)\*(.)/gs, (_, c: string, n: string) => c.repeat(n.charCodeAt(0) - 28));
  return expanded.replace(/\}(.)/gs, (_, c: string) => String.fromCharCode(c.charCodeAt(0) ^ 0x20));
}

describe("packets going out", () => {
  it("have the checksum that the manual's example has", () => {
    expect(text(encodePacket(bytes("OK")))).toBe("$OK#9a");
    expect(text(encodePacket(bytes("")))).toBe("$#00");
  });

  it("count repetitions, and never with a character that would end the packet", () => {
    expect(text(encodePacket(bytes("0000")))).toBe("$0* #7a"); // the manual's example
    for (let n = 1; n <= 300; n++) {
      const packet = text(encodePacket(bytes("f".repeat(n))));
      expect(asGdbReads(packet)).toBe("f".repeat(n));
    }
    expect(encodePacket(bytes("0".repeat(97))).length).toBeLessThan(8);
  });

  it("carry any bytes", () => {
    const all = String.fromCharCode(...Array.from({ length: 256 }, (_, n) => n), 0x23, 0x23, 0x23, 0x23, 0x23, 0x7d, 0x7d, 0x7d, 3, 3, 3, 3, 3);
    expect(asGdbReads(text(encodePacket(bytes(all))))).toBe(all);
    const repeated = [...all].map((c) => c.repeat(5)).join("");
    expect(asGdbReads(text(encodePacket(bytes(repeated))))).toBe(repeated);
  });
});

describe("packets coming in", () => {
  it("are found among acknowledgements, Ctrl-C and noise", () => {
    expect(read("+$g#67-\x03noise$#00\r\n$OK#9a")).toEqual(["ack", "packet g", "nack", "interrupt", "packet ", "packet OK"]);
    expect(read("$OK#9A")).toEqual(["packet OK"]);
  });

  it("are the same however the stream is cut", () => {
    const stream = bytes(`+${sent("m80000000,4")}${sent("X0,1:}\x03")}\x03`);
    const whole = shown(new PacketReader().feed(stream));
    expect(whole).toEqual(["ack", "packet m80000000,4", "packet X0,1:#", "interrupt"]);
    for (let cut = 0; cut <= stream.length; cut++) {
      const reader = new PacketReader();
      expect(shown([...reader.feed(stream.subarray(0, cut)), ...reader.feed(stream.subarray(cut))])).toEqual(whole);
    }
  });

  it("are unescaped, and a Ctrl-C inside one is data", () => {
    expect(read(sent("a}\x03}\x04}]\x03b"))).toEqual(["packet a#$}\x03b"]);
  });

  it("with a wrong checksum are refused", () => {
    expect(read("$OK#9b$OK#xx$OK#9g$OK#9a")).toEqual(["damaged", "damaged", "damaged", "packet OK"]);
    expect(read("$half$OK#9a")).toEqual(["packet OK"]);
  });

  it("may have PACKET_SIZE bytes and no more", () => {
    const body = (n: number): string => `$${"\0".repeat(n)}#00`;
    expect(read(body(PACKET_SIZE))).toHaveLength(1);
    expect(read(body(PACKET_SIZE))[0]).toMatch(/^packet/);
    expect(read(`${body(PACKET_SIZE + 1)}$OK#9a`)).toEqual(["damaged", "packet OK"]);
  });

  it("may be any nonsense", () => {
    let seed = 1;
    const random = (): number => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 16;
    const reader = new PacketReader();
    for (let i = 0; i < 2000; i++) {
      for (const a of reader.feed(Uint8Array.from({ length: random() % 64 }, () => (random() % 3 === 0 ? "$#}+-\x03"[random() % 6]!.charCodeAt(0) : random() & 0xff)))) {
        if (a.kind === "packet") expect(a.body.length).toBeLessThanOrEqual(PACKET_SIZE);
      }
    }
    const [last] = reader.feed(bytes("#00$OK#9a")).slice(-1);
    expect(last).toEqual({ kind: "packet", body: bytes("OK") });
  });
});
