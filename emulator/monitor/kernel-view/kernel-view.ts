// What the monitor can know of the kernel that runs, behind one interface: processes, what is mapped where, what each
// frame is used for. Three kernels are known: ours (pagewalk.ts), any one shaped as xv6-riscv (xv6.ts), and, without
// symbols, any at all (hardware.ts: what satp values and page tables tell). Views only look, and what they find may be
// nonsense: a list that never ends is cut, a wild pointer becomes a sentence in `trouble`.

/** Registers of something that does not run now; those that were not saved are undefined. */
export interface SavedRegisters {
  readonly pc: bigint;
  readonly x: readonly (bigint | undefined)[];
}

export interface ProcessView {
  readonly pid: number;
  readonly name: string;
  /** The kernel's own word: "running", "sleeping", "zombie" … */
  readonly state: string;
  readonly parent?: number | undefined;
  /** The hart that runs it. */
  readonly hart?: number | undefined;
  /** Page number of the root of its page table; undefined when it has none. */
  readonly root?: number | undefined;
  /** satp.ASID that it ran under, where the kernel uses these. */
  readonly asid?: number | undefined;
  /** Bytes mapped, and pages in memory. */
  readonly size?: number | undefined;
  readonly resident?: number | undefined;
  /** What it waits for. */
  readonly channel?: bigint | undefined;
  /** Registers of user mode, while it is in the kernel. */
  readonly user?: SavedRegisters | undefined;
  /** Where it goes on in the kernel when it gets a hart again. */
  readonly kernel?: SavedRegisters | undefined;
  readonly kernelStack?: Range | undefined;
  /** Page faults by what they needed, as the kernel counts them. */
  readonly faults?: Readonly<Record<string, number>> | undefined;
}

/** [start, end) */
export interface Range {
  readonly start: bigint;
  readonly end: bigint;
}

/** A piece of an address space, as the kernel has it written down. */
export interface MapView extends Range {
  /** "rw-". */
  readonly rights: string;
  /** What the rights may become. */
  readonly maxRights?: string | undefined;
  readonly shared: boolean;
  /** "heap", "stack", "anonymous", "file 12 of disk 0", "guard" … */
  readonly what: string;
  /** Further properties: "needs copy", "locked" … */
  readonly flags: readonly string[];
  /** Mapped in the process's page table for the kernel alone, as xv6's trampoline is. */
  readonly kernelOnly?: boolean | undefined;
  /** Where its pages come from; undefined for a guard, or where the kernel has no such thing. */
  readonly object?: ObjectView | undefined;
  /** Page of the object at `start`. */
  readonly offset?: number | undefined;
}

/** Where pages come from, and what is behind it. */
export interface ObjectView {
  readonly address: bigint;
  readonly kind: "anonymous" | "file";
  readonly file?: string | undefined;
  readonly pages: number;
  readonly resident: number;
  readonly swapped: number;
  readonly references: number;
  readonly shadow?: ObjectView | undefined;
  /** Page i here hides page i + shadowOffset there. */
  readonly shadowOffset?: number | undefined;
}

/** One page of an address space, as the kernel has it written down, whatever the page table says. */
export interface PageView {
  readonly map: MapView;
  /** How many objects down the chain it was found: 0 is the map's own. Undefined: nowhere yet. */
  readonly depth?: number | undefined;
  readonly object?: ObjectView | undefined;
  /** Page of that object. */
  readonly offset?: number | undefined;
  /** Frame number that holds it. */
  readonly pfn?: number | undefined;
  /** Slot of swap that holds it. */
  readonly slot?: number | undefined;
  /** "dirty", "busy" … */
  readonly flags: readonly string[];
  /** In words: "frame 0x87f4a, dirty", "swap slot 12", "not yet: zeros at the first touch". */
  readonly text: string;
}

/** What a frame is used for. `other`: memory that the kernel does not hand out (its image, the device tree). */
export const FRAME_USES = ["free", "user", "file", "table", "kernel", "image", "other", "unknown"] as const;
export type FrameUse = (typeof FRAME_USES)[number];

/** A number that the kernel keeps, against what was counted. */
export interface Counted {
  readonly what: string;
  readonly claimed: number;
  readonly found: number;
  /** Others that are not counted may have a share in it: it is wrong only where it is too small. */
  readonly open?: boolean;
}

/** Is the number that the kernel keeps not true? */
export const isWrong = ({ claimed, found, open }: Counted): boolean => (open === true ? claimed < found : claimed !== found);

/** How often an object says that it is referred to, and who does. */
export interface ObjectBooks {
  readonly address: bigint;
  /** Somebody is changing it now: its lock is held. */
  readonly busy: boolean;
  readonly references: Counted;
  /** Physical address of its count of references, and its bytes. */
  readonly countAt: number;
  readonly countSize: number;
  /** Those who refer to it, in words; it takes a while. */
  users(): readonly string[];
  /** The object behind it. */
  readonly behind: bigint | undefined;
}

