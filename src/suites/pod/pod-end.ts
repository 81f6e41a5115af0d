import path from 'node:path';
import { KetError, messageOf } from '../../model/errors.ts';
import type { SuitePlan } from '../../model/plan.ts';
import type { TaskContext } from '../../model/task.ts';
import { readRecord, saveEvidence, saveObjects, settleConsole } from '../collect/attempt-files.ts';
import type { PodResult } from '../verdict/attempt-result.ts';
import type { Home } from '../collect/bring-home.ts';
import { afterRetry, type FailedCases } from '../verdict/failed-cases.ts';
import { farewellOf } from '../collect/farewell.ts';
import { sidecar } from '../job/in-pod.ts';
import { completenessOf, type LiveEnd } from './log-gaps.ts';
import type { AttemptId } from '../names.ts';
import { hasStarted, type KubeEvent, type NeverRan, type Pod } from './pod-state.ts';
import { readResults } from '../verdict/proof.ts';
import type { Evidence } from '../verdict/evidence.ts';
import { verdictOf } from '../verdict/verdict.ts';
import type { Part } from './view.ts';
import type { SuiteWorld } from '../world.ts';

/** Where a pod of an attempt stands, and where its results go. */
export interface PodPlace {
  readonly namespace: string;
  /** Name of the attempt's objects. */
  readonly name: string;
  /** What proves that a record is of this attempt. */
  readonly nonce: string;
  /** Index of the pod in a Job of several. */
  readonly index?: number;
  /** It runs these cases only. */
  readonly failed?: FailedCases;
  readonly outDir: string;
}

/** What is known when a pod ends, however it came there. */
export interface EndState {
  /** Who or what stopped it. */
  readonly cancelled?: string;
  readonly unhealthy?: string;
  readonly neverRan?: Pick<NeverRan, 'infraClass' | 'message'>;
  readonly pod?: Pod | undefined;
  readonly uid?: string;
  readonly podName?: string;
  readonly podGone?: boolean;
  /** Its command may have been started, though nothing is known of the pod. */
  readonly mayHaveRun?: boolean;
  readonly gaveUp?: string;
  readonly collectError?: string;
  readonly live?: LiveEnd;
  readonly events?: Pick<Part<KubeEvent>, 'items'>;
  readonly finish?: Home['finish'];
  readonly manifest?: string;
}

/** Only the user cancels; a limit of the task that is over is a lost contact, and a release or a check may have broken. */
export function stoppedBy(signal: AbortSignal): Pick<EndState, 'cancelled' | 'gaveUp' | 'unhealthy'> {
  const reason: unknown = signal.reason;
  if (!(reason instanceof KetError)) return { cancelled: messageOf(reason) };
  if (reason.code === 'KET_TIMEOUT') return { gaveUp: reason.message };
  const isIll = reason.code === 'KET_RELEASE' || reason.code === 'KET_CHECK';
  return isIll ? { unhealthy: reason.message } : { cancelled: reason.message };
}

/** A pod whose verdict is known, and which is still there. */
export interface JudgedPod extends PodResult {
  /** Lets the pod go, or tells it to stay; never rejects. */
  readonly letGo?: () => Promise<void>;
}

/** Of the world, what the end of a pod needs. */
type EndWorld = Pick<SuiteWorld, 'keepFailedMs' | 'journal'>;

/** The verdict on a pod from what came home and what the cluster said. */
export async function endPod(
  { keepFailedMs, journal }: EndWorld,
  suite: SuitePlan,
  id: AttemptId,
  place: PodPlace,
  state: EndState,
  { emit, deps }: Pick<TaskContext, 'emit' | 'deps'>,
): Promise<JudgedPod> {
  const { outDir, nonce, index } = place;
  const warn = (text: string): void =>
    emit({ type: 'notice', level: 'warning', text: `${suite.name}: ${text}` });
  const own = await readResults(path.join(outDir, 'results'));
  const results = place.failed === undefined ? own : await afterRetry(place.failed, own);
  const { pod } = state;
  const farewell = pod === undefined ? undefined : farewellOf(pod, nonce);
  const record = readRecord(outDir) ?? farewell?.record;
  const log = await completenessOf(outDir, state.live, record);
  const lastLines = settleConsole(outDir, record);
  const collectError =
    state.collectError === undefined || farewell === undefined
      ? state.collectError
      : `${state.collectError}: ${farewell.text}`;
  const evidence: Evidence = {
    suite,
    ...(state.cancelled === undefined ? {} : { cancelled: state.cancelled }),
    ...(state.unhealthy === undefined ? {} : { unhealthy: state.unhealthy }),
    uid: state.uid ?? '',
    nonce,
    podGone: state.podGone ?? false,
    junit: results.proof,
    lastLines,
    ...(state.neverRan === undefined ? {} : { neverRan: state.neverRan }),
    ...(pod === undefined ? {} : { pod }),
    ...(state.gaveUp === undefined ? {} : { gaveUp: state.gaveUp }),
    ...(record === undefined ? {} : { record }),
    ...(collectError === undefined ? {} : { collectError }),
  };
  const verdict = verdictOf(evidence);
  saveEvidence(outDir, evidence, verdict);
  saveObjects(outDir, place.name, pod, state.events?.items() ?? []);
  if (collectError !== undefined) warn(`results are not complete: ${collectError}`);
  const failed = verdict.outcome !== 'passed' && verdict.outcome !== 'skipped';
  const kept = failed && keepFailedMs > 0 && verdict.outcome !== 'cancelled';
  const { podName, manifest } = state;
  const decided = {
    verdict,
    started: state.mayHaveRun === true || (pod !== undefined && hasStarted(pod)),
    ...(record === undefined ? {} : { record }),
    ...(collectError === undefined ? {} : { collectError }),
    ...log,
    ...(kept && podName !== undefined
      ? { kept: { namespace: place.namespace, pod: podName, container: sidecar } }
      : {}),
  };
  const letGo = podName === undefined || manifest === undefined ? {} : { letGo: { pod: podName, manifest } };
  journal.end(id, index, { ...decided, ...letGo, at: deps.clock.now() });
  const judged = { ...decided, results, lastLines };
  const { finish } = state;
  if (finish === undefined) return judged;
  return {
    ...judged,
    // The results are here and checked: an acknowledgement that is not heard changes nothing about them.
    letGo: () => finish(failed).catch((error: unknown) => warn(messageOf(error))),
  };
}
