import { afterEach, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import type { EventBody, EventSink, RunEvent } from '../../src/model/events.ts';
import { maskerOf } from '../../src/model/mask.ts';
import { openEventLog } from '../../src/pipeline/event-log.ts';
import { folder, removeFolders } from './support/folder.ts';
import { fakeClock } from './support/phases.ts';

afterEach(removeFolders);

const notice = (text: string): EventBody => ({ type: 'notice', level: 'info', text });
const log = (line: string): EventBody => ({ type: 'log', suite: 's', attempt: 1, number: 1, line });

interface Collecting extends EventSink {
  readonly got: RunEvent[];
  closed: boolean;
}

function sink(name: string, over: Partial<EventSink> = {}): Collecting {
  const self: Collecting = {
    name,
    got: [],
    closed: false,
    event: (event) => void self.got.push(event),
    close: () => {
      self.closed = true;
    },
    ...over,
  };
  return self;
}

const read = (file: string): RunEvent[] =>
  fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RunEvent);

const texts = (events: Iterable<RunEvent>): string[] =>
  [...events].flatMap((e) => (e.type === 'notice' ? [e.text] : e.type === 'log' ? [`log ${e.line}`] : []));

const noMask = maskerOf([]);

describe('the event log', () => {
  test('numbers without gaps, this clock, at once in the file', async () => {
    const file = path.join(folder(), 'events.ndjson');
    const clock = fakeClock();
    const events = openEventLog(file, clock, [], noMask);
    for (let i = 0; i < 5; i++) {
      clock.passed += 10;
      events.emit(notice(String(i)));
      events.emit(log('x'));
      // Whoever kills the run now finds all of it.
      expect(read(file)).toHaveLength(i + 1);
    }
    expect(read(file).map((e) => e.seq)).toEqual([1, 2, 3, 4, 5]);
    expect(read(file).map((e) => e.ms)).toEqual([10, 20, 30, 40, 50]);
    expect(read(file)[0]).toEqual({
      v: 1,
      seq: 1,
      time: '2026-11-21T12:00:00.010Z',
      ms: 10,
      type: 'notice',
      level: 'info',
      text: '0',
    });
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    await events.close();
  });

  test('log lines travel live and are not stored', async () => {
    const file = path.join(folder(), 'events.ndjson');
    const live = sink('live');
    const events = openEventLog(file, fakeClock(), [live], noMask);
    events.emit(notice('a'));
    events.emit(log('one'));
    events.emit(log('two'));
    events.emit(notice('b'));
    expect(texts(live.got)).toEqual(['a', 'log one', 'log two', 'b']);
    expect(texts(events.events())).toEqual(['a', 'b']);
    expect(texts(read(file))).toEqual(['a', 'b']);
    expect(live.got.map((e) => e.seq)).toEqual([1, 1, 1, 2]);
    await events.close();
  });

  test('a sink that throws is dropped with one warning; the others and the file go on', async () => {
    const file = path.join(folder(), 'events.ndjson');
    let calls = 0;
    const bad = sink('terminal', {
      event: () => {
        calls++;
        throw new Error('EPIPE');
      },
    });
    const before = sink('before');
    const behind = sink('behind');
    const events = openEventLog(file, fakeClock(), [before, bad, behind], noMask);
    for (const text of ['a', 'b', 'c']) events.emit(notice(text));
    const warning = 'the terminal report stopped: Error: EPIPE';
    expect(calls).toBe(1);
    expect(texts(read(file))).toEqual(['a', warning, 'b', 'c']);
    expect(texts(before.got)).toEqual(['a', warning, 'b', 'c']);
    expect([...texts(behind.got)].sort()).toEqual(['a', 'b', 'c', warning].sort());
    expect(read(file).map((e) => e.seq)).toEqual([1, 2, 3, 4]);
    await events.close();
    expect([before.closed, bad.closed, behind.closed]).toEqual([true, false, true]);
  });

  test('a sink that cannot be closed keeps nobody from being closed', async () => {
    const bad = sink('bad', { close: () => Promise.reject(new Error('no')) });
    const good = sink('good');
    const events = openEventLog(path.join(folder(), 'e'), fakeClock(), [bad, good], noMask);
    await events.close();
    expect(good.closed).toBe(true);
  });

  test('what a task that outlived the run still says goes nowhere', async () => {
    const file = path.join(folder(), 'events.ndjson');
    const live = sink('live');
    const events = openEventLog(file, fakeClock(), [live], noMask);
    events.emit(notice('a'));
    await events.close();
    // The next file that is opened has the number of the one that was closed.
    const other = path.join(path.dirname(file), 'other');
    const fd = fs.openSync(other, 'w');
    events.emit(notice('late'));
    fs.closeSync(fd);
    expect(fs.readFileSync(other, 'utf8')).toBe('');
    expect(texts(live.got)).toEqual(['a']);
  });

  test('a disk that is full is said once, and the run goes on', async () => {
    if (!fs.existsSync('/dev/full')) return;
    const live = sink('live');
    const events = openEventLog('/dev/full', fakeClock(), [live], noMask);
    for (const text of ['a', 'b', 'c']) events.emit(notice(text));
    expect(texts(live.got)).toEqual([
      'a',
      expect.stringMatching(/\/dev\/full cannot be written.*ENOSPC/),
      'b',
      'c',
    ]);
    expect(texts(events.events())).toHaveLength(4);
    await events.close();
  });

  test('no secret is in the file or in a view, in a log line neither', () => {
    const file = path.join(folder(), 'e');
    const seen: RunEvent[] = [];
    const sink: EventSink = { name: 'live', event: (event) => void seen.push(event) };
    const events = openEventLog(file, fakeClock(), [sink], maskerOf([['TOKEN', 'hunter22']]));
    events.emit({ type: 'notice', level: 'info', text: 'it is hunter22' });
    const printed = '2026-11-21T12:00:00Z';
    events.emit({
      type: 'log',
      suite: 's',
      attempt: 1,
      number: 1,
      line: `Basic ${btoa('me:hunter22')}`,
      printed,
    });
    expect(seen).toMatchObject([
      { text: 'it is ***' },
      { line: expect.stringMatching(/^Basic [\w=]*\*\*\*/) },
    ]);
    expect(fs.readFileSync(file, 'utf8')).not.toContain('hunter22');
    expect(JSON.stringify(events.events())).not.toContain('hunter22');
  });
});
