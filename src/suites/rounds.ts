/** Where a suite stands that runs in rounds. */
export interface SuiteRound {
  /** From 1. */
  readonly round: number;
  /** The number of its next attempt; no two of a run are the same. */
  readonly next: () => number;
}

/** Counts the rounds of a soak, and the attempts of each suite on through all of them. */
export class Rounds {
  #round = 0;
  readonly #attempts = new Map<string, number>();

  /** Begins the next round, and gives its number. */
  begin(): number {
    this.#round += 1;
    return this.#round;
  }

  /** How many attempts a suite has had. */
  attempts(suite: string): number {
    return this.#attempts.get(suite) ?? 0;
  }

  of(suite: string): SuiteRound {
    return {
      round: this.#round,
      next: () => {
        const attempt = this.attempts(suite) + 1;
        this.#attempts.set(suite, attempt);
        return attempt;
      },
    };
  }
}
