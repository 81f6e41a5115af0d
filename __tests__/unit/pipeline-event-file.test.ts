import { afterEach, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import type { RunEvent } from '../../src/model/events.ts';
import { maskerOf } from '../../src/model/mask.ts';
import { eventsIn } from '../../src/pipeline/event-file.ts';
import { openEventLog } from '../../src/pipeline/event-log.ts';
import { execute } from '../../src/pipeline/executor.ts';
import { openJournal } from '../../src/pipeline/journal.ts';
import { folder, removeFolders } from './support/folder.ts';
import { aPlan, fakeClock, fakeDeps } from './support/phases.ts';
import { task } from './support/tasks.ts';

afterEach(removeFolders);

/** What a run keeps that may last for days. */

const notice = (seq: number, text: string): RunEvent => ({
  ...{ v: 1, seq, time: '2026-01-02T03:04:05.000Z', ms: seq },
  ...{ type: 'notice', level: 'info', text },
});

test('events of a file larger than what is read at once, again and again', () => {
  const file = path.join(folder(), 'events.ndjson');
  const events = Array.from({ length: 300 }, (_, seq) => notice(seq, 'äö'.repeat(seq * 7)));
  fs.writeFileSync(file, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  expect(fs.statSync(file).size).toBeGreaterThan(3 * 256 * 1024);
  const read = eventsIn(file);
  expect([...read]).toEqual(events);
  expect([...read]).toEqual(events);
});

test.each([
  ['half a line at the end', '{"v":1,"se', 1],
  ['nothing at the end', '', 1],
])('%s is left out', (_name, end, count) => {
  const file = path.join(folder(), 'events.ndjson');
  fs.writeFileSync(file, `${JSON.stringify(notice(1, 'a'))}\n${end}`);
  expect([...eventsIn(file)]).toHaveLength(count);
});

test.each([
  ['before others', `{"v":\n${JSON.stringify(notice(1, 'a'))}\n`, 1],
  ['that is whole', `${JSON.stringify(notice(1, 'a'))}\n{"v":\n`, 2],
])('a damaged line %s is an error with its place', (_name, text, line) => {
  const file = path.join(folder(), 'events.ndjson');
  fs.writeFileSync(file, text);
  expect(() => [...eventsIn(file)]).toThrow(
    expect.objectContaining({ message: 'the event log is damaged', where: `${file}:${line}` }),
  );
});

test('an endless log has its events from the file, those of now too', async () => {
  const file = path.join(folder(), 'events.ndjson');
  const log = openEventLog(file, fakeClock(), [], maskerOf([]), { endless: true });
  for (const text of ['a', 'b']) log.emit({ type: 'notice', level: 'info', text });
  const events = log.events();
  log.emit({ type: 'notice', level: 'info', text: 'c' });
  expect([...events].map((event) => event.type === 'notice' && event.text)).toEqual(['a', 'b', 'c']);
  await log.close();
});

test('tasks may need what ended before; what they found is there for them', async () => {
  const before = task('before', { run: () => Promise.resolve(7) });
  const failed = task('failed');
  const seen: unknown[] = [];
  const next = task('next', {
    needs: [before],
    run: (context) => Promise.resolve(seen.push(context.output(before))),
  });
  const never = task('never', { needs: [failed] });
  const cancel = new AbortController();
  const results = await execute([next, never], {
    deps: fakeDeps([]),
    emit: () => undefined,
    signal: cancel.signal,
    known: new Map([
      [before, { outcome: 'done', output: 7 }],
      [failed, { outcome: 'failed', error: new Error('no') }],
    ]),
  });
  expect(seen).toEqual([7]);
  expect(results.get(next)?.outcome).toBe('done');
  expect(results.get(never)).toEqual({ outcome: 'skipped', reason: 'failed failed' });
});

test('a journal forgets attempts of one suite up to a number, in memory alone', () => {
  const file = path.join(folder(), 'r.journal');
  const journal = openJournal(file, { v: 1, ket: '0', plan: aPlan(), keepFailedMs: 0, up: false });
  const id = (suite: string, attempt: number) => ({ run: 'r', suite, attempt });
  for (const one of [id('a', 1), id('a', 2), id('a', 3), id('b', 1)]) {
    journal.begin(one, 'n', 1);
    journal.start(one, undefined, 'uid');
  }
  const lines = fs.readFileSync(file, 'utf8');
  journal.forget('a', 2);
  const known = [id('a', 1), id('a', 2), id('a', 3), id('b', 1)].map((one) => [
    journal.attempt(one) !== undefined,
    journal.started(one, undefined) !== undefined,
  ]);
  expect(known).toEqual([
    [false, false],
    [false, false],
    [true, true],
    [true, true],
  ]);
  expect(fs.readFileSync(file, 'utf8')).toBe(lines);
});
