// What the cause registers' numbers mean, in words (Privileged ISA, table of mcause values).

const EXCEPTIONS: readonly (string | undefined)[] = [
  "fetch address misaligned", "fetch access fault", "illegal instruction", "breakpoint", "load address misaligned", "load access fault",
  "store address misaligned", "store access fault", "ecall from user mode", "ecall from supervisor mode", undefined,
  "ecall from machine mode", "fetch page fault", "load page fault", undefined, "store page fault",
];
const INTERRUPTS: Readonly<Record<number, string>> = {
  1: "supervisor software", 3: "machine software", 5: "supervisor timer", 7: "machine timer", 9: "supervisor external", 11: "machine external",
};

/** Name of an exception by its cause number. */
export const exceptionName = (cause: number): string => EXCEPTIONS[cause] ?? "unknown exception";

/** Name of an interrupt by its cause number (without the top bit). */
export const interruptName = (cause: number): string => `${INTERRUPTS[cause] ?? "unknown"} interrupt`;
