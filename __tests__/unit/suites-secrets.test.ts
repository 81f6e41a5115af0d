import { expect, test } from '@jest/globals';
import { secretsOf } from '../../src/suites/secrets.ts';
import { aPlan } from './support/phases.ts';
import { aSuite } from './support/suites.ts';

const plan = aPlan({
  suites: [
    aSuite({ name: 'a', secrets: ['TOKEN'] }),
    aSuite({ name: 'b', secrets: ['TOKEN', 'PASSWORD'] }),
    aSuite({ name: 'c' }),
  ],
});

test('values come from the environment, and only those that are named', () =>
  expect([...secretsOf(plan, { TOKEN: 't', PASSWORD: 'p', OTHER: 'o' })]).toEqual([
    ['TOKEN', 't'],
    ['PASSWORD', 'p'],
  ]));

test.each([[undefined], ['']])('one that is %j is named with its suite', (value) => {
  expect(() => secretsOf(plan, { TOKEN: 't', PASSWORD: value })).toThrow(
    expect.objectContaining({
      code: 'KET_PREREQUISITE',
      message: 'no secret is set in the environment: PASSWORD, which suite b names',
    }),
  );
});
