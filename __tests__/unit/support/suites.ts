import type { SuitePlan } from '../../../src/model/plan.ts';
import type { Pod } from '../../../src/suites/pod/pod-state.ts';
import type { RunRecord } from '../../../src/suites/verdict/record.ts';
import type { Evidence, JunitProof } from '../../../src/suites/verdict/evidence.ts';

export const nonce = '0123456789abcdef0123456789abcdef';
export const uid = '6b6c7d1e-0000-4000-8000-000000000001';

export function aSuite(over: Partial<SuitePlan> = {}): SuitePlan {
  return {
    name: 'api',
    command: 'pytest tests',
    setupMs: 300_000,
    args: [],
    image: 'shop-tests:dev',
    env: {},
    references: [],
    secrets: [],
    needs: [],
    isolation: 'shared',
    limitMs: 60_000,
    pendingMs: 600_000,
    retries: 0,
    retry: 'suite',
    idempotent: false,
    priority: 'normal',
    resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '256Mi' } },
    lacks: [],
    checks: [],
    placement: 'own',
    podSecurity: 'restricted',
    ingress: 'allow',
    api: 'read',
    expectTests: 1,
    allowSkip: false,
    allowChildOom: false,
    results: [],
    patches: [],
    caps: { bytes: 4 * 2 ** 30, fileBytes: 2 * 2 ** 30, files: 50_000 },
    ...over,
  };
}

/** A suite of the unit tier: without an image. */
export function aProcessSuite(over: Partial<SuitePlan> = {}): SuitePlan {
  const { image: _image, ...rest } = aSuite();
  return { ...rest, ...over };
}

export const aRecord = (over: Partial<RunRecord> = {}): RunRecord => ({
  v: 1,
  nonce,
  uid,
  started_ms: 1000,
  ended_ms: 3000,
  duration_ms: 2000,
  exit_code: 0,
  signal: null,
  timed_out: false,
  term_received: null,
  exec_error: null,
  oom_kills: 0,
  memory_peak_bytes: 50 * 1048576,
  cpu_usec: 900_000,
  console_bytes: 10,
  console_error: null,
  ...over,
});

type Status = NonNullable<Pod['status']>;
type State = NonNullable<NonNullable<Status['containerStatuses']>[number]['state']>;

/** A pod whose main container is in this state; its sidecar still runs. */
export function aPod(state: State, status: Partial<Status> = {}, metadata: Pod['metadata'] = {}): Pod {
  const container = { image: 'shop-tests:dev', imageID: '', ready: false, restartCount: 0 };
  return {
    metadata: { name: 'ket-api-1', uid, ...metadata },
    status: {
      phase: 'Running',
      initContainerStatuses: [
        { ...container, name: 'ket', state: { running: { startedAt: '2026-11-21T12:00:00Z' } } },
      ],
      containerStatuses: [{ ...container, name: 'suite', state }],
      ...status,
    },
  };
}

/** A pod that the scheduler has no node for. */
export const aPodWithoutPlace = (message: string): Pod => ({
  metadata: { name: 'p', uid },
  status: {
    phase: 'Pending',
    conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
  },
});

export const ended = (exitCode: number, reason = exitCode === 0 ? 'Completed' : 'Error'): State => ({
  terminated: { exitCode, reason },
});

export const aProof = (over: Partial<JunitProof> = {}): JunitProof => ({
  state: 'ok',
  counts: { total: 3, passed: 3, failed: 0, errors: 0, skipped: 0 },
  failedNames: [],
  ...over,
});

/** All that a pass needs, and nothing against it. */
export const aGreen = (over: Partial<Evidence> = {}): Evidence => ({
  suite: aSuite(),
  pod: aPod(ended(0)),
  uid,
  nonce,
  podGone: false,
  record: aRecord(),
  junit: aProof(),
  lastLines: ['the first', 'the last words', '  '],
  ...over,
});
