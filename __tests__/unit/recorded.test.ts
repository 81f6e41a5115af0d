import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import type { InfraClass, Verdict } from '../../src/model/outcome.ts';
import type { SuitePlan } from '../../src/model/plan.ts';
import { Pending } from '../../src/suites/pod/pending.ts';
import type { KubeEvent, Pod } from '../../src/suites/pod/pod-state.ts';
import type { RunRecord } from '../../src/suites/verdict/record.ts';
import type { Evidence } from '../../src/suites/verdict/evidence.ts';
import { verdictOf } from '../../src/suites/verdict/verdict.ts';
import { aSuite } from './support/suites.ts';

/**
 * Ends of attempts as real clusters told them, by `make record`, judged again. A few cannot be provoked and are written
 * by hand, each with its reason.
 */
interface Recorded {
  readonly kubernetes: string;
  /** By hand only. */
  readonly why?: string;
  readonly expected: Omit<Verdict, 'message'>;
  readonly evidence: Omit<Evidence, 'suite' | 'pod' | 'record' | 'lastLines'> & {
    readonly suite: Partial<SuitePlan>;
  };
  readonly record?: RunRecord;
  readonly pod?: Pod;
  readonly events: readonly KubeEvent[];
}

const root = path.join(import.meta.dirname, '..', 'recorded');
const byHandCount = 5;

const files = fs
  .readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.yaml'))
  .sort();
const all = files.map((name): [string, Recorded] => [
  name,
  parse(fs.readFileSync(path.join(root, name), 'utf8')) as Recorded,
]);
const isByHand = (name: string): boolean => name.startsWith('by-hand');
const fromClusters = all.filter(([name]) => !isByHand(name));

const judge = ({ evidence, record, pod }: Recorded): Verdict =>
  verdictOf({
    ...evidence,
    suite: aSuite(evidence.suite),
    lastLines: [],
    ...(record === undefined ? {} : { record }),
    ...(pod === undefined ? {} : { pod }),
  });

describe('ends of attempts, as they were recorded', () => {
  test.each(all)('%s', (_name, recorded) => {
    const { message, ...end } = judge(recorded);
    expect(end).toEqual(recorded.expected);
    expect(message).not.toBe('');
  });

  // Where the API server refused an object there is neither pod nor event.
  const neverRan = fromClusters.filter(
    ([, { evidence, pod, events }]) =>
      evidence.neverRan !== undefined && (pod !== undefined || events.length > 0),
  );
  test.each(neverRan)(
    '%s: why it never ran is read from the pod and the events',
    (_name, { evidence, pod, events }) => {
      const seen = new Pending(0);
      const look = (now: number, current: Pod | undefined): unknown =>
        seen.start(current, events, now, 60_000, () => undefined);
      const { infraClass } = evidence.neverRan ?? {};
      const first = look(0, pod);
      // What was recorded of a pod that vanished is what was seen before.
      const gone = infraClass === 'deleted' && first === undefined ? look(1, undefined) : undefined;
      expect(first ?? gone ?? look(59_000, pod) ?? look(60_000, pod)).toMatchObject({ infraClass });
    },
  );
});

test('every class of infrastructure errors was seen on a real cluster', () => {
  const wanted: Record<InfraClass, true> = {
    'image-pull': true,
    unschedulable: true,
    quota: true,
    denied: true,
    configuration: true,
    evicted: true,
    deleted: true,
    preempted: true,
    'node-lost': true,
    'lost-contact': true,
    unhealthy: true,
    'collection-incomplete': true,
    'no-proof': true,
  };
  const seen = new Set(fromClusters.flatMap(([, { expected }]) => expected.infraClass ?? []));
  expect([...seen].sort()).toEqual(Object.keys(wanted).sort());
});

test('each recording names the version of Kubernetes from which it is', () => {
  for (const [name, { kubernetes }] of fromClusters) {
    expect(kubernetes).toMatch(/^v1\.\d+\.\d+$/);
    expect(path.dirname(name)).toBe(kubernetes);
  }
});

test('few are written by hand, and each says why', () => {
  const byHand = all.filter(([name]) => isByHand(name));
  expect(byHand).toHaveLength(byHandCount);
  for (const [, { why }] of byHand) expect(why).toMatch(/\w{3,}/);
  expect(fromClusters.every(([, { why }]) => why === undefined)).toBe(true);
});

test('nothing in them is of one machine', () => {
  for (const name of files) {
    const text = fs.readFileSync(path.join(root, name), 'utf8');
    const addresses = [...text.matchAll(/\b(?:\d{1,3}\.){3}\d{1,3}\b/g)].map(([address]) => address);
    expect(new Set(addresses.filter((address) => address !== '192.0.2.1'))).toEqual(new Set());
    expect(text).not.toMatch(
      /docker\.io|(^|[\s"'=(])\/(home|root|tmp|var|work)\/|https?:\/\/(?!registry\.example)/,
    );
  }
});
