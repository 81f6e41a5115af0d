import { formatBytes, plural } from '../../model/format.ts';
import { sidecarStatus, type Pod } from '../pod/pod-state.ts';
import type { RunRecord } from '../verdict/record.ts';

/** What the sidecar leaves in its termination message (native/ket-run/src/hold.c). */
export interface Farewell {
  /** What it had read of the record of the command's end, as far as it fits. */
  readonly record?: RunRecord;
  /** Why the sidecar left, how the command ended, and what is gone with it: for people. */
  readonly text: string;
}

const reasons: Readonly<Record<string, string>> = {
  acked: 'somebody said that they have its results',
  grace: 'the grace of its pod was over',
  'no-contact': 'no driver asked for its results for too long',
};

/** Undefined while the sidecar is there, and when what it left is not of this attempt. Pure. */
export function farewellOf(pod: Pod, nonce: string): Farewell | undefined {
  const said = parsed(sidecarStatus(pod)?.state?.terminated?.message ?? '');
  if (said?.['v'] !== 1 || said['nonce'] !== nonce) return undefined;
  const number = (key: string): number | null => (typeof said[key] === 'number' ? said[key] : null);
  const exitCode = said['record'] === true ? number('exit_code') : null;
  const ended =
    exitCode === null
      ? 'no record of the end of its command'
      : `its command ended with exit code ${exitCode}`;
  const files = number('files');
  const gone =
    files === null
      ? ''
      : `; gone: ${plural(files, 'file')}, ${formatBytes(number('bytes') ?? 0)}${namesOf(said['names'])}`;
  const text = `${ended}, and its sidecar left because ${reasons[String(said['reason'])] ?? String(said['reason'])}${gone}`;
  if (exitCode === null) return { text };
  const record: RunRecord = {
    v: 1,
    nonce,
    uid: pod.metadata?.uid ?? '',
    started_ms: 0,
    ended_ms: 0,
    duration_ms: number('duration_ms') ?? 0,
    exit_code: exitCode,
    signal: number('signal'),
    timed_out: said['timed_out'] === true,
    term_received: null,
    exec_error: null,
    oom_kills: number('oom_kills'),
    memory_peak_bytes: null,
    cpu_usec: null,
    console_bytes: 0,
    console_error: null,
  };
  return { record, text };
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** One path a line; an ellipsis at the end where not all fitted. */
const namesOf = (names: unknown): string =>
  typeof names !== 'string' || names === '' ? '' : ` (${names.trim().split('\n').join(', ')})`;
