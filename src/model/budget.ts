/** What a run of a tier should need at most; what is over is said, and changes no verdict. */
export interface Budget {
  readonly timeMs?: number;
  readonly memoryBytes?: number;
}

/** A budget, and what a run used of it. */
export interface BudgetUse extends Budget {
  readonly usedMs: number;
  /** Absent where the memory of no suite was measured. */
  readonly usedBytes?: number;
}
