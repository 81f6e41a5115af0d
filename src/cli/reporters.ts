import type { EventSink, RunEvent } from '../model/events.ts';
import { plainSink } from '../report/plain.ts';
import type { SuiteReport } from '../suites/tasks.ts';

export type Format = 'pretty' | 'plain' | 'json';

export function sinksFor(_format: Format | undefined, folder: string): EventSink[] {
  return [plainSink({ stream: process.stderr, env: process.env, folder })];
}

export async function writeReports(_folder: string, _events: readonly RunEvent[], _reports: readonly SuiteReport[]): Promise<void> {}
