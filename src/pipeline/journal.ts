import fs from 'node:fs';
import path from 'node:path';
import { KetError, messageOf } from '../model/errors.ts';
import type { ContainerRef } from '../model/kube.ts';
import type { Plan } from '../model/plan.ts';
import type { AttemptJournal, BegunAttempt, EndedPod } from '../suites/journal.ts';
import type { AttemptId } from '../suites/names.ts';
import type { ExistingCluster } from './existing.ts';

/** What a run was begun with. */
export interface JournalHead {
  readonly v: 1;
  /** Version of ket: another one may read the plan in another way. */
  readonly ket: string;
  readonly plan: Plan;
  readonly keepFailedMs: number;
  /** `ket up`. */
  readonly up: boolean;
  readonly existing?: ExistingCluster;
}

interface Of {
  readonly suite: string;
  readonly attempt: number;
  readonly index?: number;
}
type Entry = Of &
  (
    | { readonly type: 'begun'; readonly nonce: string; readonly at: number }
    | { readonly type: 'made' }
    | { readonly type: 'started'; readonly uid: string }
    | { readonly type: 'ended'; readonly pod: EndedPod }
  );

export interface Journal extends AttemptJournal {
  readonly head: JournalHead;
  /** Whether anything of a suite was begun. */
  hasBegun(suite: string): boolean;
  /** The pods of a suite that stay for a look inside. */
  kept(suite: string): readonly ContainerRef[];
  /** Drops what is known of a suite's attempts up to this one; it stays in the file. */
  forget(suite: string, attempt: number): void;
  /** Nobody needs it any more. */
  remove(): void;
}

/** Beside the state file: it goes with it, and is for the owner's eyes as the plan is. */
export const journalFile = (home: string, run: string): string => path.join(home, `${run}.journal`);

export function openJournal(file: string, head: JournalHead): Journal {
  fs.writeFileSync(file, `${JSON.stringify(head)}\n`, { mode: 0o600 });
  return journalOf(file, head, []);
}

/** What a run was begun with; its owner may live. */
export function readHead(file: string): JournalHead {
  return headOf(file, linesOf(file)[0] ?? '');
}

/** The journal of a run that was another process's, and is this one's now. */
export function takeJournal(file: string): Journal {
  const lines = linesOf(file);
  const head = headOf(file, lines[0] ?? '');
  const next = `${file}.tmp`;
  fs.writeFileSync(next, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
  fs.renameSync(next, file);
  return journalOf(
    file,
    head,
    lines.slice(1).map((line) => JSON.parse(line) as Entry),
  );
}

/** Without a last one that was cut off: what it was to say had not been done yet. */
function linesOf(file: string): string[] {
  try {
    return fs.readFileSync(file, 'utf8').split('\n').slice(0, -1);
  } catch (error) {
    throw unreadable(file, error);
  }
}

function headOf(file: string, line: string): JournalHead {
  try {
    const head = JSON.parse(line) as { readonly v: number };
    if (head.v === 1) return head as JournalHead;
  } catch (error) {
    throw unreadable(file, error);
  }
  throw unreadable(file, new Error('it is of another version of ket'));
}

const unreadable = (file: string, error: unknown): KetError =>
  new KetError('KET_STATE', `what was written down of the run cannot be read: ${messageOf(error)}`, {
    where: file,
    next: 'ket cleanup removes what the run left',
  });

const key = ({ suite, attempt, index }: Of): string => JSON.stringify([suite, attempt, index ?? null]);

function journalOf(file: string, head: JournalHead, entries: readonly Entry[]): Journal {
  const attempts = new Map<string, BegunAttempt>();
  const uids = new Map<string, string>();
  const ends = new Map<string, EndedPod>();
  const suites = new Set<string>();
  const take = (entry: Entry): void => {
    const at = key(entry);
    switch (entry.type) {
      case 'begun':
        suites.add(entry.suite);
        attempts.set(at, { nonce: entry.nonce, at: entry.at, made: false });
        return;
      case 'made': {
        const begun = attempts.get(at);
        if (begun !== undefined) attempts.set(at, { ...begun, made: true });
        return;
      }
      case 'started':
        uids.set(at, entry.uid);
        return;
      case 'ended':
        ends.set(at, entry.pod);
    }
  };
  for (const entry of entries) take(entry);
  let broken = false;
  const write = (entry: Entry): void => {
    take(entry);
    if (broken) return;
    try {
      // A killed process loses nothing that was handed to the kernel, and a machine that stops takes its cluster along.
      fs.appendFileSync(file, `${JSON.stringify(entry)}\n`);
    } catch {
      // A disk that is full must not end a run that works; but nobody shall go on by half a journal.
      broken = true;
      fs.rmSync(file, { force: true });
    }
  };
  const of = ({ suite, attempt }: AttemptId, index?: number): Of => ({
    suite,
    attempt,
    ...(index === undefined ? {} : { index }),
  });
  return {
    head,
    hasBegun: (suite) => suites.has(suite),
    kept: (suite) =>
      [...ends].flatMap(([at, { kept }]) =>
        (JSON.parse(at) as unknown[])[0] === suite && kept !== undefined ? [kept] : [],
      ),
    attempt: (id) => attempts.get(key(of(id))),
    begin: (id, nonce, at) => write({ type: 'begun', ...of(id), nonce, at }),
    made: (id) => write({ type: 'made', ...of(id) }),
    started: (id, index) => uids.get(key(of(id, index))),
    start: (id, index, uid) => write({ type: 'started', ...of(id, index), uid }),
    ended: (id, index) => ends.get(key(of(id, index))),
    end: (id, index, pod) => write({ type: 'ended', ...of(id, index), pod }),
    forget(suite, attempt) {
      for (const map of [attempts, uids, ends])
        for (const at of map.keys()) {
          const [name, number] = JSON.parse(at) as [string, number];
          if (name === suite && number <= attempt) map.delete(at);
        }
    },
    remove: () => fs.rmSync(file, { force: true }),
  };
}
