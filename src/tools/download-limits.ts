/** How long a download may take, ms. */
export interface DownloadLimits {
  /** All attempts and the pauses between them. */
  readonly overallMs: number;
  /** An attempt ends when nothing comes for so long. */
  readonly stallMs: number;
  /** Pause after the first attempt; each further one is twice as long, up to the longest. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

export const downloadLimits: DownloadLimits = {
  overallMs: 120_000,
  stallMs: 15_000,
  firstPauseMs: 1000,
  longestPauseMs: 16_000,
};
