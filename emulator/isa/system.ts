// Fences, environment calls, Zicsr and the privileged instructions. What they do to a hart stands in hart/system.ts.

import type { Instruction } from "./table.ts";
import { Csr, Word, row } from "./row.ts";

export const SYSTEM: readonly Instruction[] = [
  /** Order memory accesses: nothing to do, every access is seen by all in program order. */
  row("fence", { format: "fence", mask: 0x707f, match: 0b0001111 }, () => undefined),
  /** Order stores before fetches: nothing to do, a store to decoded code discards it at once. */
  row("fence.i", { format: "none", mask: 0x707f, match: 0b0001111 | (1 << 12) }, () => undefined),

  row("csrrw", Csr(0b001), (o, { imm }) => o.system("csrrw", imm)),
  row("csrrs", Csr(0b010), (o, { imm }) => o.system("csrrs", imm)),
  row("csrrc", Csr(0b011), (o, { imm }) => o.system("csrrc", imm)),
  row("csrrwi", Csr(0b101), (o, { imm }) => o.system("csrrwi", imm)),
  row("csrrsi", Csr(0b110), (o, { imm }) => o.system("csrrsi", imm)),
  row("csrrci", Csr(0b111), (o, { imm }) => o.system("csrrci", imm)),

  row("ecall", Word(0x00000073), (o, { imm }) => o.system("ecall", imm)),
  row("ebreak", Word(0x00100073), (o, { imm }) => o.system("ebreak", imm)),
  row("sret", Word(0x10200073), (o, { imm }) => o.system("sret", imm)),
  row("mret", Word(0x30200073), (o, { imm }) => o.system("mret", imm)),
  row("wfi", Word(0x10500073), (o, { imm }) => o.system("wfi", imm)),
  row("sfence.vma", { format: "sfence", mask: 0xfe007fff, match: 0x12000073 }, (o, { imm }) => o.system("sfence.vma", imm)),
];
