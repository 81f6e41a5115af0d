import os from 'node:os';
import { KubeError } from '../kube/error.ts';
import { messageOf } from '../model/errors.ts';
import { formatMs } from '../model/format.ts';
import type { AnyObject, Kube } from '../model/kube.ts';
import { labels } from '../model/labels.ts';
import type { Plan } from '../model/plan.ts';
import type { MadeObject, StateFile } from '../model/state.ts';
import { attemptLimits } from '../suites/limits.ts';

/**
 * The proof of life of a run in a cluster that others use too: a Lease in a namespace of the run, which also says until
 * when something of it may still run after its driver is gone.
 */

/** Namespace and name of a run's Lease. */
export const leaseName = (runId: string): string => `ket-${runId}`;

/** A driver that has not been heard of for so long is gone. */
export const staleMs = 10 * 60_000;
const renewMs = 60_000;
const requestMs = 20_000;

/** What a Job that starts now may still take, when nobody ends it. */
export const longestMs = ({ suites, keepMs }: Plan): number =>
  Math.max(0, ...suites.map((suite) => attemptLimits(suite.limitMs, keepMs, suite.pendingMs).jobMs));

const leaseRef = (runId: string) =>
  ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    namespace: leaseName(runId),
    name: leaseName(runId),
  }) as const;

interface LeaseOptions {
  readonly kube: Kube;
  readonly kubeconfig: string;
  readonly runId: string;
  readonly state: StateFile;
  /** How long what starts now may run. */
  readonly longestMs: number;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** Before anything else of the run: its namespace with its Lease, which is renewed until the client is closed. */
export async function takeLease(options: LeaseOptions): Promise<void> {
  const { kube, kubeconfig, runId, state, signal } = options;
  const name = leaseName(runId);
  const own = { [labels.managedBy]: 'ket', [labels.run]: runId };
  const namespace = { apiVersion: 'v1', kind: 'Namespace', name };
  await state.add({ type: 'object', kubeconfig, ...namespace, lease: true });
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: own } }, signal);
  const { spec, expires } = renewal(options);
  const { apiVersion, kind } = leaseRef(runId);
  const metadata = { name, namespace: name, labels: { ...own, [labels.expires]: expires } };
  const holderIdentity = `${os.hostname()} ${String(process.pid)}`;
  const fixed = { holderIdentity, leaseDurationSeconds: staleMs / 1000, acquireTime: spec.renewTime };
  await kube.create({ apiVersion, kind, metadata, spec: { ...fixed, ...spec } }, signal);
  keepLease(options);
}

/** Renews the Lease of a run until the client is closed. */
export function keepLease(options: Omit<LeaseOptions, 'state' | 'signal' | 'kubeconfig'>): void {
  const { kube, runId } = options;
  // Not by the clock of the run: nothing waits for it, and it must not hold up the end of the process.
  const renew = (): void => {
    const { spec, expires } = renewal(options);
    const patch = { metadata: { labels: { [labels.expires]: expires } }, spec };
    kube.patch(leaseRef(runId), patch, AbortSignal.timeout(requestMs)).catch((error: unknown) => {
      // Closed, or gone: the run is over. Else the next renewal may get through.
      if (!(error instanceof KubeError) || error.status === 404) clearInterval(timer);
    });
  };
  const timer = setInterval(renew, renewMs);
  timer.unref();
  // Whoever takes a run up makes itself heard of at once.
  renew();
}

const renewal = ({
  now,
  longestMs: longest,
}: Pick<LeaseOptions, 'now' | 'longestMs'>): { spec: { renewTime: string }; expires: string } => ({
  // MicroTime has six digits.
  spec: { renewTime: new Date(now()).toISOString().replace(/Z$/, '000Z') },
  expires: String(Math.ceil((now() + longest) / 1000)),
});

interface Lease extends AnyObject {
  readonly spec?: { readonly renewTime?: string; readonly holderIdentity?: string };
}

/** What a Lease says of its run: whether it may live, and why that is thought. */
export type LeaseState =
  { readonly held: false } | { readonly held: true; readonly why: string; readonly holder: string };

/** A run is over when its Lease is stale and nothing of it can run any more; or there is none. Pure. */
export function leaseState(lease: Lease | undefined, now: number): LeaseState {
  if (lease === undefined) return { held: false };
  const holder = lease.spec?.holderIdentity ?? 'nobody known';
  const renewed = Date.parse(lease.spec?.renewTime ?? '');
  const expires = Number(lease.metadata?.labels?.[labels.expires]) * 1000;
  // One that cannot be read proves nothing.
  if (Number.isNaN(renewed) || Number.isNaN(expires))
    return { held: true, why: 'its Lease cannot be read', holder };
  if (now - renewed < staleMs)
    return { held: true, why: `its Lease was renewed ${formatMs(Math.max(0, now - renewed))} ago`, holder };
  if (now < expires)
    return {
      held: true,
      why: `something of it may run until ${new Date(expires).toISOString()}`,
      holder,
    };
  return { held: false };
}

/** What the Lease says of a run whose state lists it; a cluster that does not answer proves nothing. */
export async function leaseOf(
  connect: (kubeconfig: string) => Promise<Pick<Kube, 'get' | 'close'>>,
  run: string,
  made: MadeObject,
  now: number,
): Promise<LeaseState> {
  try {
    const kube = await connect(made.kubeconfig);
    try {
      return leaseState(await kube.get<Lease>(leaseRef(run), AbortSignal.timeout(requestMs)), now);
    } finally {
      kube.close();
    }
  } catch (error) {
    return { held: true, why: `its cluster does not tell: ${messageOf(error)}`, holder: 'nobody known' };
  }
}

/** What runs left in a cluster of which this machine has no state: it is told, and never removed. */
export async function strangers(
  kube: Pick<Kube, 'get' | 'list'>,
  known: ReadonlySet<string>,
  now: number,
  signal: AbortSignal,
): Promise<string[]> {
  const labelSelector = `${labels.managedBy}=ket,${labels.run}`;
  const namespaces = await kube.list({ apiVersion: 'v1', kind: 'Namespace', labelSelector }, signal);
  const byRun = new Map<string, string[]>();
  for (const { metadata } of namespaces) {
    const run = metadata?.labels?.[labels.run] ?? '';
    if (metadata?.deletionTimestamp !== undefined || known.has(run)) continue;
    byRun.set(run, [...(byRun.get(run) ?? []), metadata?.name ?? '']);
  }
  const found: string[] = [];
  for (const [run, names] of byRun)
    if (!leaseState(await kube.get<Lease>(leaseRef(run), signal), now).held)
      found.push(
        `run ${run}, of which this machine has no state, left ${names.join(', ')}; left alone: kubectl delete namespace ${names.join(' ')}`,
      );
  return found;
}
