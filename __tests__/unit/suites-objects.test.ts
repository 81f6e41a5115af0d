import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { attemptLabels, attemptName, attemptSelector, shorten } from '../../src/suites/names.ts';
import { priorities } from '../../src/model/plan.ts';
import { priorityClassFor } from '../../src/suites/job/priority-class.ts';
import { namespaceFor, objectsFor } from '../../src/suites/job/objects.ts';
import { aSuite } from './support/suites.ts';

const id = { run: '1121-120000-ab12', suite: 'api', attempt: 1 };
const name = 'ket-1121-120000-ab12-api-1';
const ketRun = Buffer.from('program');
const contents = {
  ketRun,
  secrets: new Map<string, string>(),
  authorities: undefined,
  durations: new Map<string, number>(),
};

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

test('priorities order, and preempt nobody; none is lower than pods without one', () => {
  const classes = priorities.map((priority) => priorityClassFor(id, { priority })[0]);
  expect(classes.map((one) => one?.['value'])).toEqual([2, 1, undefined]);
  expect(classes[0]).toMatchObject({ metadata: { name }, preemptionPolicy: 'Never' });
});

describe("an attempt's objects", () => {
  const objects = objectsFor(id, aSuite(), 'ns', ['shop', 'ns', 'shop'], contents);

  test('rights to look, in its own namespace and once in each of its releases', () => {
    expect(objects.map((o) => `${o.kind} ${o.metadata?.namespace ?? ''}`)).toEqual([
      'ServiceAccount ns',
      'Role ns',
      'RoleBinding ns',
      'Role shop',
      'RoleBinding shop',
      'ConfigMap ns',
    ]);
    for (const object of objects)
      expect(object.metadata).toMatchObject({ name, labels: { 'ket.dev/run': id.run } });
    for (const binding of objects.filter((o) => o.kind === 'RoleBinding'))
      expect(binding).toMatchObject({
        roleRef: { kind: 'Role', name },
        subjects: [{ kind: 'ServiceAccount', name, namespace: 'ns' }],
      });
  });

  test('never Secrets, exec or proxy, and nothing that changes anything', () => {
    const rules = objects.flatMap((o) => (o['rules'] as readonly Rule[] | undefined) ?? []);
    expect(rules.length).toBeGreaterThan(0);
    for (const rule of rules) {
      expect([...rule.verbs].sort()).toEqual(['get', 'list', 'watch']);
      for (const resource of rule.resources)
        expect(resource).not.toMatch(/secret|exec|proxy|attach|portforward|token|\*/);
      for (const group of rule.apiGroups) expect(group).not.toBe('*');
    }
  });

  test('`api: none` has an account and no right', () => {
    const none = objectsFor(id, aSuite({ api: 'none' }), 'ns', ['shop'], contents);
    expect(none.map((o) => o.kind)).toEqual(['ServiceAccount', 'ConfigMap']);
  });

  test('authorities come beside ket-run, and the cases to run', () => {
    const withThem = objectsFor(id, aSuite(), 'ns', [], {
      ...contents,
      authorities: 'pem',
      retryCases: 'a.b\n',
    });
    expect(withThem.at(-1)).toMatchObject({
      kind: 'ConfigMap',
      data: { 'authorities.pem': 'pem', 'retry-cases.txt': 'a.b\n' },
    });
    expect(objects.at(-1)?.['data']).toEqual({ 'durations.tsv': '' });
  });

  test('durations of tests come beside ket-run too, as many as a ConfigMap has room for', () => {
    const few = new Map([
      ['a', 20],
      ['b', 1500],
    ]);
    const dataOf = (durations: Map<string, number>, authorities?: string): Record<string, string> =>
      objectsFor(id, aSuite(), 'ns', [], { ...contents, ketRun: real, authorities, durations }).at(-1)?.[
        'data'
      ] as Record<string, string>;
    const real = Buffer.alloc(100_000);
    expect(dataOf(few)['durations.tsv']).toBe('1.5000\tb\n0.0200\ta\n');
    const many = new Map(Array.from({ length: 50_000 }, (_, i) => [`package.Class.test_${String(i)}`, i]));
    for (const authorities of [undefined, 'x'.repeat(600_000)]) {
      const data = Object.values(dataOf(many, authorities)).join('');
      const bytes = Buffer.byteLength(data) + real.length;
      expect(bytes).toBeLessThan(1024 * 1024);
      expect(bytes).toBeGreaterThan(600_000);
    }
  });

  test('ket-run comes in an object that the kubelet need not watch', () => {
    expect(objects.at(-1)).toMatchObject({
      immutable: true,
      binaryData: { 'ket-run': ketRun.toString('base64') },
    });
  });

  test('its own namespace is under the strictest Pod Security', () => {
    const all = namespaceFor(id, aSuite(), { quota: {}, limitRange: [] }, 1_800_000_000);
    expect(all.map(({ metadata }) => metadata)).toEqual([
      {
        name,
        labels: {
          ...attemptLabels(id),
          'ket.dev/expires': '1800000000',
          'pod-security.kubernetes.io/enforce': 'restricted',
        },
      },
    ]);
  });

  test('and under the rules that the tier and the suite ask for', () => {
    const limits = [{ type: 'Container', default: { cpu: '1' } }];
    const rules = { quota: { pods: '5' }, limitRange: limits };
    const all = namespaceFor(id, aSuite({ podSecurity: 'baseline', ingress: 'deny' }), rules, 1);
    expect(all[0]?.metadata?.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'baseline' });
    expect(all.slice(1)).toMatchObject([
      { kind: 'ResourceQuota', spec: { hard: { pods: '5' } } },
      { kind: 'LimitRange', spec: { limits } },
      { kind: 'NetworkPolicy', spec: { podSelector: {}, policyTypes: ['Ingress'] } },
    ]);
    for (const { metadata } of all.slice(1)) expect(metadata).toMatchObject({ name, namespace: name });
  });
});

describe('names', () => {
  const label = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
  const suite = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
  const attempts = fc.record({
    run: fc.stringMatching(/^\d{4}-\d{6}-[0-9a-f]{4}$/),
    suite,
    attempt: fc.integer({ min: 1, max: 3 }),
  });

  test('are DNS labels of at most 63 characters, and different for different attempts', () => {
    fc.assert(
      fc.property(attempts, attempts, (a, b) => {
        for (const one of [a, b]) {
          expect(attemptName(one).length).toBeLessThanOrEqual(63);
          expect(attemptName(one)).toMatch(label);
        }
        const same = a.run === b.run && a.suite === b.suite && a.attempt === b.attempt;
        expect(attemptName(a) === attemptName(b)).toBe(same);
      }),
    );
  });

  test('long names that differ only at their end stay different', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9]{63}$/), (long) => {
        const names = [1, 2, 3].map((attempt) => attemptName({ run: id.run, suite: long, attempt }));
        expect(new Set(names).size).toBe(3);
        expect(new Set(names.map((n) => n.length))).toEqual(new Set([63]));
      }),
    );
    expect(shorten('a'.repeat(55) + '-----b', 60)).toMatch(/^a{53}-[0-9a-f]{6}$/);
  });

  test('the selector fits exactly the labels of the attempt', () => {
    const labels = attemptLabels(id);
    for (const part of attemptSelector(id).split(',')) {
      const [key = '', value = ''] = part.split('=');
      expect(labels[key]).toBe(value);
    }
    expect(attemptSelector(id).split(',')).toHaveLength(3);
  });
});
