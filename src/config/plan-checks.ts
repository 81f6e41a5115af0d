import path from 'node:path';
import type { AuthorityPlan, CheckLook, CheckPlan, TlsPlan, WhoPlan } from '../model/plan.ts';
import { msOf as ms } from './duration.ts';
import { endpointOf, isHttps, urlOf, workloadOf } from './endpoints.ts';
import { isReference, parse } from './release-objects.ts';
import type { CheckConfig, SuiteConfig, TierConfig } from './schema.ts';

/** The releases that a check is about: the one that it names, else the only one; all of them for `network` and `alone`. */
export function releasesOf(check: CheckConfig, tier: TierConfig): readonly string[] {
  if (check.release !== undefined) return [check.release];
  const all = tier.releases.map((release) => release.name);
  return check.network === true || check.alone === true || all.length === 1 ? all : [];
}

/** The checks of a tier, whose fields were compared before. */
export function checksOf(tier: TierConfig, root: string): readonly CheckPlan[] {
  const namespaceOf = new Map(tier.releases.map(({ name, namespace }) => [name, namespace ?? name]));
  return tier.checks.map((check): CheckPlan => {
    const releases = releasesOf(check, tier);
    const namespaces = [...new Set(releases.map((name) => namespaceOf.get(name) ?? name))];
    return {
      name: check.name,
      releases,
      namespaces,
      look: lookOf(check, namespaces[0] ?? 'default', (ca) => authorityOf(ca, root, namespaceOf)),
      limitMs: ms(check.limit),
      totalMs: ms(check.timeout),
      ...(isDuring(check) ? { during: true } : {}),
    };
  });
}

/** What costs little, unless it is said otherwise. */
const isDuring = ({ http, tcp, grpc, workload, during = true }: CheckConfig): boolean =>
  during && [http, tcp, grpc, workload].some((kind) => kind !== undefined);

/** A file beside ket.yaml, or a key of an object of a release. */
function authorityOf(ca: string, root: string, namespaceOf: ReadonlyMap<string, string>): AuthorityPlan {
  if (!isReference(ca)) return { file: path.resolve(root, ca) };
  const { kind, release, name, key = 'ca.crt' } = parse(ca);
  return { kind, namespace: namespaceOf.get(release) ?? release, name, key };
}

function lookOf(check: CheckConfig, namespace: string, authority: (ca: string) => AuthorityPlan): CheckLook {
  const { http, grpc, tcp, exec, workload, job, policy } = check;
  const tls: { tls: TlsPlan } = {
    tls: {
      ...(check.ca === undefined ? {} : { ca: authority(check.ca) }),
      insecure: check.insecure ?? false,
    },
  };
  if (http !== undefined)
    return {
      kind: 'http',
      ...urlOf(http),
      status: check.status ?? 200,
      ...(check.body === undefined ? {} : { body: check.body }),
      ...(isHttps(http) ? tls : {}),
    };
  if (grpc !== undefined)
    return {
      kind: 'grpc',
      ...endpointOf(grpc),
      service: check.service ?? '',
      ...(check.tls === true ? tls : {}),
    };
  if (tcp !== undefined) return { kind: 'tcp', ...endpointOf(tcp) };
  if (exec !== undefined && check.command !== undefined)
    return {
      kind: 'exec',
      workload: workloadOf(exec),
      ...(check.container === undefined ? {} : { container: check.container }),
      command: check.command,
    };
  if (workload !== undefined) return { kind: 'workload', workload: workloadOf(workload) };
  if (job !== undefined) return { kind: 'job', job };
  if (policy !== undefined) {
    const who = (one: CheckConfig['allow'][number]): WhoPlan => ({
      labels: one.labels,
      namespace: one.namespace ?? namespace,
    });
    return { kind: 'policy', ...endpointOf(policy), allow: check.allow.map(who), deny: check.deny.map(who) };
  }
  if (check.alone === true) return { kind: 'alone', besides: check.besides };
  if (check.network === true) return { kind: 'network' };
  throw new Error(`the checks of ket.yaml let check ${check.name} pass, which looks at nothing`);
}

/** Those that the suite lists; else all that are about a release that it needs, or about none. */
export function requiredChecks(suite: SuiteConfig, tier: TierConfig): readonly string[] {
  if (suite.requires.checks !== undefined) return suite.requires.checks;
  const needs = suite.needs ?? tier.releases.map((release) => release.name);
  return tier.checks.flatMap((check) => {
    const releases = releasesOf(check, tier);
    return releases.length === 0 || releases.some((name) => needs.includes(name)) ? [check.name] : [];
  });
}
