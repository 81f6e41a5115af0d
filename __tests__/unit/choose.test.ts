import { expect, test } from '@jest/globals';
import { choose } from '../../scripts/choose.ts';

const names = Array.from({ length: 20 }, (_, i) => `fault ${String(i)}`);

test('a third, rounded up, in their own order, and the same each time', () => {
  const chosen = choose(names, 'a tree', 1 / 3);
  expect(chosen).toHaveLength(7);
  expect(chosen).toEqual(names.filter((name) => chosen.includes(name)));
  expect(choose(names, 'a tree', 1 / 3)).toEqual(chosen);
  expect(choose([...names].reverse(), 'a tree', 1 / 3).reverse()).toEqual(chosen);
});

test('another tree, another third: none is left out for long', () => {
  const times = new Map(names.map((name) => [name, 0]));
  for (let tree = 0; tree < 300; tree++)
    for (const name of choose(names, String(tree), 1 / 3)) times.set(name, (times.get(name) ?? 0) + 1);
  // 105 of 300 on average; one in a million is further away than 41.
  for (const count of times.values()) expect(Math.abs(count - 105)).toBeLessThan(41);
});

test('of one the one, of none none', () => {
  expect(choose(['only'], 'a tree', 1 / 3)).toEqual(['only']);
  expect(choose([], 'a tree', 1 / 3)).toEqual([]);
});
