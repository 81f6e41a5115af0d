import { rights, type Right } from '../kube/rights.ts';
import type { CheckPlan, Plan } from '../model/plan.ts';
import { placesOf } from './places.ts';
import { namespaceOf } from './pods.ts';

const exec = ['get', 'create'];
const fromPod: readonly string[] = ['http', 'tcp', 'grpc', 'network', 'policy'];

/** Rights that checks need, known before anything is made. */
export function checkRights(
  checks: readonly CheckPlan[],
  plan: Pick<Plan, 'suites' | 'releases'>,
  runId: string,
): Right[] {
  const looks = checks.map(({ look }) => look.kind);
  const seeking = checks.filter(({ look }) => fromPod.includes(look.kind));
  const places = new Set(
    seeking.flatMap((check) => placesOf(check, plan)).filter((place) => place !== undefined),
  );
  const own = namespaceOf(runId);
  return [
    ...[...places].flatMap(podRights),
    ...(seeking.length > 0
      ? [...podRights(own), ...rights(['get', 'create', 'delete'], '', ['namespaces'])]
      : []),
    ...(looks.includes('policy') ? rights(['create'], 'networking.k8s.io', ['networkpolicies'], own) : []),
    ...checks.flatMap((check) => check.namespaces.flatMap((namespace) => rightsIn(check, namespace))),
    ...checks.flatMap(({ look }) =>
      look.kind === 'policy' ? [...look.allow, ...look.deny].flatMap((who) => podRights(who.namespace)) : [],
    ),
  ];
}

/** For pods of ket's, and the ConfigMap that brings them their program. */
const podRights = (namespace: string): Right[] => [
  ...rights(['create', 'delete', 'list', 'watch'], '', ['pods'], namespace),
  ...rights(exec, '', ['pods/exec'], namespace),
  ...rights(['create', 'delete'], '', ['configmaps'], namespace),
];

function rightsIn({ look }: CheckPlan, namespace: string): Right[] {
  switch (look.kind) {
    case 'exec':
      return [
        ...rights(['get'], 'apps', ['deployments', 'statefulsets', 'daemonsets'], namespace),
        ...rights(['list'], '', ['pods'], namespace),
        ...rights(exec, '', ['pods/exec'], namespace),
      ];
    case 'workload':
      return rights(['get'], 'apps', ['deployments', 'statefulsets', 'daemonsets'], namespace);
    case 'job':
      return rights(['get'], 'batch', ['jobs'], namespace);
    case 'alone':
      return [
        ...rights(['list'], '', ['pods'], namespace),
        ...rights(['list'], 'apps', ['replicasets', 'deployments', 'statefulsets', 'daemonsets'], namespace),
        ...rights(['list'], 'batch', ['jobs', 'cronjobs'], namespace),
      ];
    case 'network':
      return rights(['list'], '', ['services', 'pods'], namespace);
    case 'http':
    case 'grpc':
    case 'tcp':
    case 'policy':
      return [];
  }
}
