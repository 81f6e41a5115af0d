import path from 'node:path';
import { composeReleases } from './compose-releases.ts';
import { composeSuites } from './compose-suites.ts';
import { isGiven, newDraft, type ComposeContext, type Composition, type Draft } from './draft.ts';
import type { InputName, Inputs } from './inputs.ts';
import { valueAt } from './issues.ts';

/**
 * The rule by which inputs and ket.yaml become one configuration:
 *
 * 1. What an input says replaces what the file says in the same place, for the tier that runs; the rest of the file
 *    stays. A list replaces a list.
 * 2. `chart`, `values` and `namespace` are meant for the release that `release-name` names, else for the only one;
 *    `chart` adds it where it is new. `test-command`, `image`, `results-path` and `secrets` are meant for the suite
 *    that `suites` names, else for the only one; `test-command` or `image` adds it where it is new.
 * 3. Without a file the inputs are the whole configuration: one suite, called `tests` unless `suites` names it; in a
 *    cluster if `image`, `chart`, `cluster`, `context`, `kubeconfig`, `kind-config` or `load-images` is given, or the tier is `integration` or `e2e`; never
 *    in tier `unit`.
 * 4. `cluster`, versions, `node-image` and time limits say how a thing is to be, and are not needed where the tier has no such
 *    thing, so that one step serves a matrix of tiers. Everything else that would be without effect is an error.
 *
 * The result goes through the schema and the checks of ket.yaml like any file.
 */
export function compose(inputs: Inputs, context: ComposeContext): Composition {
  const draft = newDraft(inputs, context);
  composeGeneral(draft);
  composeCluster(draft);
  composeReleases(draft);
  composeImages(draft);
  composeSuites(draft);
  return draft;
}

/** What is not of one tier. */
function composeGeneral({ inputs, set }: Draft): void {
  set('keep', ['keep'], inputs.keep);
  set('parallel', ['parallel'], inputs.parallel);
  set('fail-fast', ['failFast'], inputs['fail-fast']);
  set('kind-version', ['tools', 'kind'], inputs['kind-version']);
  set('helm-version', ['tools', 'helm'], inputs['helm-version']);
  set('allow-unlisted-tools', ['tools', 'allowUnlisted'], inputs['allow-unlisted-tools']);
}

function composeCluster({ inputs, context, tier, alone, hasCluster, ...draft }: Draft): void {
  const at = [...tier, 'cluster'];
  const configs = inputs['kind-config'].map(draft.resolve);
  const image = inputs['node-image'];
  const kubernetes = inputs['kubernetes-version'];
  if (image !== undefined && kubernetes !== undefined)
    draft.refuse('kubernetes-version', 'contradicts node-image, which is a version of Kubernetes already');
  for (const name of ['node-image', 'kubernetes-version'] as const)
    if (inputs.cluster !== undefined && inputs[name] !== undefined)
      draft.refuse(name, 'contradicts cluster: that one is there already, with the Kubernetes that it has');
  if (!hasCluster) {
    for (const name of ['context', 'kubeconfig'] as const)
      if (inputs[name] !== undefined) draft.refuse(name, `tier "${context.tier}" has no cluster`);
    if (configs.length > 0) draft.refuse('kind-config', `tier "${context.tier}" has no cluster`);
    return;
  }
  if (inputs.context !== undefined || inputs.kubeconfig !== undefined) {
    composeExisting({ inputs, context, tier, alone, hasCluster, ...draft }, at);
    return;
  }
  const own = path.join(context.kindConfigs, context.tier === 'e2e' ? 'e2e.yaml' : 'integration.yaml');
  draft.set('kind-config', [...at, 'config'], configs.length > 0 ? configs : alone ? own : undefined);
  draft.set('node-image', [...at, 'nodeImage'], image);
  draft.set('kubernetes-version', [...at, 'kubernetes'], kubernetes);
  // The one goes before the other of the file as well: both say which Kubernetes it is.
  if (image !== undefined) draft.remove('node-image', [...at, 'kubernetes']);
  else if (kubernetes !== undefined) draft.remove('kubernetes-version', [...at, 'nodeImage']);
  draft.set('cluster-timeout', [...at, 'ready'], inputs['cluster-timeout']);
}

/** Images that Docker has, or pulls, so that no node needs a registry. */
function composeImages({ inputs, tier, hasCluster, names, set }: Draft): void {
  const known = names('images');
  const wanted = inputs['load-images'].map((name): [InputName, string] => ['load-images', name]);
  if (inputs.image !== undefined && hasCluster) wanted.unshift(['image', inputs.image]);
  for (const [input, name] of wanted) {
    if (known.includes(name)) continue;
    set(input, [...tier, 'images', known.length, 'name'], name);
    known.push(name);
  }
}

/** One that is there already goes before all that the file says of the cluster. */
function composeExisting(draft: Draft, at: readonly (string | number)[]): void {
  const { inputs, set, remove, refuse, resolve } = draft;
  const by = inputs.context === undefined ? 'kubeconfig' : 'context';
  for (const name of ['cluster', 'kind-config', 'node-image', 'kubernetes-version'] as const)
    if (isGiven(inputs, name)) refuse(name, `contradicts ${by}: that cluster is there already`);
  for (const key of ['config', 'nodeImage', 'kubernetes'])
    if (valueAt(draft.context.data, [...at, key]) !== undefined) remove(by, [...at, key]);
  set('context', [...at, 'context'], inputs.context);
  set(
    'kubeconfig',
    [...at, 'kubeconfig'],
    inputs.kubeconfig === undefined ? undefined : resolve(inputs.kubeconfig),
  );
  // The context of the file is one of its own kubeconfig.
  if (inputs.context === undefined && valueAt(draft.context.data, [...at, 'context']) !== undefined)
    remove('kubeconfig', [...at, 'context']);
  set('cluster-timeout', [...at, 'ready'], inputs['cluster-timeout']);
}
