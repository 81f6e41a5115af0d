import { isHttps } from './endpoints.ts';
import { valueAt, whereOf } from './issues.ts';
import { nearest } from './problems.ts';
import { isReference, parse } from './release-objects.ts';
import { checkKinds, type CheckConfig, type TierConfig } from './schema.ts';
import type { ProblemMore, Source } from './source.ts';

/** The fields of checks against each other, and the checks that suites name. */

type Path = readonly (string | number)[];

interface Scope {
  readonly tier: TierConfig;
  readonly at: Path;
  readonly source: Source;
  readonly add: (at: Path, message: string, more?: ProblemMore) => void;
}

/** What goes with one kind only. */
const belongsTo = {
  status: 'http',
  body: 'http',
  service: 'grpc',
  tls: 'grpc',
  command: 'exec',
  container: 'exec',
  allow: 'policy',
  deny: 'policy',
  besides: 'alone',
} as const;

export function checkProblems(scope: Scope): void {
  const { tier, at } = scope;
  // Without a cluster it is said of all of them at once.
  const checks = tier.cluster === undefined ? [] : tier.checks;
  checks.forEach((check, index) => {
    const place = [...at, 'checks', index];
    kindOf(scope, check, place);
    releaseOf(scope, check, place);
    if (check.exec !== undefined && check.command === undefined)
      scope.add([...place, 'exec'], `check "${check.name}" has no "command" to run there`);
    policyOf(scope, check, place);
    tlsOf(scope, check, place);
    duringOf(scope, check, place);
  });
  tier.suites.forEach((suite, index) => {
    requiredBy(scope, suite.name, suite.requires.checks ?? [], [
      ...at,
      'suites',
      index,
      'requires',
      'checks',
    ]);
  });
}

function kindOf({ source, add }: Scope, check: CheckConfig, place: Path): void {
  const kinds = checkKinds.filter((kind) => check[kind] !== undefined);
  const [kind, second] = kinds;
  const list = checkKinds.map((one) => `"${one}"`).join(', ');
  if (kind === undefined) add(place, `check "${check.name}" looks at nothing; give it one of ${list}`);
  if (second !== undefined)
    add(
      [...place, second],
      `"${second}" of check "${check.name}" contradicts "${kind ?? ''}": a check looks at one thing`,
      {
        key: true,
      },
    );
  for (const [key, wanted] of Object.entries(belongsTo))
    if (valueAt(source.data, [...place, key]) !== undefined && kind !== undefined && !kinds.includes(wanted))
      add([...place, key], `"${key}" of check "${check.name}" goes with "${wanted}", but it has "${kind}"`, {
        key: true,
      });
}

function duringOf({ add }: Scope, check: CheckConfig, place: Path): void {
  const { http, tcp, grpc, workload, during } = check;
  if (during === undefined || [http, tcp, grpc, workload].some((kind) => kind !== undefined)) return;
  add(
    [...place, 'during'],
    `"during" of check "${check.name}" goes with "http", "tcp", "grpc" or "workload"; the others are looked at before suites only`,
    { key: true },
  );
}

function releaseOf({ tier, add }: Scope, check: CheckConfig, place: Path): void {
  const known = tier.releases.map((release) => release.name);
  if (check.release !== undefined) {
    if (known.includes(check.release)) return;
    const none = known.length === 0 ? '; this tier has no releases' : '';
    add(
      [...place, 'release'],
      `check "${check.name}" is about an unknown release "${check.release}"${none}`,
      {
        allowed: known,
        suggestion: nearest(check.release, known),
      },
    );
  } else if (check.network === true && known.length === 0)
    add(
      [...place, 'network'],
      `check "${check.name}" looks at the services of releases, and this tier has none`,
      { key: true },
    );
  else if (check.alone === true && known.length === 0)
    add(
      [...place, 'alone'],
      `check "${check.name}" looks at the namespaces of releases, and this tier has none`,
      { key: true },
    );
  else if (check.network !== true && check.alone !== true && known.length > 1)
    add(place, `check "${check.name}" names no "release", and this tier has several: ${known.join(', ')}`);
}

/** A deny alone would hold for a service that is dead. */
function policyOf({ add }: Scope, check: CheckConfig, place: Path): void {
  if (check.policy === undefined || check.allow.length > 0) return;
  add(
    [...place, 'policy'],
    check.deny.length === 0
      ? `check "${check.name}" says of nobody whether he may connect; give it "allow", and "deny" beside it`
      : `check "${check.name}" has "deny" without "allow": a service that is dead would hold it; name a pod that gets through`,
  );
}

/** What is said of a certificate where there is none would be without effect. */
function tlsOf({ tier, source, add }: Scope, check: CheckConfig, place: Path): void {
  const { http, grpc, tls, ca } = check;
  const hasTls = (http !== undefined && isHttps(http)) || (grpc !== undefined && tls === true);
  for (const key of ['ca', 'insecure'] as const)
    if (!hasTls && valueAt(source.data, [...place, key]) !== undefined)
      add(
        [...place, key],
        `"${key}" of check "${check.name}" is about TLS: it goes with https://, or "tls"`,
        {
          key: true,
        },
      );
  if (ca === undefined || !isReference(ca)) return;
  const known = tier.releases.map((release) => release.name);
  const { release } = parse(ca);
  if (known.includes(release)) return;
  const near = nearest(release, known);
  add([...place, 'ca'], `check "${check.name}" takes "${ca}" of an unknown release "${release}"`, {
    allowed: known,
    suggestion: near === undefined ? undefined : ca.replace(`/${release}/`, `/${near}/`),
  });
}

function requiredBy(
  { tier, at, source, add }: Scope,
  suite: string,
  names: readonly string[],
  place: Path,
): void {
  const known = tier.checks.map((check) => check.name);
  names.forEach((name, index) => {
    if (known.includes(name)) {
      if (names.indexOf(name) !== index)
        add([...place, index], `suite "${suite}" requires the check "${name}" twice`);
      return;
    }
    const none = known.length === 0 ? `; ${whereOf(at, source.data)} has no checks` : '';
    add([...place, index], `suite "${suite}" requires an unknown check "${name}"${none}`, {
      allowed: known,
      suggestion: nearest(name, known),
    });
  });
}
