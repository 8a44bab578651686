// A disk behind a door: whoever keeps the past (emulator/history) may put itself between the device and the disk.
import type { BlockBackend, State } from "../bus.ts";

/** A disk that can say what was written to it, and take that over. */
export type SavingBackend = BlockBackend & { save(): State; load(state: State): void };
export const saves = (d: BlockBackend | null): d is SavingBackend => d !== null && "save" in d && "load" in d;

/** What may stand behind a door: a disk that can show another time than the one under it. */
export interface TimedBackend extends BlockBackend {
  /** As the `save` of the disk under it, of what is shown now; `present` is what that says, or null where it cannot. */
  saveOver(present: State): State;
}

/** See the top of this file. Passes everything on to the disk, or to what was installed before it. */
export class DiskDoor implements BlockBackend {
  readonly disk: BlockBackend;
  private behind: BlockBackend;
  private timed: TimedBackend | null = null;

  constructor(disk: BlockBackend) {
    this.disk = this.behind = disk;
  }

  /** Put what `make` makes of the disk between it and the device, and return it. Throws when something stands there already. */
  install<T extends TimedBackend>(make: (disk: BlockBackend) => T): T {
    if (this.behind !== this.disk) throw new Error("the machine has a history already");
    const made = make(this.disk);
    this.behind = this.timed = made;
    return made;
  }

  /** For a snapshot: the pages written over the disk's base where it can say that. Else null; in the past, the pages that differ from what the disk is now. */
  save(): State {
    const present = saves(this.disk) ? this.disk.save() : null;
    return this.timed === null ? present : this.timed.saveOver(present);
  }

  get bytes(): number {
    return this.disk.bytes;
  }

  get readOnly(): boolean {
    return this.disk.readOnly;
  }

  get lasting(): boolean {
    return this.disk.lasting === true;
  }

  read(offset: number, into: Uint8Array): void {
    this.behind.read(offset, into);
  }

  write(offset: number, from: Uint8Array): void {
    this.behind.write(offset, from);
  }

  flush(): void {
    this.behind.flush();
  }
}
