// The Debug Adapter Protocol's framing: what goes out comes back however it is cut; what is none of it is refused.
import { describe, expect, it } from "vitest";
import { encodeMessage, MessageReader } from "./framing.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("messages", () => {
  it("come back however the stream is cut", () => {
    const messages = [{ seq: 1, command: "initialize" }, { text: "längs, 長い" }, []];
    const stream = Uint8Array.from(messages.flatMap((m) => [...encodeMessage(m)]));
    for (let cut = 0; cut <= stream.length; cut++) {
      const reader = new MessageReader();
      expect([...reader.feed(stream.subarray(0, cut)), ...reader.feed(stream.subarray(cut))]).toEqual(messages);
    }
  });

  it("may have other header fields", () => {
    expect(new MessageReader().feed(bytes('Content-Type: x\r\ncontent-length: 2\r\n\r\n[]'))).toEqual([[]]);
  });

  it("are refused when they are none", () => {
    const refused = (text: string): string => {
      try {
        return `taken: ${JSON.stringify(new MessageReader().feed(bytes(text)))}`;
      } catch (e) {
        return (e as Error).message;
      }
    };
    expect(refused("x".repeat(5000))).toBe("a message without a header");
    expect(refused("GET / HTTP/1.1\r\nHost: x\r\n\r\n")).toBe("a header without Content-Length");
    expect(refused("Content-Length: 999999999\r\n\r\n")).toContain("too long");
    expect(refused("Content-Length: -1\r\n\r\n")).toContain("without Content-Length");
    expect(refused("Content-Length: 3\r\n\r\n{]x")).toBe("a message that is no JSON");
    expect(refused("Content-Length: 3\r\n")).toBe("taken: []");
  });
});
