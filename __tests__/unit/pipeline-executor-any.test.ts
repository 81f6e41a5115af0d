import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Task } from '../../src/model/task.ts';
import { executed, pool, task } from './support/tasks.ts';

interface Shape {
  readonly needs: readonly number[];
  readonly after: readonly number[];
  readonly fails: boolean;
  readonly turns: number;
  readonly pool: 'one' | 'two' | undefined;
}

const below = (index: number): fc.Arbitrary<number[]> =>
  index === 0 ? fc.constant([]) : fc.uniqueArray(fc.nat(index - 1), { maxLength: 3 });

/** Tasks that need only earlier ones: a graph without circles, listed in any order. */
const graphs = fc.nat(12).chain((size) =>
  fc.record({
    shapes: fc.tuple(
      ...Array.from({ length: size }, (_, index) =>
        fc.record<Shape>({
          needs: below(index),
          after: below(index),
          fails: fc.boolean().map((x) => x && index % 2 === 0),
          turns: fc.nat(4),
          pool: fc.constantFrom(undefined, 'one' as const, 'two' as const),
        }),
      ),
    ),
    order: fc.shuffledSubarray([...Array(size).keys()], { minLength: size, maxLength: size }),
    cancelAt: fc.option(fc.nat(15), { nil: undefined }),
  }),
);

describe('the executor, over random graphs', () => {
  test('each task ends exactly once, never starts before what it needs, and no pool is exceeded', async () => {
    await fc.assert(
      fc.asyncProperty(graphs, async ({ shapes, order, cancelAt }) => {
        const cancel = new AbortController();
        const running: Record<string, number> = { one: 0, two: 0 };
        const sizes = { one: 1, two: 2 };
        const pools = { one: pool(sizes.one), two: pool(sizes.two) };
        let starts = 0;
        const tasks: Task[] = [];
        const ended = new Map<string, string>();
        for (const [index, shape] of shapes.entries())
          tasks.push(
            task(String(index), {
              needs: shape.needs.flatMap((i) => tasks[i] ?? []),
              after: shape.after.flatMap((i) => tasks[i] ?? []),
              ...(shape.pool === undefined ? {} : { pool: pools[shape.pool] }),
              run: async () => {
                const self = tasks[index];
                for (const need of self?.needs ?? []) expect(ended.get(need.id)).toBe('done');
                for (const other of self?.after ?? []) expect(ended.has(other.id)).toBe(true);
                if (starts++ === cancelAt) cancel.abort(new Error('stop'));
                if (shape.pool !== undefined) {
                  const now = (running[shape.pool] ?? 0) + 1;
                  running[shape.pool] = now;
                  expect(now).toBeLessThanOrEqual(sizes[shape.pool]);
                }
                for (let turn = 0; turn < shape.turns; turn++) await new Promise(setImmediate);
                if (shape.pool !== undefined) running[shape.pool] = (running[shape.pool] ?? 0) - 1;
                if (shape.fails) throw new Error('broke');
              },
            }),
          );
        const listed = order.flatMap((i) => tasks[i] ?? []);
        const { results, story } = await executed(listed, {
          signal: cancel.signal,
          onEvent: (event) => {
            if (event.type !== 'task-ended') return;
            expect(ended.has(event.task)).toBe(false);
            ended.set(event.task, event.outcome);
          },
        });
        expect(ended.size).toBe(shapes.length);
        expect(results.size).toBe(shapes.length);
        expect(new Set(story).size).toBe(story.length);
        for (const [index, shape] of shapes.entries()) {
          const self = tasks[index];
          const result = self === undefined ? undefined : results.get(self);
          const needsHeld = self?.needs.every((need) => results.get(need)?.outcome === 'done') ?? true;
          // An expectation that broke inside of a task shows here: only those meant to fail may fail.
          if (result?.outcome === 'failed') expect(String(result.error)).toBe('Error: broke');
          if (!cancel.signal.aborted)
            expect(result?.outcome).toBe(needsHeld ? (shape.fails ? 'failed' : 'done') : 'skipped');
          if (result?.outcome === 'skipped') expect(result.reason).toMatch(/^\d+ failed$/);
        }
      }),
      { numRuns: 200 },
    );
  });
});
