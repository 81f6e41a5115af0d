import { describe, expect, test } from '@jest/globals';
import { displayWidth } from '../../src/report/format.ts';
import { liveBlock } from '../../src/report/live.ts';
import { viewOf } from '../../src/report/model.ts';
import { noStyle } from '../../src/report/style.ts';
import { terminalSink } from '../../src/report/terminal.ts';
import { mixedRun, runEvents } from './support/run-events.ts';
import { feed, screen } from './support/screen.ts';

const events = runEvents(mixedRun);

describe('terminal', () => {
  const setUp = (tty?: { columns: number; rows: number }) => {
    let now = 0;
    const ticks = new Set<() => void>();
    const { stream, text } = screen(tty);
    const sink = terminalSink({
      stream,
      env: {},
      clock: { now: () => now, monotonic: () => now, sleep: () => Promise.resolve() },
      every: (ms, tick) => {
        expect(ms).toBeGreaterThanOrEqual(100);
        ticks.add(tick);
        return () => ticks.delete(tick);
      },
    });
    const pass = (ms: number): void => {
      now += ms;
      for (const tick of ticks) tick();
    };
    return { sink, text, pass, ticks };
  };

  test('is the plain log where there is no terminal', () => {
    const { sink, text } = setUp();
    feed(sink, events);
    expect(sink.name).toBe('plain');
    expect(text()).toContain('    0.0s  ket 0.1.0');
  });

  test('draws on ticks only, and stops at the end', () => {
    const { sink, text, pass, ticks } = setUp({ columns: 80, rows: 24 });
    feed(sink, events.slice(0, 10));
    expect(text()).toBe('');
    pass(100);
    const first = text();
    expect(first).toContain('find kind v0.30.0');
    expect(first).toContain('awaiting node ket-0102-control…');
    pass(3_000);
    expect(text().length).toBeGreaterThan(first.length);
    feed(sink, events.slice(10));
    expect(ticks.size).toBe(0);
    expect(text()).toContain('exit code 1');
    // Nothing of the live block is left after the closing block.
    expect(text().trimEnd().endsWith('exit code 1')).toBe(true);
  });

  test('a run that is broken off leaves what happened, and nothing of the live block', async () => {
    const { sink, text, ticks } = setUp({ columns: 80, rows: 24 });
    feed(sink, events.slice(0, 9));
    await sink.close?.();
    expect(ticks.size).toBe(0);
    expect(text()).toContain('build image shop-api:dev');
    expect(text()).not.toContain('running');
  });
});

describe('the live block', () => {
  const started = viewOf(events.slice(0, 8));

  test('one line per running task, with time and what is awaited', () => {
    expect(liveBlock(started, 9_000, { columns: 100, rows: 24, style: noStyle })).toEqual([
      '▸ start Kubernetes in cluster ket-0102      8s  awaiting node ket-0102-control-plane: Ready',
      '▸ build image shop-api:dev                  8s',
      '9s · 1 task done, 2 running',
    ]);
  });

  test('near its limit a task shows it first', () => {
    const [line] = liveBlock(started, 250_000, { columns: 100, rows: 24, style: noStyle });
    expect(line).toBe(
      '▸ start Kubernetes in cluster ket-0102  4m 09s  limit 5 min, 50s left  awaiting node ket-0102-cont…',
    );
  });

  test.each([20, 40, 73, 200])('no line is wider than a screen of %i columns', (columns) => {
    for (const line of liveBlock(started, 250_000, { columns, rows: 24, style: noStyle }))
      expect(displayWidth(line)).toBeLessThan(Math.max(columns, 21));
  });

  test('a screen too low shows how many more there are', () => {
    expect(liveBlock(started, 9_000, { columns: 80, rows: 4, style: noStyle })).toHaveLength(2);
    expect(liveBlock(viewOf(events.slice(0, 18)), 45_000, { columns: 80, rows: 5, style: noStyle })).toEqual([
      '▸ suite api      0s',
      '  … and 2 more',
      '45s · 4 tasks done, 3 running',
    ]);
  });
});
