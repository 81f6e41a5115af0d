import type { Clock } from '../../model/deps.ts';
import { messageOf } from '../../model/errors.ts';
import type { Plan, SuitePlan } from '../../model/plan.ts';
import { execKetRun } from './ask.ts';
import type { CollectOptions } from './collect.ts';

/** Between two looks. */
const everyMs = 1000;
/** What does not arrive so often in a row is said. */
const failuresToSay = 3;
/** The text goes over a command line. */
const mostReason = 500;

/** Whether a suite of the plan has a file of the releases that are unavailable. */
export const tellsUnavailable = (plan: Pick<Plan, 'onUnhealthy'>, suite: Pick<SuitePlan, 'needs'>): boolean =>
  plan.onUnhealthy === 'report' && suite.needs.length > 0;

export interface TellOptions extends Pick<CollectOptions, 'kube' | 'container'> {
  readonly clock: Clock;
  /** Why, by release, of those that are unavailable now. */
  readonly releases: () => Readonly<Record<string, string>>;
  readonly say: (notice: string) => void;
}

export interface Telling {
  /** Nothing is told any more. */
  stop(): Promise<void>;
}

/** Keeps the file of unavailable releases in a suite's pod up to date while the suite runs. */
export function tellUnavailable(options: TellOptions): Telling {
  const end = new AbortController();
  const textOf = (): string => {
    const cut = Object.entries(options.releases()).map(([name, why]) => [name, why.slice(0, mostReason)]);
    return JSON.stringify({ releases: Object.fromEntries(cut) as Record<string, string> });
  };
  const running = (async () => {
    let told = '{"releases":{}}';
    let failures = 0;
    for (;;) {
      const text = textOf();
      const fault = text === told ? undefined : await tell(options, text, end.signal);
      if (fault === undefined) [told, failures] = [text, 0];
      else if (++failures === failuresToSay && !end.signal.aborted)
        options.say(`it cannot be told which releases are unavailable: ${fault}`);
      await options.clock.sleep(everyMs, end.signal);
    }
  })().catch(() => undefined);
  return {
    async stop() {
      end.abort(new Error('the suite has ended'));
      await running;
    },
  };
}

/** What went wrong, if anything did. */
async function tell(
  { kube, container }: TellOptions,
  text: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const argv = ['tell', '--state', '/ket/state', '--unavailable', text];
  try {
    const { exitCode, stderr } = await execKetRun({ kube, container, signal }, argv, () => undefined);
    return exitCode === 0 ? undefined : `ket-run tell: exit code ${String(exitCode)}: ${stderr}`;
  } catch (error) {
    return messageOf(error);
  }
}
