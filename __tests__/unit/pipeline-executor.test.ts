import { describe, expect, test } from '@jest/globals';
import { KetError } from '../../src/model/errors.ts';
import type { Task } from '../../src/model/task.ts';
import { aborted, after, executed, failing, pool, task } from './support/tasks.ts';

describe('the order of tasks', () => {
  test('what nothing needs starts at once, side by side; what is needed comes first', async () => {
    const a = task('a', { run: () => after(5) });
    const b = task('b', { run: () => after(15) });
    const c = task('c', { needs: [a, b] });
    const { story } = await executed([c, a, b]);
    expect(story).toEqual(['start a', 'start b', 'end a done', 'end b done', 'start c', 'end c done']);
  });

  test('`after` waits for the end of a task, whatever becomes of it', async () => {
    const a = failing('a');
    const b = task('b', { after: [a] });
    const { story, results } = await executed([b, a]);
    expect(story).toEqual(['start a', 'end a failed', 'start b', 'end b done']);
    expect(results.get(b)).toEqual({ outcome: 'done', output: 'b' });
  });

  test('a need that is spared is not waited for, whatever becomes of it; the others are', async () => {
    const slow = task('slow', { run: () => after(30) });
    const broken = failing('broken');
    const known = task('known', { run: () => after(5) });
    const a = task('a', {
      needs: [known, slow, broken],
      spares: (need) => need !== known,
      run: (context) => Promise.resolve(context.output(known)),
    });
    const b = task('b', { needs: [broken], spares: () => false });
    const reads = task('reads', {
      needs: [slow],
      spares: () => true,
      run: (context) => Promise.resolve(context.output(slow)),
    });
    const { story, results } = await executed([slow, broken, known, a, b, reads]);
    expect(story.indexOf('start a')).toBeGreaterThan(story.indexOf('end known done'));
    expect(story.indexOf('end a done')).toBeGreaterThan(0);
    expect(story.indexOf('end a done')).toBeLessThan(story.indexOf('end slow done'));
    expect(results.get(b)).toEqual({ outcome: 'skipped', reason: 'broken failed' });
    expect(results.get(reads)).toMatchObject({ outcome: 'failed' });
  });

  test('when all that it is for was skipped, what still runs is ended, and what waits never starts', async () => {
    const broken = failing('broken');
    const long = task('long', {
      run: async ({ signal }) => {
        await aborted(signal);
        signal.throwIfAborted();
      },
    });
    const later = task('later', { needs: [long] });
    const goals = [task('a', { needs: [broken, long] }), task('b', { needs: [broken] })];
    const { story, results } = await executed([long, broken, later, ...goals], { goals });
    expect(story).toContain('end long cancelled');
    expect(story).not.toContain('start later');
    expect(results.get(goals[0] as Task)).toEqual({ outcome: 'skipped', reason: 'broken failed' });
    expect(results.get(long)?.reason).toBe('nothing is left that it would serve');
  });

  test('one goal that may still come right, or that ran, lets everything go on', async () => {
    const broken = failing('broken');
    const long = task('long', { run: () => after(10) });
    const goals = [task('a', { needs: [broken] }), task('b', { needs: [long] })];
    const last = task('last', { after: goals });
    const { story } = await executed([broken, long, last, ...goals], { goals });
    expect(story).toEqual(expect.arrayContaining(['end long done', 'end b done', 'end last done']));
  });

  test('a pool never holds more than its size; one without a size has no bound', async () => {
    let running = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++running);
      await after(2);
      running--;
    };
    const many = (more: object): Task[] =>
      Array.from({ length: 7 }, (_, i) => task(String(i), { run: work, ...more }));
    const { events } = await executed(many({ pool: pool(2) }));
    expect(most).toBe(2);
    expect(events.filter((e) => e.type === 'task-queued').map((e) => e.task)).toEqual([
      '2',
      '3',
      '4',
      '5',
      '6',
    ]);
    most = 0;
    await executed(many({}));
    expect(most).toBe(7);
  });

  test('none goes before one of a higher priority that is refused; of the same priority a smaller one may', async () => {
    const two = pool(2);
    const narrow = {
      ...two,
      admits: (t: Task, now: readonly Task[]) => (t.id !== 'big' || now.length === 0) && two.admits(t, now),
    };
    const one = (id: string, priority: number, ms: number): Task =>
      task(id, { pool: narrow, priority, run: () => after(ms) });
    const tasks = [one('first', 1, 10), one('big', 1, 1), one('small', 1, 30), one('low', 0, 1)];
    const { story } = await executed(tasks);
    expect(story.filter((line) => line.startsWith('start'))).toEqual([
      'start first',
      'start small',
      'start big',
      'start low',
    ]);
  });

  test('room that comes from outside wakes those that wait', async () => {
    const room = Promise.withResolvers<undefined>();
    let open = false;
    const gate = { ...pool(1), admits: () => open, changed: () => room.promise.then(() => undefined) };
    const running = executed([task('a', { pool: gate })]);
    await after(5);
    open = true;
    room.resolve(undefined);
    expect((await running).story).toEqual(['start a', 'end a done']);
  });

  test('a pool that closes skips those that wait, with its reason; a cancel ends the waiting too', async () => {
    let reason: string | undefined;
    const closing = { ...pool(1), closed: () => reason };
    const run = async (): Promise<void> => {
      reason = 'one has failed';
    };
    const [a, b] = [task('a', { pool: closing, run }), task('b', { pool: closing })];
    const { results } = await executed([a, b]);
    expect(results.get(b)).toEqual({ outcome: 'skipped', reason: 'one has failed' });
    const cancel = new AbortController();
    const never = task('never', { pool: { ...pool(1), admits: () => false } });
    const waiting = executed([never], { signal: cancel.signal });
    await after(5);
    cancel.abort(new Error('stop'));
    expect((await waiting).results.get(never)?.outcome).toBe('cancelled');
  });

  test('the output of a needed task is at hand; that of another one is a fault of ket', async () => {
    const a = task('a', { run: async () => 41 });
    const other = task('other');
    const b = task('b', { needs: [a], run: async (context) => Number(context.output(a)) + 1 });
    const c = task('c', { after: [other], run: async (context) => context.output(other) });
    const { results } = await executed([a, b, other, c]);
    expect(results.get(b)?.output).toBe(42);
    expect(results.get(c)?.outcome).toBe('failed');
    expect(String(results.get(c)?.error)).toMatch(/task c reads the output of other, which it does not need/);
  });

  test('a task that throws at once, before it returns a promise, has failed like any other', async () => {
    const run = (): Promise<unknown> => {
      throw new Error('at once');
    };
    const { results } = await executed([task('a', { run })]);
    expect([...results.values()]).toMatchObject([{ outcome: 'failed', error: { message: 'at once' } }]);
  });
});

