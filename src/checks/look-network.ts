import type { V1Pod } from '@kubernetes/client-node';
import type { Kube, Wire } from '../model/kube.ts';
import { isOfRelease } from '../releases/workloads.ts';
import { ask } from './ask.ts';
import { faultText, judge } from './judge.ts';
import type { Look } from './look.ts';
import { tryMs } from './look-simple.ts';
import { acrossNodes, reuseQuestion, serviceQuestions, withoutPods, type Service } from './network.ts';
import { port } from './pods.ts';
import type { Question } from './question.ts';
import { standingText, type Standing } from './running.ts';

export interface NetworkLook {
  readonly kube: Kube;
  /** In ket's own namespace, one on every node. */
  readonly pods: readonly Standing[];
  /** On every node, in each place where suites run: from there services are looked at. */
  readonly seekers: readonly Standing[];
  readonly namespaces: readonly string[];
  /** As Helm calls them. */
  readonly releases: readonly string[];
  readonly domain: string;
  /** Different for each check of the run. */
  readonly word: string;
}

/**
 * `network: true`: services, pods of other nodes and connections that stay open, from every node at once. Services are
 * looked at from where suites run; the rest between pods of ket's own, which no policy of a release concerns.
 */
export function lookAtNetwork({
  kube,
  pods,
  seekers,
  namespaces,
  releases,
  domain,
  word,
}: NetworkLook): Look {
  const answering = pods.map(({ pod, node, address }) => ({ pod, node, address, port }));
  let tries = 0;
  return async (signal) => {
    tries += 1;
    const [services, backends] = await Promise.all([
      inAll<Service>(kube, 'Service', namespaces, signal),
      inAll<Wire<V1Pod>>(kube, 'Pod', namespaces, signal),
    ]);
    const own = services.filter((service) => releases.some((name) => isOfRelease(service, name)));
    const dead = withoutPods(own, backends);
    const living = own.filter(
      ({ metadata }) => !dead.includes(`${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`),
    );
    const ofPods = pods.map((from, index): Asking => {
      // To the next one, which is on another node where there are several.
      const server = answering[(index + 1) % answering.length];
      const questions = [
        ...acrossNodes(from.node, answering),
        // Each look and each pod has a count of its own.
        ...(server === undefined ? [] : [reuseQuestion(`${word}-${String(tries)}-${String(index)}`, server)]),
      ];
      return { from, questions };
    });
    const ofServices = seekers.map((from): Asking => ({ from, questions: serviceQuestions(living, domain) }));
    const looked = await Promise.all(
      [...ofServices, ...ofPods].map(async ({ from, questions }) => {
        const answers = await ask(kube, from, questions, tryMs, signal);
        return questions.flatMap((question, at) => {
          const answer = answers[at];
          const fault = answer === undefined ? undefined : judge(question, answer);
          return fault === undefined
            ? []
            : [{ text: faultText(standingText(from), fault), service: question.service }];
        });
      }),
    );
    const faults = looked.flat();
    return {
      faults: [...dead.map((name) => `Service ${name} has no ready pod`), ...faults.map(({ text }) => text)],
      services: [...new Set([...dead, ...faults.flatMap(({ service }) => service ?? [])])],
      notes: [
        ...(pods.length > 1
          ? []
          : ['the cluster has one node for pods, so that none on another could be tried']),
        ...(own.length > 0 ? [] : ['the releases have no Service']),
      ],
    };
  };
}

interface Asking {
  readonly from: Standing;
  readonly questions: readonly Question[];
}

const inAll = async <T>(
  kube: Kube,
  kind: string,
  namespaces: readonly string[],
  signal: AbortSignal,
): Promise<T[]> =>
  (
    await Promise.all(
      namespaces.map((namespace) => kube.list<T>({ apiVersion: 'v1', kind, namespace }, signal)),
    )
  ).flat();
