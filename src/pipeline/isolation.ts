import type { SharedRelease } from '../model/events.ts';
import type { CheckLook, CheckPlan, Plan, ReleasePlan, SuitePlan } from '../model/plan.ts';
import { withDependencies } from '../model/dependencies.ts';
import { shorten } from '../suites/names.ts';

const runs = (suite: SuitePlan): boolean => suite.lacks.length === 0;
const hasItsOwn = (suite: SuitePlan): boolean => suite.isolation === 'release';

/**
 * The plan with a copy of each release for each suite that is isolated from others by `isolation: release`, in a
 * namespace that no other run has. A release that only such suites need is not there itself, unless one depends on it
 * that is: what a suite does not need is not copied for it. Pure.
 */
export function withCopies(plan: Plan, runId: string): Plan {
  const isolated = plan.suites.filter((suite) => hasItsOwn(suite) && runs(suite));
  const copies = isolated.flatMap((suite) =>
    plan.releases
      .filter(({ name }) => suite.needs.includes(name))
      .map((release): ReleasePlan => ({
        ...release,
        name: copyName(release.name, suite),
        namespace: copyNamespace(release.namespace, suite, runId),
        copyOf: { release: release.name, suite: suite.name },
        dependsOn: release.dependsOn.map((name) =>
          suite.needs.includes(name) ? copyName(name, suite) : name,
        ),
      })),
  );
  const isNeeded = ({ name }: ReleasePlan): boolean => {
    const needed = plan.suites.filter(({ needs }) => needs.includes(name));
    return !needed.some(hasItsOwn) || needed.some((suite) => !hasItsOwn(suite) && runs(suite));
  };
  const copied = (check: CheckPlan, suite: SuitePlan): boolean =>
    check.releases.some((name) => suite.needs.includes(name));
  const suites = plan.suites.map((suite) => {
    if (!isolated.includes(suite)) return suite;
    const ofCopies = plan.checks.filter((check) => copied(check, suite)).map((check) => check.name);
    return {
      ...suite,
      checks: suite.checks.map((name) => (ofCopies.includes(name) ? copyName(name, suite) : name)),
      needs: suite.needs.map((name) => copyName(name, suite)),
      ...(suite.helmTest === undefined ? {} : { helmTest: copyName(suite.helmTest, suite) }),
      references: suite.references.map((one) => ({ ...one, release: copyName(one.release, suite) })),
    };
  });
  const checks = isolated.flatMap((suite) =>
    plan.checks
      .filter((check) => suite.checks.includes(check.name) && copied(check, suite))
      .map((check) => checkOf(check, suite, plan, runId)),
  );
  const all = [...plan.releases, ...copies];
  const wanted = [...plan.releases.filter(isNeeded), ...copies].map(({ name }) => name);
  const there = withDependencies(wanted, all);
  return {
    ...plan,
    releases: all.filter(({ name }) => there.includes(name)),
    checks: [
      ...withThese(
        plan,
        plan.releases.filter(({ name }) => there.includes(name)),
      ),
      ...checks,
    ],
    suites,
  };
}

/** The check as it is about the copies of a suite, of the releases that this one has. */
function checkOf(check: CheckPlan, suite: SuitePlan, plan: Plan, runId: string): CheckPlan {
  const releases = plan.releases.filter(
    ({ name }) => check.releases.includes(name) && suite.needs.includes(name),
  );
  const moved = new Map(
    releases.map(({ namespace }) => [namespace, copyNamespace(namespace, suite, runId)] as const),
  );
  const { look } = check;
  const move = <T extends { readonly namespace: string }>(one: T): T => ({
    ...one,
    namespace: moved.get(one.namespace) ?? one.namespace,
  });
  return {
    ...check,
    name: copyName(check.name, suite),
    releases: releases.map(({ name }) => copyName(name, suite)),
    namespaces: [...moved.values()],
    look: movedLook(look, move),
  };
}

type Move = <T extends { readonly namespace: string }>(one: T) => T;

function movedLook(look: CheckLook, move: Move): CheckLook {
  if (look.kind === 'policy') return { ...look, allow: look.allow.map(move), deny: look.deny.map(move) };
  if ((look.kind !== 'http' && look.kind !== 'grpc') || look.tls?.ca === undefined) return look;
  const { ca } = look.tls;
  return 'file' in ca ? look : { ...look, tls: { ...look.tls, ca: move(ca) } };
}

/** The checks as far as they are about releases that are there, or about none at all. */
function withThese(plan: Plan, releases: readonly ReleasePlan[]): CheckPlan[] {
  return plan.checks.flatMap((check) => {
    const own = releases.filter(({ name }) => check.releases.includes(name));
    if (check.releases.length > 0 && own.length === 0) return [];
    if (own.length === check.releases.length) return [check];
    const namespaces = [...new Set(own.map(({ namespace }) => namespace))];
    return [{ ...check, releases: own.map(({ name }) => name), namespaces }];
  });
}

/** No release in ket.yaml can be called so. */
const copyName = (release: string, suite: SuitePlan): string => `${release}@${suite.name}`;

/** The run's id stands between, so that different pairs of names never come to the same. */
const copyNamespace = (namespace: string, suite: SuitePlan, runId: string): string =>
  shorten(`${namespace}-${runId}-${suite.name}`, 63);

/** The plan without copies, for a cluster that stays. */
export const withoutCopies = (plan: Plan): Plan => ({
  ...plan,
  releases: plan.releases.filter(({ copyOf }) => copyOf === undefined),
});

/**
 * The releases whose data several suites share: those with a set-up of their own look after themselves. Absent where
 * there are none.
 */
export function sharesOf({ suites, releases }: Plan): { readonly shares?: readonly SharedRelease[] } {
  const shares = releases.flatMap(({ name, copyOf }) => {
    if (copyOf !== undefined) return [];
    const sharing = suites.filter((suite) => runs(suite) && suite.setup === undefined);
    const names = sharing.filter(({ needs }) => needs.includes(name)).map((suite) => suite.name);
    return names.length > 1 ? [{ release: name, suites: names }] : [];
  });
  return shares.length === 0 ? {} : { shares };
}
