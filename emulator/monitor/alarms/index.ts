// Every alarm. To add one, write it in a file here and name it in this list.

import type { Alarm } from "./alarm.ts";
import { doubleFree, freedMapped, junk } from "./frames.ts";
import { cowWrite, kernelWrite, sameFault, stack } from "./others.ts";
import { refs } from "./refs.ts";
import { stale } from "./stale.ts";

export const ALARMS: readonly Alarm[] = [stale, freedMapped, doubleFree, junk, refs, sameFault, kernelWrite, cowWrite, stack];
