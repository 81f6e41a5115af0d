import { stringify } from 'yaml';
import type { Plan, SuitePlan } from '../model/plan.ts';
import { withCopies } from '../pipeline/isolation.ts';
import { tierText } from '../report/format.ts';
import { changesOf } from '../suites/job/job-changes.ts';
import { jobFor } from '../suites/job/job.ts';
import type { Job } from '../suites/job/job-input.ts';
import { attemptLimits } from '../suites/limits.ts';
import { attemptName } from '../suites/names.ts';
import { namespaceFor, objectsFor } from '../suites/job/objects.ts';
import { shownCopies } from '../suites/job/reference-copies.ts';
import { readManifest, readTemplate } from '../suites/job/template.ts';
import { tellsUnavailable } from '../suites/collect/unavailable.ts';
import { findAssets } from './environment.ts';
import { plansOf, type SeriesFlags } from './plans.ts';
import type { Settled } from './versions.ts';

/**
 * `ket plan`: the resolved plan, then the manifests of the first attempt of each suite, as YAML on stdout; of each tier
 * in turn where there are several.
 */
export function planCommand(flags: SeriesFlags): number {
  const tiers = plansOf(flags, []);
  const shown = tiers.flatMap(({ tier, settled }) => {
    if (settled !== undefined) return [planText(settled, tiers.length > 1)];
    process.stderr.write(`tier ${tier} has none of the suites that are asked for\n`);
    return [];
  });
  process.stdout.write(shown.join('---\n'));
  return 0;
}

function planText({ plan: asked, notices }: Settled, isOneOfSeveral: boolean): string {
  const plan = withCopies(asked, shownRun);
  const title = `tier ${tierText({ tier: plan.tier, kubernetes: plan.cluster?.variant })}`;
  for (const text of notices) process.stderr.write(isOneOfSeveral ? `${title}: ${text}\n` : `${text}\n`);
  const head = isOneOfSeveral ? `# The plan of ${title}` : '# The plan';
  return [head, yaml(plan), ...manifestsOf(plan)].join('\n');
}

/** In place of the run's id. */
const shownRun = 'run-id';

/** What ket changes in a Job of the user's own; all of it, for it is found by comparing the two. */
function changes({ job: own }: SuitePlan, job: Job): string {
  if (own === undefined) return '';
  const lines = changesOf(readManifest(own.file), job).map((line) => `#   ${line}\n`);
  return `# What ket changes in ${own.file} (field: from → to):\n${lines.join('')}`;
}

/** Without anchors: what is shown is meant to be read and copied in parts. */
const yaml = (value: unknown): string => stringify(value, { aliasDuplicateObjects: false });

/** What is known only at run time stands as a word in angle brackets. */
function manifestsOf(plan: Plan): string[] {
  if (plan.cluster === undefined) return [];
  const assets = findAssets(process.argv[1] ?? '.');
  const namespaces = new Map(plan.releases.map((release) => [release.name, release.namespace]));
  const ketRun = Buffer.from('<ket-run>');
  return plan.suites.map((suite) => {
    if (suite.helmTest !== undefined)
      return `# Suite ${suite.name}: helm test of release ${suite.helmTest}\n`;
    const id = { run: shownRun, suite: suite.name, attempt: 1 };
    const needed = suite.needs.map((name) => namespaces.get(name) ?? name);
    const own = suite.placement === 'own';
    const namespace = own ? attemptName(id) : (needed[0] ?? '');
    const searches = [...new Set([namespace, ...needed]), ''].map(
      (ns) => `${ns === '' ? '' : `${ns}.`}svc.cluster.local`,
    );
    const job = jobFor({
      id,
      suite,
      template: readTemplate(assets, suite),
      namespace,
      limits: attemptLimits(suite.limitMs, plan.keep === 'never' ? 0 : plan.keepMs, suite.pendingMs),
      nonce: '<nonce>',
      // An image's entry point is known when the image is there.
      image:
        suite.command === undefined
          ? { user: '', entrypoint: ['<entry point of the image>'], cmd: [] }
          : undefined,
      dns: { nameserver: '<ClusterIP of kube-dns>', searches: [...searches, 'cluster.local'] },
      releaseNamespaces: needed,
      outbound: { env: {} },
      tellsUnavailable: tellsUnavailable(plan, suite),
    });
    const secrets = new Map(suite.secrets.map((name) => [name, '<from the environment>']));
    const contents = { ketRun, secrets, authorities: undefined, durations: new Map<string, number>() };
    const objects = objectsFor(id, suite, namespace, needed, contents);
    const namespaceObjects = own ? namespaceFor(id, suite, plan.namespace, 0) : [];
    const documents = [...namespaceObjects, ...objects, ...shownCopies(suite, id, namespace), job];
    return `# Suite ${suite.name}, first attempt\n${changes(suite, job)}${documents.map((o) => `---\n${yaml(o)}`).join('')}`;
  });
}
