import { expect, test } from '@jest/globals';
import type { Task } from '../../src/model/task.ts';
import { sparedDeliveries } from '../../src/pipeline/release-images.ts';
import { task } from './support/tasks.ts';

const [shop, tests, both, found] = ['shop', 'tests', 'both', 'found'].map((id) => task(id)) as [
  Task,
  Task,
  Task,
  Task,
];
const uses = (...images: string[]): readonly unknown[] => [
  { kind: 'Deployment', spec: { template: { spec: { containers: images.map((image) => ({ image })) } } } },
];

test('a release does without an image of suites that it does not name, as soon as it is known what it is made of', () => {
  const objects = new Map<string, readonly unknown[]>();
  const spared = sparedDeliveries({
    deliveries: new Map([
      ['shop:1', shop],
      ['tests:1', tests],
      ['both:1', both],
      ['postgres:15', found],
    ]),
    found,
    ofSuites: new Set(['tests:1', 'both:1', 'postgres:15']),
    objects,
  });
  const of = (name: string): string[] =>
    [shop, tests, both, found].filter((delivery) => spared({ name }, delivery)).map(({ id }) => id);
  expect(of('api')).toEqual([]);
  objects.set('api', uses('shop:1', 'both:1'));
  expect(of('api')).toEqual(['tests']);
  objects.set('web', uses('nginx'));
  // Nobody names shop:1, so it is not known for what it is.
  expect(of('web')).toEqual(['tests', 'both']);
});
