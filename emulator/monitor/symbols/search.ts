// Binary search.

/** How many of `length` elements, sorted so that these come first, `isBefore` holds for. */
export function countBefore(length: number, isBefore: (index: number) => boolean): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The last element of a list sorted by `start` that begins at or before an address. */
export function lastFrom<T extends { readonly start: bigint }>(list: readonly T[], address: bigint): T | undefined {
  return list[countBefore(list.length, (i) => list[i]!.start <= address) - 1];
}
