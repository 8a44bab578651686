// Which view fits the kernel that runs: by the symbols that it has.

import type { Machine } from "../../machine.ts";
import type { Symbols } from "../symbols/symbols.ts";
import { HardwareView } from "./hardware.ts";
import type { KernelView } from "./kernel-view.ts";
import { PagewalkView } from "./pagewalk.ts";
import { XV6View } from "./xv6.ts";

/** The view that knows most about a kernel with these symbols; without any, the hardware's. */
export function chooseView(machine: Machine, symbols: Symbols | undefined): KernelView {
  if (symbols !== undefined && PagewalkView.fits(symbols)) return new PagewalkView(machine, symbols);
  if (symbols !== undefined && XV6View.fits(symbols)) return new XV6View(machine, symbols);
  return new HardwareView(machine);
}
