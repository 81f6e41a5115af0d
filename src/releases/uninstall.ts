import fs from 'node:fs';
import type { V1StatefulSet } from '@kubernetes/client-node';
import type { Deps } from '../model/deps.ts';
import { KetError, messageOf } from '../model/errors.ts';
import type { AnyObject, Kube, ObjectRef, Wire } from '../model/kube.ts';
import type { Made } from '../model/state.ts';
import { onPath } from '../tools/find.ts';
import { helmEnv } from './helm.ts';
import { objectsIn } from './rendered.ts';

export type MadeRelease = Extract<Made, { type: 'release' }>;
type KubeForUninstall = Pick<Kube, 'delete' | 'get' | 'list'>;

export interface UninstallOptions {
  readonly kube: KubeForUninstall;
  readonly signal?: AbortSignal;
  /** Told of what stays by design. */
  readonly say: (text: string) => void;
}

const uninstallMs = 120_000;
const askMs = 30_000;
/** A claim goes when its pod has gone, a hook at once. */
const goneMs = 30_000;
const pauseMs = 300;

/**
 * Removes a release that ket installed, with what Helm leaves of it: hooks, and the claims of its StatefulSets. CRDs
 * that came with it go only when that is asked for; they, and what the chart wants kept, are told.
 */
export async function uninstallRelease(
  deps: Deps,
  made: MadeRelease,
  { kube, signal, say }: UninstallOptions,
): Promise<void> {
  const { name, namespace, kubeconfig } = made;
  const helm = isExecutable(made.helm) ? made.helm : onPath(deps.env, 'helm')[0];
  const by = `helm uninstall ${name} -n ${namespace}`;
  if (helm === undefined)
    throw new KetError('KET_STATE', `release ${namespace}/${name} needs helm to be removed`, { next: by });
  const run = (argv: readonly string[], limitMs: number): ReturnType<Deps['exec']> =>
    deps.exec({
      argv: [helm, ...argv, '--namespace', namespace, '--kubeconfig', kubeconfig],
      env: helmEnv(deps.env, kubeconfig),
      limitMs,
      ...(signal === undefined ? {} : { signal }),
    });
  // Helm's notes go with the release.
  const since = await beganAt(kube, made, signal);
  const said = async (what: string): Promise<AnyObject[]> => {
    if (since === undefined) return [];
    const result = await run(['get', what, name], askMs);
    return result.code === 0 ? objectsIn(result.stdout) : [];
  };
  const [hooks, objects] = [await said('hooks'), await said('manifest')];
  const result = await run(
    ['uninstall', name, '--ignore-not-found', '--wait', '--timeout', '90s'],
    uninstallMs,
  );
  if (result.code !== 0)
    throw new KetError('KET_STATE', `release ${namespace}/${name} could not be removed`, {
      details: result.stderr.trim().split('\n').slice(-5),
      next: by,
    });
  const kept = keptOf(result.stdout);
  if (kept.length > 0) say(`the chart of release ${name} wants kept, and so is left: ${kept.join(', ')}`);
  if (since !== undefined) {
    const claims = await claimsOf(kube, objects, namespace, signal);
    const refs = [
      ...hooks.filter((hook) => !wantsKept(hook)).map((hook) => refOf(hook, namespace)),
      ...claims,
    ];
    await removeAll(kube, deps, refs, since, signal);
  }
  await crds(kube, made, { say, ...(signal === undefined ? {} : { signal }) });
}

/** When Helm wrote its first note of the release, by the cluster's own clock: what is older is not of it. */
async function beganAt(
  kube: KubeForUninstall,
  { name, namespace }: MadeRelease,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  const labelSelector = `owner=helm,name=${name}`;
  const notes = await kube.list({ apiVersion: 'v1', kind: 'Secret', namespace, labelSelector }, signal);
  const times = notes.map(createdAt).filter((time) => !Number.isNaN(time));
  return times.length === 0 ? undefined : Math.min(...times);
}

const createdAt = ({ metadata }: AnyObject): number => Date.parse(metadata?.creationTimestamp ?? '');

