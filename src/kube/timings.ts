/** Every limit and pace of this room in one place, in ms; tests make them small. */
export interface Timings {
  /** Until the headers of an answer, and between two pieces of its body. */
  readonly answerMs: number;
  /** One request with all its retries. */
  readonly requestMs: number;
  /** The same as long as this server has never answered: more likely a wrong address than a restart. */
  readonly firstContactMs: number;
  /** First pause before a retry; it doubles, with jitter, up to `retryMaxMs`. */
  readonly retryMs: number;
  readonly retryMaxMs: number;
  /** A watch without event or bookmark for so long is taken for dead. */
  readonly staleMs: number;
  /** Asked of the server: a watch ends by itself after this and up to a quarter more. */
  readonly watchMs: number;
  /** 401 and 403 (for a watch also 404) are believed when they last so long. */
  readonly refusedMs: number;
  /** The same, when the server has not done anything right since an accident: it may just have started. */
  readonly refusedAgainMs: number;
  /** Between two looks at a container that has not started. */
  readonly startPollMs: number;
  /** Between the end of a log stream that brought nothing and the next. */
  readonly reopenMs: number;
  /** A log stream that is silent for so long is checked by a read of its own. */
  readonly logIdleMs: number;
  /** Between two looks whether the container has terminated. */
  readonly finishedPollMs: number;
  /** Silence of the stream of a terminated container, after which the rest is read. */
  readonly drainIdleMs: number;
  /** That reading, from the last line that it brought. */
  readonly drainMs: number;
  /** Between two reads where following does not work. */
  readonly pollMs: number;
  /** A pod whose log is not found for so long is gone. */
  readonly goneMs: number;
  /** Between two pings of an exec connection; two without answer mean that it is dead. */
  readonly pingMs: number;
  /** From the status frame of an exec to the close of its connection. */
  readonly closeMs: number;
}

/**
 * - answerMs: the API server gives up on a request after 60 s (`--request-timeout`), webhooks after 10 s unless set;
 *   what takes 20 s here is a dead connection rather than a slow answer.
 * - requestMs: an API server that was killed on a busy machine of two cores was seen to be back after 28 s, and the
 *   kubelet waits another 10 s or 20 s when it was not the first time.
 * - staleMs: the API server sends a bookmark about once a minute, so a quiet watch is re-listed by this as well: the
 *   net below the watch that research/reliability.md F02 asks for.
 * - finishedPollMs, drainIdleMs: the kubelet looks only every 5 s whether the container of a followed log still runs
 *   (stateCheckPeriod in its log reader); who knows from the pod need not wait for that.
 * - pollMs: the kubelet follows with one inotify watch each, of which a machine has 128 unless told otherwise.
 */
export const defaultTimings: Timings = {
  answerMs: 20_000,
  requestMs: 120_000,
  firstContactMs: 20_000,
  retryMs: 250,
  retryMaxMs: 5_000,
  staleMs: 45_000,
  watchMs: 240_000,
  refusedMs: 2_000,
  refusedAgainMs: 20_000,
  startPollMs: 150,
  reopenMs: 300,
  logIdleMs: 45_000,
  finishedPollMs: 100,
  drainIdleMs: 250,
  drainMs: 60_000,
  pollMs: 1_000,
  goneMs: 5_000,
  pingMs: 15_000,
  closeMs: 5_000,
};
