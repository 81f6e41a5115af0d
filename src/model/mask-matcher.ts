/** Bits of the hash of four units; each unit is shifted out of it after four steps. */
const hashBits = 16;
const hashMask = (1 << hashBits) - 1;
const window = 4;
const step = (hash: number, unit: number): number => ((hash << (hashBits / window)) ^ unit) & hashMask;

/**
 * Finds many patterns (of at least four units) in one pass: the hash of each four units says whether a pattern may
 * begin there. A regular expression of thousands of alternatives tries them one by one at every place.
 */
export class Matcher {
  /** Units of the longest pattern; 0 without patterns. */
  readonly longest: number;
  readonly #begins = new Uint8Array(hashMask + 1);
  /** By hash, in order. */
  readonly #patterns = new Map<number, string[]>();

  constructor(patterns: Iterable<string>) {
    let longest = 0;
    for (const pattern of [...patterns].sort()) {
      longest = Math.max(longest, pattern.length);
      let hash = 0;
      for (let i = 0; i < window; i++) hash = step(hash, pattern.charCodeAt(i));
      this.#begins[hash] = 1;
      const same = this.#patterns.get(hash);
      if (same === undefined) this.#patterns.set(hash, [pattern]);
      else same.push(pattern);
    }
    this.longest = longest;
  }

  /** Calls `found` for each place before `upTo` where a pattern begins, with the longest that does. */
  scan(text: string, upTo: number, found: (at: number, length: number) => void): void {
    if (this.longest === 0) return;
    const begins = this.#begins;
    const last = Math.min(upTo, text.length - window + 1);
    let hash = 0;
    for (let i = 0; i < window - 1 && i < text.length; i++) hash = step(hash, text.charCodeAt(i));
    for (let at = 0; at < last; at++) {
      hash = step(hash, text.charCodeAt(at + window - 1));
      if (begins[hash] !== 1) continue;
      const length = longestAt(this.#patterns.get(hash) ?? [], text, at);
      if (length > 0) found(at, length);
    }
  }
}

/**
 * The longest of ordered patterns that stands at a place, 0 for none: unit by unit those that still fit are narrowed
 * down, so thousands with one beginning (tokens of one issuer) cost little more than one.
 */
function longestAt(patterns: readonly string[], text: string, at: number): number {
  let from = 0;
  let to = patterns.length;
  let longest = 0;
  for (let depth = 0; from < to; depth++) {
    const first = patterns[from] ?? '';
    if (to - from === 1) return text.startsWith(first, at) ? first.length : longest;
    // The one that ends here stands before those that go on.
    if (first.length === depth) {
      longest = depth;
      from += 1;
    }
    if (at + depth >= text.length) break;
    const unit = text.charCodeAt(at + depth);
    from = firstWith(patterns, { from, to, depth, least: unit });
    to = firstWith(patterns, { from, to, depth, least: unit + 1 });
  }
  return longest;
}

interface Search {
  readonly from: number;
  readonly to: number;
  readonly depth: number;
  readonly least: number;
}

/** The first of ordered patterns whose unit at that depth is at least the given one. */
function firstWith(patterns: readonly string[], { from, to, depth, least }: Search): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((patterns[middle] ?? '').charCodeAt(depth) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
