// A disk behind a door: whoever keeps the past (emulator/history) may put itself between the device and the disk.
import type { BlockBackend } from "../bus.ts";

/** See the top of this file. Passes everything on to the disk, or to what was installed before it. */
export class DiskDoor implements BlockBackend {
  readonly disk: BlockBackend;
  private behind: BlockBackend;

  constructor(disk: BlockBackend) {
    this.disk = this.behind = disk;
  }

  /** Put what `make` makes of the disk between it and the device, and return it. Throws when something stands there already. */
  install<T extends BlockBackend>(make: (disk: BlockBackend) => T): T {
    if (this.behind !== this.disk) throw new Error("the machine has a history already");
    const made = make(this.disk);
    this.behind = made;
    return made;
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
