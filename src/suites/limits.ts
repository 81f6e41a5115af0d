/**
 * Limits of one attempt, nested so that the inner one always ends first (docs/design.md): the suite's own limit,
 * enforced by ket-run in the pod; then collection; then the pod's deadline; then the Job's. All ms.
 */
export interface AttemptLimits {
  /** The suite's command. */
  readonly suiteMs: number;
  /** Between TERM and KILL when the suite's limit is over. */
  readonly killMs: number;
  /** Bringing the results out. */
  readonly collectMs: number;
  /** How long the pod may stay for a look inside. */
  readonly keepMs: number;
  /** From the Job's creation to the running container, without the time in a queue. */
  readonly pendingMs: number;
  readonly podMs: number;
  readonly jobMs: number;
}

const killMs = 10_000;
export const collectMs = 300_000;
const slackMs = 60_000;
/** How long an admitted pod may wait for room that others of the run hold. */
export const queueMs = 3_600_000;

export function attemptLimits(suiteMs: number, keepMs: number, pendingMs: number): AttemptLimits {
  const podMs = suiteMs + killMs + collectMs + keepMs + slackMs;
  return {
    suiteMs,
    killMs,
    collectMs,
    keepMs,
    pendingMs,
    podMs,
    jobMs: Math.max(3_600_000, podMs + slackMs) + pendingMs + queueMs,
  };
}
