import type { AttemptSeen, Observed } from './observed.ts';
import type { Injection, Round } from './rounds.ts';
import { knownFiles, knownLines, type Truth } from './truths.ts';

/** What a round shows to be wrong with ket; nothing when it told the truth. Pure. */
export function violations(round: Round, seen: Observed): string[] {
  const killed = round.injections.some(({ fault }) => fault.endsKet === true);
  return [
    ...round.suites.flatMap((truth) => [
      ...(killed ? [] : verdict(truth, round.injections, seen)),
      ...seen.attempts
        .filter(({ suite }) => suite === truth.suite)
        .flatMap((one) => proof(truth, one, seen, mayLoseLog(truth, round))),
    ]),
    ...(killed ? [] : exitCode(seen)),
    ...(killed ? [] : seen.leftovers.filter((what) => !mayStay(round, what))).map(
      (what) => `ket says that it left ${what}`,
    ),
    ...seen.left.map((what) => `left in the cluster: ${what}`),
  ];
}

/** That the cluster keeps a namespace is true where the fault makes it do so; it must go by itself afterwards. */
export const mayStay = ({ injections }: Round, what: string): boolean =>
  injections.some(({ fault }) => fault.keepsNamespaces === true) &&
  /^namespace \S+: namespace \S+ is being deleted since \S+ and did not go within .*; the cluster gives no reason$/.test(
    what,
  );

/** The truth, or an infrastructure error that names a fault which hit this suite. */
function verdict(truth: Truth, injections: readonly Injection[], seen: Observed): string[] {
  const { suite } = truth;
  const [end, ...more] = seen.suites.filter((one) => one.suite === suite);
  if (end === undefined || more.length > 0) return [`${suite} has ${more.length + (end ? 1 : 0)} verdicts`];
  const last = seen.attempts.findLast((one) => one.suite === suite)?.ended;
  const isTrue = end.outcome === truth.outcome && last !== undefined && isTruth(truth, last);
  if (isTrue) return [];
  const hits = injections.filter(({ fault, target }) => fault.everywhere === true || target === suite);
  const { outcome, infraClass, message } = end;
  const named = hits.some(
    ({ fault }) =>
      outcome === 'infra-error' &&
      infraClass !== undefined &&
      fault.mayBe.includes(infraClass) &&
      fault.names.test(message),
  );
  if (named) return [];
  const said = [outcome, infraClass ?? last?.cause].filter((word) => word !== undefined).join(' ');
  return [`${suite} is ${truth.outcome}, ket says ${said}: ${message}`];
}

/** The last attempt ended as it does when nothing disturbs it. */
const isTruth = (truth: Truth, { outcome, cause, infraClass, message }: Ended): boolean =>
  outcome === truth.attempt &&
  cause === truth.cause &&
  infraClass === truth.infraClass &&
  truth.says.test(message);

type Ended = NonNullable<AttemptSeen['ended']>;

/** The design's table: any failure 1, else any infrastructure error 3, else nothing executed 2. */
function exitCode(seen: Observed): string[] {
  const outcomes = seen.suites.map(({ outcome }) => outcome);
  const ran = outcomes.some((outcome) => outcome === 'passed' || outcome === 'flaky');
  const right = outcomes.includes('failed') ? 1 : outcomes.includes('infra-error') ? 3 : ran ? 0 : 2;
  return seen.code === right ? [] : [`ket ended with ${String(seen.code)}, not ${right}`];
}

/** What takes the pod takes its log; as long as the pod is there, no line of it may be lost. */
const mayLoseLog = ({ suite }: Truth, { injections }: Round): boolean =>
  injections.some(({ fault, target }) => target === suite && fault.mayBe.length > 0);

/** What is proved of one attempt: its lines and its files. */
function proof(truth: Truth, seen: AttemptSeen, { notices }: Observed, mayLose: boolean): string[] {
  const where = `${seen.suite}, attempt ${seen.attempt}`;
  const { ended } = seen;
  const infra = ended === undefined || (ended.outcome === 'infra-error' && !isTruth(truth, ended));
  const all = knownLines(truth.lines);
  const found: string[] = [];
  const say = (what: string): number => found.push(`${where}: ${what}`);

  const odd = seen.live.findIndex((line, i) => i > 0 && !(numberOf(line) > numberOf(seen.live[i - 1] ?? '')));
  if (odd !== -1) say(`the stream has "${seen.live[odd] ?? ''}" after "${seen.live[odd - 1] ?? ''}"`);
  if (ended?.logComplete === true) {
    // What was taken away in the middle is complete up to there.
    const wanted = infra ? (seen.console ?? all.slice(0, seen.live.length)) : all;
    if (!same(seen.live, wanted))
      say(`log_complete, and the stream has ${seen.live.length} of ${wanted.length} lines`);
  }
  if (ended !== undefined && ended.logComplete !== true && !mayLose)
    say(`log_complete is ${String(ended.logComplete)}, and its pod was there all the time`);
  const incomplete = notices.some((text) => text.startsWith(`${seen.suite}: results are not complete`));
  for (const [name, content] of seen.files)
    if (knownFiles.has(name) && knownFiles.get(name) !== content)
      say(`${name} has ${content.length} bytes that the suite did not write`);
  if (ended === undefined || incomplete) return found;
  if (seen.live.length > 0 || !infra)
    for (const name of knownFiles.keys())
      if (!seen.files.has(name)) say(`${name} is missing, and ket does not say so`);
  if (infra) return found;
  if (truth.junit && !seen.files.has('junit.xml')) say('junit.xml is missing, and ket does not say so');
  if (!same(seen.console ?? [], all))
    say(`console.log has ${seen.console?.length ?? 0} of ${all.length} lines`);
  return found;
}

const numberOf = (line: string): number => Number(/^line (\d+)$/.exec(line)?.[1] ?? NaN);

const same = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((line, i) => line === b[i]);
