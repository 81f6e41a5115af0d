import { expect, test } from '@jest/globals';
import type { EventBody } from '../../src/model/events.ts';
import { maskerOf } from '../../src/model/mask.ts';
import { learnSecrets } from '../../src/pipeline/learn-secrets.ts';
import { aPlan, aRelease } from './support/phases.ts';
import { aSuite } from './support/suites.ts';

const plan = aPlan({ releases: [aRelease], suites: [aSuite({ name: 'shop-api' })] });

test('what is learned is masked from then on, and told once to others who mask', () => {
  const masker = maskerOf([]);
  const told: string[] = [];
  const events: EventBody[] = [];
  const learn = learnSecrets(
    masker,
    plan,
    (event) => events.push(event),
    (s) => void told.push(...s.values()),
  );
  learn(new Map([['release/shop/secret/db/password', 'open sesame']]));
  learn(new Map([['release/shop/secret/db/password', 'open sesame']]));
  expect(masker.mask('it is open sesame')).toBe('it is ***');
  expect(told).toEqual(['open sesame']);
  expect(events).toEqual([]);
});

test('names of the plan stay readable, and what is not masked is said once', () => {
  const masker = maskerOf([]);
  const events: EventBody[] = [];
  const learn = learnSecrets(masker, plan, (event) => events.push(event));
  for (let i = 0; i < 2; i++)
    learn(
      new Map([
        ['db/user', 'shop'],
        ['db/port', '80'],
        ['db/none', ''],
      ]),
    );
  expect(masker.mask('suite shop-api, release shop, port 80')).toBe('suite shop-api, release shop, port 80');
  expect(events).toEqual([
    { type: 'notice', level: 'warning', text: 'the secret db/port is too short to be masked' },
    {
      type: 'notice',
      level: 'info',
      text: 'the value of db/user is not masked: it is part of a name in the plan',
    },
  ]);
});