describe('tasks that are skipped', () => {
  test('the reason is the first cause, through any number of tasks between', async () => {
    const a = failing('image x');
    const b = task('b', { needs: [a] });
    const c = task('c', { needs: [b] });
    const d = task('d', { needs: [c] });
    const { events, results } = await executed([a, b, c, d]);
    for (const skipped of [b, c, d])
      expect(results.get(skipped)).toEqual({ outcome: 'skipped', reason: 'image x failed' });
    expect(events.filter((e) => e.type === 'task-ended' && e.outcome === 'skipped')).toHaveLength(3);
    expect(events.filter((e) => e.type === 'task-started')).toHaveLength(1);
  });

  test('it is skipped at once, while others still run', async () => {
    const slow = task('slow', { run: () => after(20) });
    const bad = failing('bad');
    const { story } = await executed([slow, bad, task('c', { needs: [slow, bad] })]);
    expect(story.indexOf('end c skipped')).toBeLessThan(story.indexOf('end slow done'));
  });

  test('a need that is not in the plan, or a circle, holds nothing up', async () => {
    const a = task('a', { needs: [task('elsewhere')] });
    const { results } = await executed([a]);
    expect(results.get(a)).toEqual({
      outcome: 'skipped',
      reason: 'it needs a task that is not in the plan',
    });
  });
});

