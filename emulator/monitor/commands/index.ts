// Every command, in the order in which help lists them. To add one, write it in a file of its family and name it here.

import type { Command } from "../command.ts";
import { alarm } from "./alarms.ts";
import { check } from "./check.ts";
import { devices, stats, virtio } from "./devices.ts";
import { faults } from "./faults.ts";
import { frame, frames } from "./frames.ts";
import { help } from "./help.ts";
import { disas, x, xp } from "./memory.ts";
import { pt, walk } from "./page-table.ts";
import { breakpoint, catchCommand, deletePoints, disablePoints, enablePoints, points, tbreak, watch } from "./points.ts";
import { bt, maps, ps, symbols } from "./processes.ts";
import { expect, halt, motions, motionsBack, type } from "./run.ts";
import { diff, gotoTime, history, lastWriteCommand } from "./time.ts";
import { tlb } from "./tlb.ts";
import { trace } from "./trace.ts";
import { why } from "./why.ts";
import { csr, hart, regs } from "./registers.ts";
import { locals, print } from "./variables.ts";

export const COMMANDS: readonly Command[] = [
  why,
  regs, csr, hart, bt, locals, print, pt, walk, tlb, ps, maps, frame, frames, check, faults, x, xp, disas, symbols, devices, virtio, stats, trace,
  ...motions, halt, breakpoint, tbreak, watch, catchCommand, points, deletePoints, enablePoints, disablePoints, alarm,
  ...motionsBack, gotoTime, history, lastWriteCommand, diff,
  type, expect,
  help,
];
