/** Parts of the work that every variant has, in the order in which tables show them. */
export const parts = ['build', 'cluster', 'load', 'release', 'suites', 'collect', 'cleanup'] as const;
export type Part = (typeof parts)[number];

/** Milliseconds since the variant began. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What one variant took once. */
export interface Measured {
  readonly spans: Readonly<Partial<Record<Part, Span>>>;
  /** Milliseconds to the verdict of the last suite, and until nothing is left. */
  readonly verdict: number;
  readonly removed: number;
  /** Passed test cases; a variant with any other case throws. */
  readonly tests: number;
  /** Of ket: its greatest resident set, MiB. */
  readonly peakMiB?: number;
  /** Of ket: for each suite, ms from its last prerequisite to its Job. */
  readonly toJob?: readonly number[];
}

export class Stopwatch {
  readonly #began = performance.now();
  readonly #spans = new Map<Part, Span>();

  now(): number {
    return performance.now() - this.#began;
  }

  async time<T>(part: Part, work: () => Promise<T>): Promise<T> {
    const start = this.now();
    const result = await work();
    this.add(part, start, this.now());
    return result;
  }

  /** A part with several pieces lasts from the start of the first to the end of the last. */
  add(part: Part, start: number, end: number): void {
    const old = this.#spans.get(part);
    this.#spans.set(part, {
      start: Math.min(start, old?.start ?? start),
      end: Math.max(end, old?.end ?? end),
    });
  }

  spans(): Partial<Record<Part, Span>> {
    return Object.fromEntries(this.#spans);
  }
}
