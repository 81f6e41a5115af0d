import type { V1Job } from '@kubernetes/client-node';
import type { Kube, Wire } from '../model/kube.ts';
import type { CheckLook, CheckPlan, WorkloadName } from '../model/plan.ts';
import { podsOf } from '../releases/collect.ts';
import { podName } from '../releases/pod-state.ts';
import { workloadLack } from '../releases/workloads.ts';
import { ask } from './ask.ts';
import { faultText, judge } from './judge.ts';
import type { Look } from './look.ts';
import type { Question } from './question.ts';
import { misdirected } from './service-port.ts';
import { standingText, type Standing } from './running.ts';

/** Looks at one thing. */

type LookOf<Kind extends CheckLook['kind']> = Extract<CheckLook, { kind: Kind }>;

/** For one try; the whole limit is for all tries. */
export const tryMs = 5000;

/** `shop-db` and `shop-db.shop` as `shop/shop-db`; undefined for what is no Service of the namespaces. */
export function serviceOf(host: string, namespaces: readonly string[]): string | undefined {
  const [name = '', namespace = namespaces[0], kind] = host.split('.');
  if (namespace === undefined || (kind !== undefined && kind !== 'svc')) return undefined;
  return `${namespace}/${name}`;
}

/** An address, from a pod of each place. */
export function lookAtAddress(
  kube: Kube,
  seekers: readonly Standing[],
  look: LookOf<'http'> | LookOf<'tcp'>,
  { namespaces, limitMs }: CheckPlan,
): Look {
  const { host, port } = look;
  const service = serviceOf(host, namespaces);
  const of = service === undefined ? {} : { service };
  const question: Question =
    look.kind === 'tcp'
      ? { probe: { kind: 'tcp', host, port }, to: `${host}:${port}`, expects: { kind: 'connection' }, ...of }
      : {
          probe: { kind: 'http', host, port, path: look.path },
          to: `http://${host}:${port}${look.path}`,
          expects: {
            kind: 'status',
            status: look.status,
            ...(look.body === undefined ? {} : { body: look.body }),
          },
          ...of,
        };
  return async (signal) => {
    const why = await misdirected(kube, service, port, signal);
    const asked = why === undefined ? question : { ...question, misdirected: why };
    const looked = await Promise.all(
      seekers.map(async (from) => {
        const [answer] = await ask(kube, from, [asked], Math.min(tryMs, limitMs), signal);
        const fault = answer === undefined ? undefined : judge(asked, answer);
        return fault === undefined ? [] : [faultText(standingText(from), fault)];
      }),
    );
    const faults = looked.flat();
    return { faults, ...(service === undefined || faults.length === 0 ? {} : { services: [service] }) };
  };
}

const textOf = ({ kind, name }: WorkloadName): string => `${kind} ${name}`;

/** A command in a ready pod of a workload. */
export const lookByCommand =
  (kube: Kube, { workload, container, command }: LookOf<'exec'>, { namespaces, limitMs }: CheckPlan): Look =>
  async (signal) => {
    const [namespace = 'default'] = namespaces;
    const from = `${workload.kind.toLowerCase()}/${workload.name}`;
    const [pod] = await podsOf(kube, namespace, from, signal);
    if (pod === undefined)
      return { faults: [`${textOf(workload)} in namespace ${namespace}: no pod of it is ready`] };
    const argv = typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
    let said = '';
    const keep = (chunk: Buffer): void => {
      said = (said + chunk.toString('utf8')).slice(-1000);
    };
    const { exitCode } = await kube.exec({
      ...{ namespace, pod: podName(pod), container: container ?? pod.spec?.containers[0]?.name ?? '' },
      ...{ argv, onStdout: keep, onStderr: keep, idleMs: limitMs },
      signal: AbortSignal.any([signal, AbortSignal.timeout(limitMs)]),
    });
    if (exitCode === 0) return { faults: [] };
    const lines = said.trim().split('\n').slice(-3).join(' / ');
    return {
      faults: [
        `${argv.join(' ').slice(0, 200)} in pod ${podName(pod)}: expected exit code 0, seen: ${String(exitCode)}${lines === '' ? '' : `: ${lines}`}`,
      ],
    };
  };

/** A workload with as many ready pods as it wants. */
export const lookAtWorkload =
  (kube: Kube, { workload }: LookOf<'workload'>, { namespaces }: CheckPlan): Look =>
  async (signal) => {
    const [namespace = 'default'] = namespaces;
    const { kind, name } = workload;
    const object = await kube.get({ apiVersion: 'apps/v1', kind, namespace, name }, signal);
    if (object === undefined)
      return { faults: [`there is no ${textOf(workload)} in namespace ${namespace}`] };
    const lack = workloadLack(kind, object);
    return { faults: lack === undefined ? [] : [lack] };
  };

/** A Job that is complete; one that failed stays so. */
export const lookAtJob =
  (kube: Kube, { job }: LookOf<'job'>, { namespaces }: CheckPlan): Look =>
  async (signal) => {
    const [namespace = 'default'] = namespaces;
    const ref = { apiVersion: 'batch/v1', kind: 'Job', namespace, name: job };
    const there = await kube.get<Wire<V1Job>>(ref, signal);
    if (there === undefined) return { faults: [`there is no Job ${job} in namespace ${namespace}`] };
    const has = (type: string): { readonly reason?: string; readonly message?: string } | undefined =>
      there.status?.conditions?.find((one) => one.type === type && one.status === 'True');
    if (has('Complete') !== undefined) return { faults: [] };
    const failed = has('Failed');
    if (failed === undefined) return { faults: [`Job ${job}: not complete`] };
    const why = failed.message ?? failed.reason ?? 'no reason given';
    return { faults: [`Job ${job} failed: ${why}`], final: true };
  };
