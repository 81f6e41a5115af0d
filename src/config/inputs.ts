import { z } from 'zod';
import { durationProblem } from './duration.ts';
import {
  artifactNameProblem,
  checked,
  flag,
  input,
  list,
  mirrors,
  preset,
  whole,
  type InputMeta,
} from './input-forms.ts';
import {
  clusterProblem,
  contextProblem,
  imageProblem,
  kubeconfigProblem,
  kubernetesProblem,
  labelProblem,
  variableProblem,
  versionProblem,
} from './names.ts';
import { path, text } from './schema.ts';

/**
 * The one schema of the Action's inputs: it makes the types, the validation, action.yml and the tables of the
 * documentation. How inputs and ket.yaml become one configuration is in compose.ts.
 */

const name = (max: number) => checked((value) => labelProblem(value, max));
const image = checked((value) => imageProblem(value, 'pull'));
const duration = checked(durationProblem);
const version = (least: readonly [number, number]) => checked((value) => versionProblem(value, least));

export const inputsSchema = z.strictObject({
  tier: input(name(30), {
    title: 'name',
    description:
      'Tier to run: of ket.yaml the only one, or the default one, unless given; without ket.yaml `unit`, or `integration` where other inputs need a cluster.',
  }),
  config: input(path, {
    title: 'path',
    description:
      'The ket.yaml. Unless given, `ket.yaml` is read if it is there; if not, the inputs are the whole configuration.',
  }),
  'working-directory': preset(path, '.', {
    title: 'path',
    description:
      'Folder in which paths of inputs begin. A relative one stays in the workspace; an absolute one may lie anywhere.',
  }),
  suites: list(name(40), {
    title: 'names',
    description:
      'Suites to run; all of the tier unless given. Beside `test-command` or `image`: the one suite that they are meant for.',
  }),
  'test-command': input(text, {
    title: 'text',
    key: 'suites[].command',
    description: 'The test command, run by `/bin/sh -c`.',
  }),
  image: input(image, {
    title: 'image',
    key: 'suites[].image',
    description: 'Image in which the suite runs in the cluster; it is brought there from Docker.',
  }),
  'load-images': list(image, {
    title: 'images',
    key: 'images[].name',
    description: 'More images to bring to the cluster from Docker, such as those of a chart.',
  }),
  production: input(flag, {
    title: '`true` or `false`',
    description:
      'Take all images from their registries, those of `images` by digest: nothing is built or brought to the nodes from Docker. `PRODUCTION_MODE` of the environment unless given.',
  }),
  'results-path': list(path, {
    title: 'paths',
    key: 'suites[].results',
    description:
      'JUnit files that the command writes (paths or globs), in a tier without a cluster; in a cluster it writes into `/results`.',
  }),
  secrets: list(checked(variableProblem), {
    title: 'names',
    key: 'suites[].secrets',
    description: 'Environment variables of the step that the suite gets as secrets.',
  }),
  chart: input(text, {
    title: 'path or address',
    key: 'releases[].chart',
    description: 'Chart of the release: a folder, a `.tgz` file, or an `oci://` or `https://` address.',
  }),
  values: list(path, {
    title: 'paths',
    key: 'releases[].values',
    description: 'Values files of the release, later ones going before earlier ones.',
  }),
  'release-name': input(name(53), {
    title: 'name',
    key: 'releases[].name',
    description:
      'The release that `chart`, `values` and `namespace` are meant for: the only one unless given; a new one is called as its chart.',
  }),
  namespace: input(name(63), {
    title: 'name',
    key: 'releases[].namespace',
    description: 'Namespace of the release; the name of the release unless given.',
  }),
  cluster: input(checked(clusterProblem), {
    title: 'name',
    description: 'A Kind cluster that is there already: used in place of a new one, and not removed.',
  }),
  context: input(checked(contextProblem), {
    title: 'name',
    key: 'cluster.context',
    description:
      'A cluster that is there already, by a context of `kubeconfig` or of `KUBECONFIG`: used within namespaces of its own, in place of a new one.',
  }),
  kubeconfig: input(checked(kubeconfigProblem), {
    title: 'path',
    key: 'cluster.kubeconfig',
    description:
      'The kubeconfig of a cluster that is there already; its current context unless `context` is given. It is read, and never written.',
  }),
  'kind-config': list(path, {
    title: 'paths',
    key: 'cluster.config',
    description:
      "Kind config of the cluster, or several, merged in this order; without ket.yaml ket's own, with three nodes in tier `e2e` and one in others.",
  }),
  'kind-version': input(version([0, 20]), {
    title: 'version',
    key: 'tools.kind',
    description: 'Version of kind.',
  }),
  'kubernetes-version': input(checked(kubernetesProblem), {
    title: 'version',
    key: 'cluster.kubernetes',
    description: 'Version of Kubernetes, `1.34` or `1.34.0`; not beside `node-image`.',
  }),
  'node-image': input(image, {
    title: 'image',
    key: 'cluster.nodeImage',
    description: 'Image of the nodes, and with it the version of Kubernetes.',
  }),
  'helm-version': input(version([3, 0]), {
    title: 'version',
    key: 'tools.helm',
    description: 'Version of Helm.',
  }),
  'allow-unlisted-tools': input(flag, {
    title: '`true` or `false`',
    key: 'tools.allowUnlisted',
    description: "Take versions that ket's own version table does not pair.",
  }),
  'tool-mirror': input(mirrors, {
    title: 'list: addresses',
    description:
      'Where tools are fetched from in place of their own hosts: an address for all, or `kind=…`, `kubectl=…`, `helm=…`.',
  }),
  timeout: input(duration, {
    title: 'duration',
    key: 'suites[].timeout',
    description: 'How long one attempt of a suite may take.',
  }),
  'release-timeout': input(duration, {
    title: 'duration',
    key: 'releases[].timeout',
    description:
      'How long a release may take to be ready; 10m in a cluster of one node, 20m in a larger one.',
  }),
  'cluster-timeout': input(duration, {
    title: 'duration',
    key: 'cluster.ready',
    description: 'How long the nodes may take to be ready.',
  }),
  retries: input(whole(0, 2), {
    title: 'whole number, 0 to 2',
    key: 'suites[].retries',
    description: 'New attempts after a failed one; passing then counts as flaky.',
  }),
  parallel: input(whole(1, 1000), {
    title: 'whole number, 1 to 1000',
    key: 'parallel',
    description: 'Most suites that run at once; as many as there is room for unless given.',
  }),
  'fail-fast': input(flag, {
    title: '`true` or `false`',
    key: 'failFast',
    description: 'Let the first suite that does not pass end the run.',
  }),
  keep: input(z.enum(['never', 'on-failure', 'always']), {
    title: '`never` or `on-failure` or `always`',
    key: 'keep',
    description:
      'Whether what the run made stays, for one hour, to be looked at; `never` in CI unless given.',
  }),
  'artifact-name': input(checked(artifactNameProblem), {
    title: 'text',
    description:
      "What the artifact's name begins with, before the id of the run; `ket-` and the tier unless given.",
  }),
  'retention-days': preset(whole(1, 400), '90', {
    title: 'whole number, 1 to 400',
    description: 'How long the artifact stays; at most as long as the repository allows.',
  }),
  'check-run': preset(z.enum(['auto', 'true', 'false']), 'auto', {
    title: '`auto` or `true` or `false`',
    description: 'Make a check run with annotations; `auto`: where the token may.',
  }),
  // The runner fills it in; elsewhere there is none.
  token: text.optional().meta({
    title: 'text',
    description: 'Token for the check run, which needs `checks: write`; used for nothing else.',
    default: '${{ github.token }}',
  }),
  'log-level': preset(z.enum(['warning', 'info', 'debug']), 'info', {
    title: '`warning` or `info` or `debug`',
    description:
      '`warning`: failures and the verdict; `info`: also what the suites print; `debug`: also each command that ket runs.',
  }),
});

/** Validated inputs; lists are empty, and all else absent, where nothing was given and no default stands in the schema. */
export type Inputs = z.output<typeof inputsSchema>;
export type InputName = keyof Inputs;

export const inputNames = Object.keys(inputsSchema.shape) as readonly InputName[];

/** Meaning, form and default of an input, for action.yml and the tables. */
export function inputMeta(which: InputName): InputMeta {
  return inputsSchema.shape[which].meta() as unknown as InputMeta;
}
