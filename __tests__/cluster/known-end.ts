import fs from 'node:fs';
import path from 'node:path';
import { expect } from '@jest/globals';
import { parse, stringify } from 'yaml';
import type { FailureCause, InfraClass, Outcome } from '../../src/model/outcome.ts';
import { eventsOf, readJson, type Ran } from './ket.ts';

/** How an attempt must end, as a test knows it from what it did. */
export interface KnownEnd {
  readonly outcome: Outcome;
  readonly infraClass?: InfraClass;
  readonly cause?: FailureCause;
  readonly message: RegExp;
}

/** Which attempt; the last one unless given. `name`: of the recording, the suite's unless given. */
export interface Which {
  readonly suite: string;
  readonly attempt?: number;
  readonly name?: string;
}

/**
 * Asserts the verdict of an attempt. With KET_RECORD=folder it also writes what the cluster and ket said of it to
 * `folder/<version of Kubernetes>/<name>.yaml`, which __tests__/unit/recorded.test.ts judges again.
 */
export function expectEnd(ran: Ran, { suite, attempt, name = suite }: Which, want: KnownEnd): void {
  const got = eventsOf(ran, 'attempt-ended').findLast(
    (event) => event.suite === suite && (attempt === undefined || event.attempt === attempt),
  );
  if (got === undefined) throw new Error(`suite ${suite} has no such attempt\n${ran.stderr.slice(-3000)}`);
  const { message, ...end } = want;
  expect({ outcome: got.outcome, infraClass: got.infraClass, cause: got.cause }).toEqual({
    outcome: end.outcome,
    infraClass: end.infraClass,
    cause: end.cause,
  });
  expect(got.message).toMatch(message);
  const target = process.env['KET_RECORD'];
  if (target === undefined) return;
  const folder = path.join(ran.folder, 'suites', suite, `attempt-${String(got.attempt)}`);
  const kubernetes = versionOfNodes();
  const file = path.join(target, kubernetes, `${name}.yaml`);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const head = '# From a real cluster, by `make record`; __tests__/unit/recorded.test.ts judges it again.\n';
  fs.writeFileSync(file, head + stringify({ kubernetes, expected: end, ...recordingOf(folder) }));
}

function versionOfNodes(): string {
  const version = /:(v\d+\.\d+\.\d+)/.exec(process.env['KET_NODE_IMAGE'] ?? '')?.[1];
  if (version === undefined)
    throw new Error('to record, KET_NODE_IMAGE must name an image by its version of Kubernetes');
  return version;
}

interface Pod {
  readonly metadata: Record<string, unknown>;
  readonly spec: Record<string, unknown> & { readonly containers: readonly Container[] };
  readonly status: Record<string, unknown>;
}
interface Container {
  readonly name: string;
  readonly image: string;
  readonly resources?: unknown;
}

/** What an attempt left in its folder, without what is of this machine or decides nothing. */
function recordingOf(folder: string): object {
  const read = (name: string): string | undefined => {
    const file = path.join(folder, name);
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined;
  };
  const {
    verdict: _verdict,
    v: _v,
    ...evidence
  } = readJson(path.join(folder, 'evidence.json')) as Record<string, unknown>;
  const [record, pod] = [read('record.json'), read('pod.yaml')];
  const found = {
    evidence,
    ...(record === undefined ? {} : { record: JSON.parse(record) as unknown }),
    ...(pod === undefined ? {} : { pod: podOf(parse(pod) as Pod) }),
    events: (read('events.txt') ?? '').split('\n').flatMap(eventOf),
  };
  return JSON.parse(clean(JSON.stringify(found))) as object;
}

const pick = (from: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(keys.flatMap((key) => (from[key] === undefined ? [] : [[key, from[key]]])));

function podOf({ metadata, spec, status }: Pod): object {
  const statuses = (key: string): unknown =>
    (status[key] as Record<string, unknown>[] | undefined)?.map((one) =>
      pick(one, ['name', 'image', 'ready', 'started', 'restartCount', 'state', 'lastState']),
    );
  return {
    metadata: pick(metadata, ['name', 'namespace', 'uid', 'deletionTimestamp', 'deletionGracePeriodSeconds']),
    spec: {
      ...pick(spec, ['nodeName', 'restartPolicy', 'activeDeadlineSeconds']),
      containers: spec.containers.map((one) => pick({ ...one }, ['name', 'image', 'resources'])),
    },
    status: {
      ...pick(status, ['phase', 'reason', 'message', 'conditions', 'startTime', 'qosClass']),
      initContainerStatuses: statuses('initContainerStatuses'),
      containerStatuses: statuses('containerStatuses'),
    },
  };
}

/** A line of events.txt: `when type reason Kind/name: message`. */
function eventOf(line: string): object[] {
  const [, type, reason, kind, name, message] = /^\S+ (\S+) (\S+) (\w+)\/(\S+): (.*)$/.exec(line) ?? [];
  return kind === undefined ? [] : [{ type, reason, involvedObject: { kind, name }, message }];
}

/** Addresses and registries are those of one machine. */
const clean = (text: string): string =>
  text
    .replaceAll(/\b(?:\d{1,3}\.){3}\d{1,3}\b/g, '192.0.2.1')
    .replaceAll(/https?:\/\/[^/\s"\\]+/g, 'https://registry.example')
    .replaceAll(/\blookup \S+/g, 'lookup registry.example')
    .replaceAll(/\b(?:registry-1\.)?docker\.io\//g, 'registry.example/');