const refOf = ({ apiVersion, kind, metadata }: AnyObject, namespace: string): ObjectRef => ({
  apiVersion,
  kind,
  name: metadata?.name ?? '',
  namespace: metadata?.namespace ?? namespace,
});

const wantsKept = ({ metadata }: AnyObject): boolean =>
  metadata?.annotations?.['helm.sh/resource-policy'] === 'keep';

/** The claims that the StatefulSets of a release had made: `data-db-0` of template `data` of `db`. */
async function claimsOf(
  kube: KubeForUninstall,
  objects: readonly AnyObject[],
  namespace: string,
  signal: AbortSignal | undefined,
): Promise<ObjectRef[]> {
  const sets = objects.filter(({ kind }) => kind === 'StatefulSet') as unknown as Wire<V1StatefulSet>[];
  const forms = sets.flatMap(({ metadata, spec }) =>
    (spec?.volumeClaimTemplates ?? []).map(
      (claim) => `${claim.metadata?.name ?? ''}-${metadata?.name ?? ''}`,
    ),
  );
  if (forms.length === 0) return [];
  const kind = 'PersistentVolumeClaim';
  const there = await kube.list({ apiVersion: 'v1', kind, namespace }, signal);
  return there
    .filter(({ metadata }) => forms.includes((metadata?.name ?? '').replace(/-\d+$/, '')))
    .map((claim) => refOf({ ...claim, apiVersion: 'v1', kind }, namespace));
}

/** Removes those that are not older than the release, and waits until they are gone. */
async function removeAll(
  kube: KubeForUninstall,
  deps: Pick<Deps, 'clock'>,
  refs: readonly ObjectRef[],
  since: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const faults: string[] = [];
  const going: ObjectRef[] = [];
  for (const ref of refs) {
    try {
      const object = await kube.get(ref, signal);
      if (object === undefined || createdAt(object) < since) continue;
      await kube.delete(ref, {}, signal);
      going.push(ref);
    } catch (error) {
      signal?.throwIfAborted();
      faults.push(`${textOf(ref)}: ${messageOf(error)}`);
    }
  }
  const until = deps.clock.monotonic() + goneMs;
  for (const ref of going)
    while ((await kube.get(ref, signal)) !== undefined) {
      if (deps.clock.monotonic() >= until) {
        faults.push(`${textOf(ref)}: not gone within ${String(goneMs / 1000)} s`);
        break;
      }
      await deps.clock.sleep(pauseMs, signal);
    }
  if (faults.length > 0)
    throw new KetError(
      'KET_STATE',
      `what Helm leaves of a release could not be removed: ${faults.join('; ')}`,
      {
        next: 'kubectl delete them',
      },
    );
}

const textOf = ({ kind, namespace, name }: ObjectRef): string => `${kind} ${namespace ?? ''}/${name}`;

/** `[ConfigMap] settings` below the line that says why. */
export function keptOf(stdout: string): string[] {
  const lines = stdout.split('\n');
  const at = lines.findIndex((line) => /kept due to the resource policy/i.test(line));
  return at < 0
    ? []
    : lines.slice(at + 1).flatMap((line) => /^\[(\w+)\] (\S+)$/.exec(line)?.slice(1).join(' ') ?? []);
}

/** CRDs that were not there before the release: all objects of their kinds go with them, so somebody must ask for it. */
async function crds(
  kube: KubeForUninstall,
  { name, crds: ours = [], removeCrds }: MadeRelease,
  { say, signal }: Omit<UninstallOptions, 'kube'>,
): Promise<void> {
  const there: string[] = [];
  for (const crd of ours) {
    const ref = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name: crd };
    if ((await kube.get(ref, signal)) === undefined) continue;
    if (removeCrds === true) await kube.delete(ref, {}, signal);
    else there.push(crd);
  }
  if (there.length > 0)
    say(
      `Helm leaves the CRDs that release ${name} made: ${there.join(', ')}; \`removeCRDs: true\` removes them, or kubectl delete crd ${there.join(' ')}`,
    );
}

function isExecutable(file: string | undefined): file is string {
  if (file === undefined) return false;
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
