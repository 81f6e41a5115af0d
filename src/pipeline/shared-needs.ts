import { checkRights } from '../checks/rights.ts';
import type { SharedNeeds } from '../cluster/shared.ts';
import { rights, type Right } from '../kube/rights.ts';
import { KetError } from '../model/errors.ts';
import type { AnyObject, Kube } from '../model/kube.ts';
import type { Plan, ReleasePlan } from '../model/plan.ts';
import type { RunContext, Tools } from '../model/run.ts';
import type { Task, TaskContext } from '../model/task.ts';
import { helmName } from '../releases/helm.ts';
import type { Prepared } from '../releases/prepare-task.ts';
import { renderRelease, type Capabilities } from '../releases/rendered.ts';
import { installRights, kindsOf, watchRights } from '../releases/rights.ts';
import { lacksSomething } from '../suites/lacking.ts';
import { sharedRights, suiteRights } from '../suites/rights.ts';
import { leaseName, longestMs, strangers, takeLease } from './lease.ts';

export interface SharedOptions {
  readonly run: RunContext;
  readonly plan: Plan;
  readonly checks: Plan['checks'];
  readonly checksOnly: boolean;
  readonly tools: Task<Tools>;
  readonly prepared: Prepared;
  /** Runs of which this machine has a state. */
  readonly knownRuns: () => ReadonlySet<string>;
}

/** What a run does in a cluster that others use too, and what must not be there already. */
export function sharedNeeds(options: SharedOptions): SharedNeeds {
  const { run, plan, checks, checksOnly } = options;
  const missing = new Set<string>();
  return {
    after: options.prepared.tasks,
    isOwn: (namespace) => namespace.startsWith(leaseName(run.runId)) || missing.has(namespace),
    async rights(kube, context) {
      for (const { namespace, installed } of plan.releases)
        if (installed !== true && !(await isThere(kube, namespace, context.signal))) missing.add(namespace);
      const suites = checksOnly ? [] : plan.suites.filter((suite) => !lacksSomething(suite));
      return [
        ...planRights({ ...plan, suites, checks }, run.runId),
        ...(await chartRights(kube, options, context)),
      ];
    },
    async look({ kube, kubeconfig, name }, context) {
      const { signal, deps } = context;
      for (const release of plan.releases)
        if (release.installed !== true && release.copyOf === undefined)
          await refuseTaken(kube, release, name, signal);
      const left = await strangers(kube, options.knownRuns(), deps.clock.now(), signal);
      for (const text of left) context.emit({ type: 'notice', level: 'warning', text });
      await takeLease({
        ...{ kube, kubeconfig, runId: run.runId, state: run.state, longestMs: longestMs(plan), signal },
        now: () => deps.clock.now(),
      });
    },
  };
}

/** What a plan needs in such a cluster, but for what its own releases are made of. Pure. */
export const planRights = (plan: Plan, runId: string): Right[] => [
  ...sharedRights(),
  ...rights(['get', 'create', 'patch'], 'coordination.k8s.io', ['leases'], leaseName(runId)),
  ...plan.releases.flatMap(watchRights),
  ...checkRights(plan.checks, plan, runId),
  ...plan.suites.flatMap((suite) => suiteRights(plan, suite, runId)),
];

/** A user who may not see namespaces is told so with all that he may not. */
async function isThere(kube: Kube, name: string, signal: AbortSignal): Promise<boolean> {
  try {
    return (await kube.get({ apiVersion: 'v1', kind: 'Namespace', name }, signal)) !== undefined;
  } catch {
    signal.throwIfAborted();
    return true;
  }
}

async function chartRights(
  kube: Kube,
  { run, plan, tools, prepared }: SharedOptions,
  context: TaskContext,
): Promise<Right[]> {
  const own = plan.releases.filter(({ installed }) => installed !== true);
  if (own.length === 0) return [];
  const { helm } = context.output(tools);
  if (helm === undefined)
    throw new KetError('KET_INTERNAL', 'no helm among the tools of a plan with releases');
  const deps = { ...context.deps, env: run.env };
  const capabilities = await capabilitiesOf(kube, context.signal);
  const rendered = await Promise.all(
    own.map(async (release) => {
      const ready = prepared.byName.get(release.name);
      if (ready === undefined) throw new KetError('KET_INTERNAL', `nothing prepares ${release.name}`);
      const { chart } = context.output(ready);
      return renderRelease(deps, helm, { release, chart }, capabilities, context.signal);
    }),
  );
  const kindOf = await kindsOf(kube, rendered.flat(), context.signal);
  return own.flatMap((release, index) => [
    ...installRights(release, rendered[index] ?? [], kindOf),
    ...crdRights(release, rendered[index] ?? []),
  ]);
}

/** Whether its CRDs are there already is looked up before it is installed. */
const crdRights = ({ removeCrds }: ReleasePlan, objects: readonly AnyObject[]): Right[] =>
  objects.some(({ kind }) => kind === 'CustomResourceDefinition')
    ? rights(removeCrds === true ? ['get', 'delete'] : ['get'], 'apiextensions.k8s.io', [
        'customresourcedefinitions',
      ])
    : [];

async function capabilitiesOf(kube: Kube, signal: AbortSignal): Promise<Capabilities> {
  const { gitVersion = '' } = JSON.parse(await kube.text('/version', signal)) as { gitVersion?: string };
  const { groups = [] } = JSON.parse(await kube.text('/apis', signal)) as {
    groups?: { versions: { groupVersion: string }[] }[];
  };
  return {
    kubeVersion: gitVersion,
    apiVersions: ['v1', ...groups.flatMap(({ versions }) => versions.map((one) => one.groupVersion))],
  };
}

/** An upgrade would change what is somebody else's. */
async function refuseTaken(
  kube: Kube,
  release: ReleasePlan,
  cluster: string,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, name } = release;
  const labelSelector = `owner=helm,name=${helmName(release)}`;
  const notes = await kube.list({ apiVersion: 'v1', kind: 'Secret', namespace, labelSelector }, signal);
  if (notes.length === 0) return;
  throw new KetError(
    'KET_RELEASE',
    `release ${name} is in namespace ${namespace} of cluster ${cluster} already, and is not of this run`,
    {
      where: `namespace ${namespace}`,
      next: `write \`installed: true\` to test it as it is, or give the release of the run a namespace of its own`,
    },
  );
}
