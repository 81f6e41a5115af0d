import { resourceOf } from '../kube/paths.ts';
import { rights, type Right } from '../kube/rights.ts';
import type { AnyObject } from '../model/kube.ts';
import type { Plan, SuitePlan } from '../model/plan.ts';
import { namespaceFor, objectsFor, readRules } from './job/objects.ts';
import { priorityClassFor } from './job/priority-class.ts';
import { shownCopies } from './job/reference-copies.ts';
import { attemptName } from './names.ts';

/** Rights that the suites of a run need in a cluster, known before anything is made. */

/** For the room on the nodes, and for what becomes of pods. */
export const sharedRights = (): Right[] => [
  ...rights(['list', 'watch'], '', ['nodes', 'pods', 'events']),
  ...rights(['get', 'list', 'create', 'delete'], '', ['namespaces']),
  ...rights(['get'], '', ['services'], 'kube-system'),
];

/** For the objects of its attempts, for its pod, and for what it takes of releases. */
export function suiteRights(plan: Plan, suite: SuitePlan, runId: string): Right[] {
  const id = { run: runId, suite: suite.name, attempt: 1 };
  const places = new Map(plan.releases.map((release) => [release.name, release.namespace]));
  const needed = suite.needs.map((name) => places.get(name) ?? name);
  const own = suite.placement === 'own';
  const namespace = own ? attemptName(id) : (needed[0] ?? attemptName(id));
  const contents = {
    ketRun: Buffer.alloc(0),
    secrets: new Map<string, string>(),
    authorities: undefined,
    durations: new Map<string, number>(),
  };
  const objects = [
    ...(own ? namespaceFor(id, suite, plan.namespace, 0) : []),
    ...priorityClassFor(id, suite),
    ...objectsFor(id, suite, namespace, needed, contents),
    ...shownCopies(suite, id, namespace),
    { apiVersion: 'batch/v1', kind: 'Job', metadata: { namespace } },
  ];
  return [
    ...objects.flatMap(made),
    ...rights(['get', 'list', 'delete'], '', ['pods'], namespace),
    ...rights(['get'], '', ['pods/log'], namespace),
    // Whether an exec is the one or the other to RBAC depends on its transport, and on the version.
    ...rights(['get', 'create'], '', ['pods/exec'], namespace),
    ...rights(['get', 'list'], 'batch', ['jobs'], namespace),
    ...needed.flatMap((release) => rights(['list'], '', ['services'], release)),
    ...suite.references.flatMap(({ release, kind }) =>
      rights(
        ['get', 'list'],
        '',
        [kind === 'Secret' ? 'secrets' : 'configmaps'],
        places.get(release) ?? release,
      ),
    ),
    ...(suite.api === 'none' ? [] : [namespace, ...needed].flatMap(handedOn)),
  ];
}

function made({ apiVersion, kind, metadata }: AnyObject): Right[] {
  const found = resourceOf(apiVersion, kind);
  if (found === undefined) return [];
  const where = found.namespaced ? metadata?.namespace : undefined;
  return rights(['get', 'create', 'delete'], found.group, [found.resource], where);
}

/** The API server lets ket give a suite nothing that ket has not. */
const handedOn = (namespace: string): Right[] =>
  readRules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      rights(verbs, group, resources, namespace).map((right) => ({ ...right, handedOn: true as const })),
    ),
  );
