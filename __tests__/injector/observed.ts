import fs from 'node:fs';
import path from 'node:path';
import type { EventBody, RunEvent } from '../../src/model/events.ts';

type Of<Type extends EventBody['type']> = Extract<RunEvent, { type: Type }>;

/** What is there of one attempt after the run. */
export interface AttemptSeen {
  readonly suite: string;
  readonly attempt: number;
  /** Lines of the live stream, in the order of their coming. */
  readonly live: readonly string[];
  /** Lines of console.log; undefined when there is none. */
  readonly console?: readonly string[];
  /** Content of the results, by path. */
  readonly files: ReadonlyMap<string, string>;
  readonly ended?: Of<'attempt-ended'>;
}

/** What is there of a round after its run: all that the invariant is about. */
export interface Observed {
  readonly code: number | null;
  readonly attempts: readonly AttemptSeen[];
  readonly suites: readonly Of<'suite-ended'>[];
  readonly notices: readonly string[];
  /** What ket said that it left. */
  readonly leftovers: readonly string[];
  /** What is in the cluster, and in the state of ket, that was not there before. */
  readonly left: readonly string[];
}

/** Reads what a run wrote; `events` came over the pipe, log lines included. */
export function observe(
  ran: { readonly code: number | null; readonly folder: string },
  events: readonly RunEvent[],
): Omit<Observed, 'left'> {
  const all = <Type extends EventBody['type']>(type: Type): Of<Type>[] =>
    events.filter((event): event is Of<Type> => event.type === type);
  const ended = all('attempt-ended');
  const lines = all('log');
  const ids = [...lines, ...ended, ...all('attempt-started')].map(
    ({ suite, attempt }) => `${suite}/${attempt}`,
  );
  return {
    code: ran.code,
    // By their numbers, whether or not they printed anything.
    attempts: [...new Set(ids)].sort().map((id): AttemptSeen => {
      const [suite = '', number = ''] = id.split('/');
      const attempt = Number(number);
      const ofThis = (one: { suite: string; attempt: number }): boolean =>
        one.suite === suite && one.attempt === attempt;
      const folder = path.join(ran.folder, 'suites', suite, `attempt-${attempt}`);
      const console = path.join(folder, 'console.log');
      const end = ended.find(ofThis);
      return {
        ...{ suite, attempt },
        // What ket-run adds, about a time limit, is not the suite's.
        live: lines.flatMap((one) => (ofThis(one) && !one.line.startsWith('ket-run: ') ? [one.line] : [])),
        ...(fs.existsSync(console) ? { console: linesOf(fs.readFileSync(console, 'utf8')) } : {}),
        files: filesOf(path.join(folder, 'results')),
        ...(end === undefined ? {} : { ended: end }),
      };
    }),
    suites: all('suite-ended'),
    notices: all('notice').map(({ text }) => text),
    leftovers: all('leftover').map(({ what, why }) => `${what}: ${why}`),
  };
}

function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function filesOf(folder: string): ReadonlyMap<string, string> {
  if (!fs.existsSync(folder)) return new Map();
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true });
  return new Map(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      .map((file) => [path.relative(folder, file), fs.readFileSync(file, 'utf8')]),
  );
}