describe('limits', () => {
  test('a task over its limit is ended, and the error names what was awaited', async () => {
    const slow = task('slow', {
      limitMs: 10,
      run: async (context) => {
        context.awaiting('the gate');
        context.awaiting('node a: Ready');
        await aborted(context.signal);
        throw context.signal.reason as Error;
      },
    });
    const { results, events } = await executed([slow, task('next', { needs: [slow] })]);
    const error = results.get(slow)?.error;
    expect(error).toBeInstanceOf(KetError);
    expect(error).toMatchObject({
      code: 'KET_TIMEOUT',
      message: 'do slow: not done within 10 ms, while waiting for node a: Ready',
    });
    expect(events.filter((e) => e.type === 'task-awaiting')).toHaveLength(2);
    expect([...results.values()][1]).toEqual({ outcome: 'skipped', reason: 'slow failed' });
  });

  test('what is awaited is said once, not over and over', async () => {
    const a = task('a', {
      run: async (context) => {
        for (const what of ['x', 'x', 'y', 'y', 'x']) context.awaiting(what);
      },
    });
    const { events } = await executed([a]);
    expect(events.flatMap((e) => (e.type === 'task-awaiting' ? [e.what] : []))).toEqual(['x', 'y', 'x']);
  });

  test('a task that ignores its signal does not hold the run', async () => {
    const deaf = task('deaf', { limitMs: 5, run: () => new Promise(() => undefined) });
    const began = performance.now();
    const { results } = await executed([deaf, task('b', { after: [deaf] })], { abortGraceMs: 10 });
    expect(performance.now() - began).toBeLessThan(2000);
    expect(results.get(deaf)).toMatchObject({ outcome: 'failed', error: { code: 'KET_TIMEOUT' } });
    expect([...results.values()].map((r) => r.outcome)).toEqual(['failed', 'done']);
  });

  test('a task may answer its limit with something better than the plain error', async () => {
    const better = new KetError('KET_NODES_NOT_READY', 'node a has no network');
    const run = async (context: { signal: AbortSignal }): Promise<never> => {
      await aborted(context.signal);
      throw better;
    };
    const a = task('a', { limitMs: 5, run });
    const { results } = await executed([a]);
    expect(results.get(a)?.error).toBe(better);
    const plain = task('plain', {
      limitMs: 5,
      run: async (context) => {
        await aborted(context.signal);
        throw new TypeError('socket hang up');
      },
    });
    expect((await executed([plain])).results.get(plain)?.error).toMatchObject({ code: 'KET_TIMEOUT' });
  });

  test('what a task had within its limit stands, also when it came with the grace', async () => {
    const a = task('a', {
      limitMs: 5,
      run: async (context) => {
        await aborted(context.signal);
        return 'saved';
      },
    });
    expect((await executed([a])).results.get(a)).toEqual({ outcome: 'done', output: 'saved' });
  });
});

describe('a cancel', () => {
  test('running tasks are aborted, waiting ones never start', async () => {
    const cancel = new AbortController();
    const a = task('a', {
      run: async (context) => {
        await aborted(context.signal);
        throw new Error('connection closed');
      },
    });
    const b = task('b', { needs: [a] });
    const c = task('c', { after: [a] });
    const { results, story } = await executed([a, b, c], {
      signal: cancel.signal,
      onEvent: (event) => {
        if (event.type === 'task-started') setImmediate(() => cancel.abort(new Error('stop')));
      },
    });
    expect([...results.values()]).toEqual([
      { outcome: 'cancelled' },
      { outcome: 'cancelled' },
      { outcome: 'cancelled' },
    ]);
    expect(story.filter((line) => line.startsWith('start'))).toEqual(['start a']);
  });

  test('a task that is done in spite of it keeps its output', async () => {
    const cancel = new AbortController();
    const a = task('a', {
      run: async (context) => {
        cancel.abort(new Error('stop'));
        await aborted(context.signal);
        return 'results so far';
      },
    });
    const { results } = await executed([a], { signal: cancel.signal });
    expect(results.get(a)).toEqual({ outcome: 'done', output: 'results so far' });
  });

  test('a deaf task is left behind after the grace', async () => {
    const cancel = new AbortController();
    const a = task('a', {
      run: () => {
        cancel.abort(new Error('stop'));
        return new Promise(() => undefined);
      },
    });
    const { results } = await executed([a], { signal: cancel.signal, abortGraceMs: 10 });
    expect(results.get(a)).toEqual({ outcome: 'cancelled' });
  });

  test('before the start nothing starts', async () => {
    const { story } = await executed([task('a'), task('b')], { signal: AbortSignal.abort() });
    expect(story).toEqual(['end a cancelled', 'end b cancelled']);
  });
});
