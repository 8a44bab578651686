// What a debugger sees at an address: what the hart would, then whatever is mapped at all, never beyond.
import { beforeAll, describe, expect, it } from "vitest";
import { Asm, PageTables } from "../../test/support/asm.ts";
import { Machine } from "../machine.ts";
import { BOOT_ROM, RAM, UART } from "../memory-map.ts";
import { hartSpace, physicalSpace, placeWrite, readMemory, type AddressSpace } from "./address-space.ts";

const DATA = RAM + 0x8000;
const USER = 0x40_0000;
let machine: Machine;
let kernel: PageTables;
let process: PageTables;

/** A machine in supervisor mode under `kernel`; another table is there, too. */
beforeAll(async () => {
  kernel = new PageTables(RAM + 0x1_0000);
  kernel.map(RAM, RAM, "rwxad", 1).map(USER, DATA, "rwuad").map(USER + 0x1000, DATA + 0x1000, "xad").map(USER + 0x2000, UART, "rwad").map(USER + 0x3000, DATA + 0x3000, "rwad", 0);
  process = new PageTables(RAM + 0x2_0000);
  process.map(0x1000, DATA + 0x2000, "ruad").map(USER, DATA + 0x4000, "ruad");
  const a = new Asm();
  a.li("t0", -1).csrw("pmpaddr0", "t0").csrli("pmpcfg0", 0x1f).csrli("satp", kernel.satp()).csrli("mstatus", 1 << 11).la("t0", "on").csrw("mepc", "t0").op("mret");
  a.label("on").label("loop").j("loop");
  for (let i = 0; i < 5; i++) a.org(DATA + i * 0x1000).dword(i + 1).org(DATA + i * 0x1000 + 0xff8).dword(0x10 * (i + 1));
  kernel.emit(a);
  process.emit(a);
  machine = await Machine.create({ kernel: a.image(), memory: 2 ** 20 });
  machine.run(100);
  expect(machine.inspect.registers(0).privilege).toBe(1);
});

const number = (space: AddressSpace, address: number | bigint): number | undefined => {
  const bytes = readMemory(machine, space, BigInt(address), 8);
  return bytes.length === 8 ? Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)) : undefined;
};

describe("a hart's addresses", () => {
  it("are shown whatever the rights", () => {
    const space = hartSpace(machine, 0, []);
    expect(number(space, USER)).toBe(1); // a user page, and SUM is clear
    expect(number(space, USER + 0x1000)).toBe(2); // execute-only
    expect(number(space, DATA + 0x2000)).toBe(3); // through the superpage
    expect(number(space, 0x1000)).toBeUndefined();
    expect(number(space, 2n ** 63n)).toBeUndefined(); // no canonical address
    expect(number(space, 2n ** 64n - 4n)).toBeUndefined();
  });

  it("are looked for in other tables where the hart's own have nothing", () => {
    const space = hartSpace(machine, 0, [undefined, process.root / 4096]);
    expect(number(space, 0x1000)).toBe(3);
    expect(number(space, USER)).toBe(1); // its own goes first
  });

  it("end where something cannot be read", () => {
    const space = hartSpace(machine, 0, []);
    expect(readMemory(machine, space, BigInt(USER + 0xff8), 16).length).toBe(16); // on into the next page
    expect(readMemory(machine, space, BigInt(USER + 0x3ff8), 16).length).toBe(8);
    expect(readMemory(machine, space, BigInt(USER + 0x4000), 16).length).toBe(0);
    expect(readMemory(machine, physicalSpace, BigInt(RAM + 2 ** 20 - 4), 16).length).toBe(4);
    expect(readMemory(machine, physicalSpace, 2n ** 60n, 16).length).toBe(0);
  });
});

describe("writes", () => {
  it("go to RAM, all of them or none", () => {
    const space = hartSpace(machine, 0, []);
    const bytes = new Uint8Array(16);
    expect(placeWrite(machine, space, BigInt(USER + 0xff8), bytes)?.map((p) => [p.pa, p.bytes.length])).toEqual([[DATA + 0xff8, 8], [DATA + 0x1000, 8]]);
    expect(placeWrite(machine, space, BigInt(USER + 0x1ff8), bytes)).toBeUndefined(); // on into a device
    expect(placeWrite(machine, space, BigInt(USER + 0x3ff8), bytes)).toBeUndefined();
    expect(placeWrite(machine, physicalSpace, BigInt(BOOT_ROM), bytes)).toBeUndefined();
  });
});