/** An object that more refer to than it counts: it will be freed while it is in use, or was already. */
export interface ShortObject {
  readonly address: bigint;
  /** The kernel has given its structure back; another may stand there soon. */
  readonly freed: boolean;
  readonly references: Counted;
  /** Physical address of its count of references, and its bytes. */
  readonly countAt: number;
  readonly countSize: number;
  /** The processes whose maps refer to it, where, and the physical address of the pointer to it. */
  readonly users: readonly { readonly pid: number; readonly va: bigint; readonly pointerAt: number }[];
}

export interface FrameView {
  readonly pfn: number;
  readonly use: FrameUse;
  /** What it is, in words: "page 3 of anonymous object 0x…". */
  readonly text: string;
  readonly flags: readonly string[];
  /** Numbers that the kernel keeps about it, against what was counted. */
  readonly checks: readonly Counted[];
  /** Processes whose maps reach this frame, and at which address. */
  readonly expected: readonly { readonly pid: number; readonly va: bigint }[];
}

/** An address space that has a page table. */
export interface SpaceView {
  /** "kernel", "pid 7 sh", "satp 0x8000…". */
  readonly name: string;
  readonly pid?: number | undefined;
  readonly root: number;
  readonly asid?: number | undefined;
  readonly kernel: boolean;
}

/** Functions of the kernel at which something is known to happen; names of symbols. */
export interface KernelHooks {
  readonly panic?: string | undefined;
  /** A process has been made, ends, is sent a signal. */
  readonly start?: string | undefined;
  readonly exit?: string | undefined;
  readonly signal?: string | undefined;
  /** What a process did has this signal: f(process, signal, …), called before its handler runs or it is killed. */
  readonly faultSignal?: string | undefined;
  /** A frame is given back: the function, and how its first argument names the frame. */
  readonly frameFree?: { readonly symbol: string; readonly argument: "address" | "page" } | undefined;
  /** Copies n bytes to a user address, f(space, va, from, n), and gives 0 when all could be written. */
  readonly copyOut?: string | undefined;
  /**
   * Functions after which another number may refer to an object: which argument names the object, or points to a structure
   * with a member that does; the member of an object that leads to the one behind it; and the function that gives its
   * memory back: f(variable, object).
   */
  readonly objects?: {
    readonly changes: readonly { readonly symbol: string; readonly argument: number; readonly member?: readonly [type: string, name: string] }[];
    readonly behind: readonly [type: string, name: string];
    readonly gone: { readonly symbol: string; readonly variable: string };
  } | undefined;
  /** Functions that may touch free frames, and the ends of the source files that hold nothing but such. */
  readonly allocator: readonly string[];
  readonly allocatorFiles: readonly string[];
}

/** What can be read at each fault, quickly: no objects made, nothing but reads at addresses that are known. */
export interface FaultProbe {
  /** Pid of what runs on the hart; 0 when nothing does. */
  pidOf(hart: number): number;
  /** Names of the counters. */
  readonly outcomes: readonly string[];
  /** The counters of the process on the hart, low words; false when nothing runs there. */
  counters(hart: number, into: Int32Array): boolean;
}

export interface KernelView {
  /** "Pagewalk", "xv6", "hardware". */
  readonly name: string;
  /** One sentence about what this view knows. */
  readonly about: string;
  processes(): readonly ProcessView[];
  process(pid: number): ProcessView | undefined;
  /** The process that runs on a hart. */
  current(hart: number): ProcessView | undefined;
  /** Every address space that is known, the kernel's first. */
  spaces(): readonly SpaceView[];
  /** Page number of the root of the kernel's own page table. */
  kernelRoot(): number | undefined;
  /** Undefined when the process does not exist or the kernel keeps no such list. */
  maps(pid: number): readonly MapView[] | undefined;
  pageAt(pid: number, va: bigint): PageView | undefined;
  frame(pfn: number): FrameView | undefined;
  /** A code (index in FRAME_USES) for each frame of RAM, the first at 0x80000000. */
  frameUses(): Uint8Array;
  kernelStacks(): readonly (Range & { readonly name: string })[];
  readonly hooks: KernelHooks;
  /** Undefined where the kernel's structures are unknown. */
  readonly probe?: FaultProbe | undefined;
  /** Is this frame on the free list? Quickly; absent where that cannot be told of one alone. */
  isFree?(pfn: number): boolean;
  /** The frame that a structure of the kernel's (at this address) stands for. */
  frameOfPage?(address: bigint): number | undefined;
  /** The books of the object at an address of the kernel's; absent where the kernel has no such things. */
  objectBooks?(address: bigint): ObjectBooks | undefined;
  /**
   * Objects that the processes' maps lead to and that count too few references. What a hart is changing under a lock is
   * left out, but for this one, which stands where it stands for good.
   */
  shortObjects?(stopped?: number): readonly ShortObject[];
  /** Is somebody changing the map of a process, so that it may not be whole now? */
  isChanging?(pid: number): boolean;
  /** Physical address of the byte in which the kernel has written down what a frame is used for. */
  useAt?(pfn: number): number | undefined;
  /** A pointer that is a member of a structure at an address of the kernel's. */
  pointerAt?(address: bigint, type: string, member: string): bigint | undefined;
  /** Root of the page table of an address space, as functions of the kernel name one to each other. */
  rootOfSpace?(argument: bigint): number | undefined;
  /** What was found to be nonsense during the last call, as sentences; empties the list. */
  trouble(): readonly string[];
}
