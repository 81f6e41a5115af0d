import { expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import type { EventBody } from '../../src/model/events.ts';
import { noCounts } from '../../src/model/outcome.ts';
import { maskerOf } from '../../src/model/mask.ts';
import { openEventLog, readEvents } from '../../src/pipeline/event-log.ts';
import { eventsToKeep, interruptedAt, onlyNew, openTasks } from '../../src/pipeline/interrupted.ts';
import { folder } from './support/folder.ts';
import { fakeClock } from './support/phases.ts';
import { runEvents } from './support/run-events.ts';

const started: EventBody = { type: 'run-started', run: 'r', tier: 't', suites: ['a', 'b'], ket: '0' };
const found = (suite: string, name: string, attempt = 1): EventBody => ({
  ...{ type: 'case', suite, attempt, name, status: 'passed', caseMs: 1 },
});
const attemptEnded = (suite: string): EventBody => ({
  ...{
    type: 'attempt-ended',
    suite,
    attempt: 1,
    outcome: 'passed',
    message: '',
    counts: noCounts,
    attemptMs: 1,
  },
});
const suiteEnded = (suite: string): EventBody => ({
  ...{
    type: 'suite-ended',
    suite,
    outcome: 'passed',
    message: '',
    counts: noCounts,
    attempts: 1,
    suiteMs: 1,
  },
});
const begins = (task: string): EventBody => ({
  ...{ type: 'task-started', task, phase: 'suites', title: task, limitMs: 1 },
});
const done = (task: string): EventBody => ({
  ...{ type: 'task-ended', task, phase: 'suites', outcome: 'done', taskMs: 1 },
});
const of = (...list: EventBody[]): ReturnType<typeof runEvents> =>
  runEvents(list.map((event, index) => [index * 10, event] as const));

test('cases without the end of their attempt are read again; the rest is numbered without a gap', () => {
  const kept = eventsToKeep(
    of(started, found('a', '1'), found('b', '1'), found('a', '2'), attemptEnded('a')),
  );
  expect(kept.map((event) => [event.seq, event.type, 'suite' in event ? event.suite : ''])).toEqual([
    [1, 'run-started', ''],
    [2, 'case', 'a'],
    [3, 'case', 'a'],
    [4, 'attempt-ended', 'a'],
  ]);
});

test('tasks that did not end', () => {
  const open = openTasks(of(begins('a'), begins('b'), done('a'), begins('c'), done('c'), begins('c')));
  expect(open.map(({ task }) => task)).toEqual(['b', 'c']);
});

test('what stands in the log is not said again', () => {
  const before = of(attemptEnded('a'), suiteEnded('a'), { type: 'notice', level: 'info', text: 'x' });
  const said: string[] = [];
  const emit = onlyNew(before, (event) => said.push(`${event.type} ${'suite' in event ? event.suite : ''}`));
  for (const event of [attemptEnded('a'), suiteEnded('a'), found('a', '1'), ...before.slice(2)]) emit(event);
  for (const event of [begins('t'), attemptEnded('b'), found('b', '1'), suiteEnded('b')]) emit(event);
  expect(said).toEqual(['task-started ', 'attempt-ended b', 'case b', 'suite-ended b']);
});

test('the log goes on where it ended, half a line left out, and sinks hear all of it', async () => {
  const file = path.join(folder(), 'events.ndjson');
  const events = of(started, found('a', '1'), begins('a'));
  fs.writeFileSync(file, `${events.map((event) => JSON.stringify(event)).join('\n')}\n{"v":1,"seq":4,"ty`);
  const clock = fakeClock();
  const before = interruptedAt(eventsToKeep(readEvents(file)), clock);
  const heard: string[] = [];
  const sink = { name: 's', event: ({ type }: { type: string }) => void heard.push(type) };
  const log = openEventLog(file, clock, [sink], maskerOf([]), { before });
  log.emit(done('a'));
  await log.close();
  const now = readEvents(file);
  expect(now.map(({ seq, type }) => [seq, type])).toEqual([
    [1, 'run-started'],
    [2, 'task-started'],
    [3, 'task-ended'],
  ]);
  expect(heard).toEqual(now.map(({ type }) => type));
  expect(log.events()).toEqual(now);
  // The run began in January by its first event, and the clock of this process says November.
  expect(now[2]?.ms).toBe(clock.now() - Date.parse(events[0]?.time ?? ''));
});

test('a clock that was set back makes no time run backwards', () => {
  const clock = { ...fakeClock(), now: () => 0, monotonic: () => 5000 };
  expect(interruptedAt(of(started, begins('a'), done('a')), clock).began).toBe(5000 - 20);
});
