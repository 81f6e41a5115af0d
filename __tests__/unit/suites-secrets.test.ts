import { expect, test } from '@jest/globals';
import { secretsOf } from '../../src/suites/job/secrets.ts';
import { aPlan, aRelease } from './support/phases.ts';
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

test('also those of releases, so that they are masked', () => {
  const releases = [{ ...aRelease, secrets: [{ path: ['a', 'b'], variable: 'DB' }] }];
  expect([...secretsOf(aPlan({ releases }), { DB: 'd', TOKEN: 't' })]).toEqual([['DB', 'd']]);
});
