import type { Kube } from '../model/kube.ts';
import type { SuitePlan } from '../model/plan.ts';
import type { AttemptResult } from './verdict/attempt-result.ts';

/** What matters here of a NetworkPolicy; client-node calls its `from` by another name than the wire does. */
interface Policy {
  readonly metadata?: { readonly namespace?: string; readonly name?: string };
  readonly spec?: {
    readonly policyTypes?: readonly string[];
    readonly ingress?: readonly { readonly from?: readonly Peer[] }[];
  };
}
interface Peer {
  readonly namespaceSelector?: object;
  readonly ipBlock?: object;
}

const refusedWords =
  /connection (refused|timed out|reset)|ECONNREFUSED|ETIMEDOUT|ECONNRESET|i\/o timeout|no route to host|connect timeout/i;

/** A policy that lets in pods of its own namespace only: a suite in another one is refused. */
function admitsOwnNamespaceOnly({ spec }: Policy): boolean {
  const types = spec?.policyTypes ?? ['Ingress'];
  if (!types.includes('Ingress')) return false;
  const peers = (spec?.ingress ?? []).map((rule) => rule.from ?? []);
  // A rule without peers lets everybody in.
  return peers.every(
    (from) =>
      from.length > 0 &&
      from.every((peer) => peer.namespaceSelector === undefined && peer.ipBlock === undefined),
  );
}

/**
 * For a suite in a namespace of its own that failed and speaks of refused connections: the policies of its releases
 * that refuse it. Undefined where nothing points to that.
 */
export async function whyRefusedConnections(
  suite: SuitePlan,
  releases: readonly string[],
  { verdict, lastLines, results }: AttemptResult,
  kube: Pick<Kube, 'list'>,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (verdict.outcome !== 'failed' || suite.placement !== 'own' || releases.length === 0) return undefined;
  const words = [
    ...lastLines,
    ...results.cases.map((found) => `${found.message ?? ''}\n${found.detail ?? ''}`),
  ];
  if (!words.some((text) => refusedWords.test(text))) return undefined;
  const lists = await Promise.all(
    releases.map((namespace) =>
      kube.list<Policy>({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', namespace }, signal),
    ),
  );
  const names = lists
    .flat()
    .filter(admitsOwnNamespaceOnly)
    .map(({ metadata }) => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`);
  if (names.length === 0) return undefined;
  const which = `NetworkPolicy ${names.join(', ')}`;
  return `${suite.name} met refused connections, and ${which} lets in pods of its own namespace only: \`placement: release\` runs the suite there`;
}
