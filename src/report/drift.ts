/** Most points of a series that are kept. */
const most = 256;
/** With fewer points, or over a shorter time, a slope is chance. */
const least = { points: 5, ms: 60_000 };

const hourMs = 3_600_000;

/**
 * Values over time, of which at most 256 are kept, evenly chosen of all that come: when there are more, every other one
 * goes, and from then on only every second, fourth … is taken.
 */
export class Series {
  #points: { readonly at: number; readonly value: number }[] = [];
  #stride = 1;
  #seen = 0;
  #most: number | undefined;
  #last: number | undefined;

  /** `at`: ms since any fixed moment. */
  add(at: number, value: number): void {
    this.#most = Math.max(value, this.#most ?? value);
    this.#last = value;
    if (this.#seen % this.#stride === 0) this.#points.push({ at, value });
    this.#seen += 1;
    if (this.#points.length < most) return;
    this.#points = this.#points.filter((_, index) => index % 2 === 0);
    this.#stride *= 2;
  }

  /** How many came. */
  get count(): number {
    return this.#seen;
  }

  /** The largest of all that came. */
  get largest(): number | undefined {
    return this.#most;
  }

  get first(): number | undefined {
    return this.#points[0]?.value;
  }

  get last(): number | undefined {
    return this.#last;
  }

  /** Of the points that are kept. */
  median(): number | undefined {
    return medianOf(this.#points.map(({ value }) => value));
  }

  /**
   * How much it grows in an hour: the median of the slopes between any two points, so that single values far off do not
   * decide. Undefined where it is too little to tell.
   */
  perHour(): number | undefined {
    const points = this.#points;
    const lasted = (points.at(-1)?.at ?? 0) - (points[0]?.at ?? 0);
    if (points.length < least.points || lasted < least.ms) return undefined;
    const slopes: number[] = [];
    for (const [index, a] of points.entries())
      for (const b of points.slice(index + 1))
        if (b.at > a.at) slopes.push((b.value - a.value) / (b.at - a.at));
    const slope = medianOf(slopes);
    return slope === undefined ? undefined : slope * hourMs;
  }
}

function medianOf(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}
