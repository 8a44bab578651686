// Random numbers from a seed: the same numbers for the same seed, on every host.

export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bf03635) | 0;
    for (let i = 0; i < 4; i++) this.bits();
  }

  /** 32 random bits, unsigned. */
  bits(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** An integer of 0 … n − 1. */
  below(n: number): number {
    return Math.floor((this.bits() / 2 ** 32) * n);
  }

  /** An integer of from … to, both included. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** 64 random bits of any of several shapes: corners, small numbers, single bits, runs of ones, anything. */
  wide(): bigint {
    const any = (BigInt(this.bits()) << 32n) | BigInt(this.bits());
    switch (this.below(7)) {
      case 0: return this.pick(CORNERS);
      case 1: return BigInt.asUintN(64, BigInt(this.between(-2048, 2047)));
      case 2: return 1n << BigInt(this.below(64));
      case 3: return BigInt.asUintN(64, -1n << BigInt(this.below(64)));
      case 4: return any & 0xffffffffn;
      case 5: return BigInt.asUintN(64, BigInt.asIntN(32, any));
      default: return any;
    }
  }
}

const CORNERS: readonly bigint[] = [
  0n, 1n, 2n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 0x100000000n, 0x7fffffffffffffffn, 0x8000000000000000n, 0xffffffffffffffffn,
  0xffffffff80000000n, 0xffffffff7fffffffn, 0x5555555555555555n, 0xaaaaaaaaaaaaaaaan,
];
