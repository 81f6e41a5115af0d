import { KetError } from '../model/errors.ts';

/** HUP: the terminal was closed. Each means: stop, save what there is, remove what was made. */
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Cancel {
  readonly signal: AbortSignal;
  /** Gives the signals back to Node. */
  release(): void;
}

/**
 * The first signal cancels; further ones change nothing, because the removal is already under way and each part of it
 * has a limit of its own.
 */
export function cancelOnSignals(say: (text: string) => void): Cancel {
  const controller = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      say(`${signal}: still removing what this run made`);
      return;
    }
    say(`${signal}: stopping; results so far are saved and what this run made is removed`);
    controller.abort(new KetError('KET_CANCELLED', `cancelled by ${signal}`));
  };
  for (const signal of stopSignals) process.on(signal, onSignal);
  return {
    signal: controller.signal,
    release() {
      for (const signal of stopSignals) process.off(signal, onSignal);
    },
  };
}
