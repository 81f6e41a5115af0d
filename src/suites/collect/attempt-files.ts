import fs from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { lastLinesOf } from './console.ts';
import { liveLogFile } from '../pod/live-log.ts';
import type { Verdict } from '../../model/outcome.ts';
import type { KubeEvent, Pod } from '../pod/pod-state.ts';
import { parseRecord, type RunRecord } from '../verdict/record.ts';
import type { Evidence } from '../verdict/evidence.ts';

/** The record that ket-run left, when it came home whole. */
export function readRecord(outDir: string): RunRecord | undefined {
  const file = path.join(outDir, 'record.json');
  return fs.existsSync(file) ? parseRecord(fs.readFileSync(file, 'utf8')) : undefined;
}

/**
 * Leaves one console.log and returns its last lines. The collected log is the record of truth; the live one stands in
 * only when there is no other, or when that one broke off and is shorter.
 */
export function settleConsole(outDir: string, record: RunRecord | undefined): string[] {
  const live = path.join(outDir, liveLogFile);
  const collected = path.join(outDir, 'console.log');
  const size = (file: string): number => fs.statSync(file, { throwIfNoEntry: false })?.size ?? -1;
  const brokeOff = size(collected) < 0 || typeof record?.console_error === 'string';
  if (brokeOff && size(live) > size(collected)) fs.renameSync(live, collected);
  else fs.rmSync(live, { force: true });
  return lastLinesOf(collected, 20);
}

/** Saves pod.yaml and events.txt: what the cluster said of the attempt. */
export function saveObjects(
  outDir: string,
  attempt: string,
  pod: Pod | undefined,
  events: readonly KubeEvent[],
): void {
  if (pod !== undefined) {
    const { managedFields: _managedFields, ...metadata } = pod.metadata ?? {};
    fs.writeFileSync(path.join(outDir, 'pod.yaml'), stringify({ ...pod, metadata }), { mode: 0o600 });
  }
  const lines = events.filter((e) => e.involvedObject.name?.startsWith(attempt) === true).map(eventLine);
  fs.writeFileSync(path.join(outDir, 'events.txt'), lines.map((l) => l + '\n').join(''), { mode: 0o600 });
}

/**
 * Saves evidence.json: what the verdict rests on besides pod.yaml, record.json and console.log, so that anybody can
 * judge again.
 */
export function saveEvidence(outDir: string, evidence: Evidence, verdict: Verdict): void {
  const { suite, pod: _pod, record: _record, lastLines: _lastLines, ...facts } = evidence;
  const { command, image, limitMs, expectTests, allowChildOom, resources } = suite;
  const judged = { command, image, limitMs, expectTests, allowChildOom, resources };
  const text = JSON.stringify({ v: 1, ...facts, suite: judged, verdict }, null, 2);
  fs.writeFileSync(path.join(outDir, 'evidence.json'), `${text}\n`, { mode: 0o600 });
}

function eventLine(e: KubeEvent): string {
  const when = e.lastTimestamp ?? e.eventTime ?? e.metadata.creationTimestamp ?? '';
  const { kind = '', name = '' } = e.involvedObject;
  return `${when} ${e.type ?? ''} ${e.reason ?? ''} ${kind}/${name}: ${e.message ?? ''}`;
}
