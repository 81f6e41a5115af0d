import fs from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { lastLinesOf } from './console.ts';
import { liveLogFile } from './live-log.ts';
import type { KubeEvent, Pod } from './pod-state.ts';
import { parseRecord, type RunRecord } from './record.ts';

/** The record that ket-run left, when it came home whole. */
export function readRecord(outDir: string): RunRecord | undefined {
  const file = path.join(outDir, 'record.json');
  return fs.existsSync(file) ? parseRecord(fs.readFileSync(file, 'utf8')) : undefined;
}

/**
 * Leaves one console.log and returns its last lines. The collected log is the record of truth; the live one stands in
 * only when there is no other.
 */
export function settleConsole(outDir: string): string[] {
  const live = path.join(outDir, liveLogFile);
  const collected = path.join(outDir, 'console.log');
  if (fs.existsSync(collected)) fs.rmSync(live, { force: true });
  else if (fs.existsSync(live)) fs.renameSync(live, collected);
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

function eventLine(e: KubeEvent): string {
  const when = e.lastTimestamp ?? e.eventTime ?? e.metadata.creationTimestamp ?? '';
  const { kind = '', name = '' } = e.involvedObject;
  return `${when} ${e.type ?? ''} ${e.reason ?? ''} ${kind}/${name}: ${e.message ?? ''}`;
}
