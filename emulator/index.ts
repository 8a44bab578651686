// The library: what a program that uses Pagewalk imports.
export { Machine, DEFAULT_EPOCH, ENGINE_NAMES, MEMORY_LIMITS } from "./machine.ts";
export type { EngineName, Input, InputEntry, MachineOptions, Stop } from "./machine.ts";
export type { BlockBackend } from "./bus.ts";
export type { Registers } from "./inspector.ts";
export { MemoryBlock } from "./devices/memory-block.ts";
export { EVENT_NAMES, Events, wide } from "./events.ts";
export type { EventName, EventTypes } from "./events.ts";
