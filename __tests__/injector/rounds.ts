import { faults, type At, type Fault } from './faults.ts';
import { randomOf, type Random } from './random.ts';
import { truths, type Truth } from './truths.ts';

/** A point in the life of a target's first attempt. */
export interface Moment {
  readonly at: At;
  /** `line`: after which line. */
  readonly line?: number;
  /** `listing`, `collecting`: after so many bytes of the list or of what follows it. */
  readonly bytes?: number;
  /** `created`, `ended`: after so many ms. */
  readonly ms?: number;
}

export interface Injection {
  readonly fault: Fault;
  readonly target: string;
  readonly moment: Moment;
}

/** What one round does; the seed and its number decide all of it. */
export interface Round {
  readonly seed: string;
  readonly number: number;
  /** The first is the target of the first fault. */
  readonly suites: readonly Truth[];
  readonly injections: readonly Injection[];
}

/** One round, the same whichever others run. Each run of as many rounds as there are faults has every fault once. */
export function roundOf(seed: string, number: number): Round {
  const random = randomOf(`${seed}/${number}`);
  const cycle = Math.floor((number - 1) / faults.length);
  const fault = shuffled(faults, randomOf(`${seed}/cycle ${cycle}`))[(number - 1) % faults.length];
  if (fault === undefined) throw new Error(`there is no round ${number}`);
  const suites = shuffled(truths, random).slice(0, 2 + random.below(2));
  const [target] = suites;
  if (target === undefined) throw new Error('there are no suites');
  const first = { fault, target: target.suite, moment: momentOf(target, fault, random) };
  const second = fault.endsKet === true ? undefined : another(first, suites, random);
  return { seed, number, suites, injections: second === undefined ? [first] : [first, second] };
}

/** In a third of the rounds something of the way to the API server fails as well, at a line, which every suite has. */
function another(first: Injection, suites: readonly Truth[], random: Random): Injection | undefined {
  if (random.below(3) > 0) return undefined;
  const fault = random.one(
    faults.filter(
      ({ name, onTheWay, at }) => name !== first.fault.name && onTheWay === true && at.includes('line'),
    ),
  );
  const target = random.one(suites);
  // One that is taken away in its first lines has no later ones.
  if (target.suite === first.target && first.fault.mayBe.length > 0) return undefined;
  return { fault, target: target.suite, moment: { at: 'line', line: 1 + random.below(target.lines) } };
}

function momentOf(target: Truth, fault: Fault, random: Random): Moment {
  // The second attempt of a suite that is flaky by its number is not its truth.
  const possible = fault.at.filter((at) => at !== 'created' || target.attempts === 1);
  const at = random.one(possible.length === 0 ? fault.at : possible);
  switch (at) {
    case 'created':
      return { at, ms: random.below(400) };
    case 'line':
      return { at, line: 1 + random.below(target.lines) };
    case 'ended':
      return { at, ms: random.below(500) };
    case 'collecting':
      return { at, bytes: 1 + random.below(3_000_000) };
    case 'listing':
      return { at, bytes: 1 + random.below(500) };
    case 'acknowledging':
      return { at };
  }
}

export function momentText({ at, line, bytes, ms }: Moment): string {
  if (line !== undefined) return `at line ${line}`;
  if (bytes !== undefined) return `${at}, after ${bytes} bytes`;
  return at === 'acknowledging' ? at : `${ms ?? 0} ms after it was ${at}`;
}

/** Fisher and Yates. */
function shuffled<T>(all: readonly T[], random: Random): T[] {
  const left = [...all];
  return all.map(() => left.splice(random.below(left.length), 1)).flat();
}
