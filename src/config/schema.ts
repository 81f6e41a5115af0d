import { z } from 'zod';
import { podSecurityLevels, priorities } from '../model/plan.ts';
import { cronProblem } from './cron.ts';
import { durationPattern, durationProblem, soakProblem } from './duration.ts';
import {
  besideProblem,
  endpointProblem,
  forwardProblem,
  hostProblem,
  urlProblem,
  workloadProblem,
} from './endpoints.ts';
import {
  contextProblem,
  imageProblem,
  kubeconfigProblem,
  kubernetesProblem,
  labelExpression,
  labelProblem,
  repoProblem,
  variableProblem,
  versionProblem,
} from './names.ts';
import { digestProblem, registryProblem } from './registries.ts';
import { cpuProblem, memoryProblem, sizeProblem } from './quantity.ts';
import { isReference, referencePattern, referenceProblem } from './release-objects.ts';
import { valuePathProblem } from './release-values.ts';

/**
 * The one schema of ket.yaml: it makes the types, the validation, schema/ket.schema.json and docs/ket-yaml.md. What
 * depends on more than one field, or on other files, is in checks.ts and files.ts.
 */

export type Check = (value: string) => string | undefined;

/** A text with a form of its own; `title` names the form in messages and in the reference. */
export const form = (title: string, check: Check, pattern?: string) =>
  z
    .string()
    .superRefine((value, context) => {
      const problem = check(value);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    })
    .meta({ title, ...(pattern === undefined ? {} : { pattern }) });

const duration = form('duration', durationProblem, durationPattern.source);
const soakTime = form('duration', soakProblem, durationPattern.source);
const label = (max: number) => form('name', (value) => labelProblem(value, max), labelExpression(max));
const pulledImage = form('image', (value) => imageProblem(value, 'pull'));
const version = (least: readonly [number, number]) =>
  form('version', (value) => versionProblem(value, least), '^v\\d+\\.\\d+\\.\\d+(-[0-9A-Za-z.-]+)?$');
/** `1.34` is a number to YAML; load.ts brings it here as it is written, for 1.30 is not 1.3. */
const kubernetes = z
  .union([z.string().meta({ pattern: '^v?1\\.\\d+(\\.\\d+)?$' }), z.number()])
  .superRefine((value, context) => {
    const problem = kubernetesProblem(String(value));
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  })
  .meta({ title: 'version' });
export const text = form('text', (value) => (value === '' ? 'must not be empty' : undefined)).meta({
  minLength: 1,
});
export const path = form('path', (value) => {
  if (value === '') return 'must not be empty';
  return value.includes('\0') ? 'a path has no NUL character' : undefined;
}).meta({ minLength: 1 });
const absolute = form('absolute path', (value) => {
  if (value.startsWith('/')) return undefined;
  return `"${value}" is a path in a container and begins with "/"`;
}).meta({ pattern: '^/' });

const flag = z.boolean();
const whole = (least: number, most: number) => z.int().min(least).max(most);

/** Kubernetes takes `cpu: 1` as well as `cpu: "1"`. */
const quantity = (title: string, check: Check) =>
  z
    .union([z.string(), z.number()])
    .superRefine((value, context) => {
      const problem = check(String(value));
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    })
    .meta({ title });

const amounts = z.strictObject({
  cpu: quantity('cpu quantity', cpuProblem).optional().describe('Cores, e.g. `100m` or `2`.'),
  memory: quantity('memory quantity', memoryProblem).optional().describe('E.g. `128Mi` or `1Gi`.'),
  'ephemeral-storage': quantity('memory quantity', memoryProblem)
    .optional()
    .describe('Disk for files outside of volumes, e.g. `1Gi`.'),
});

const command = z
  .union([text, z.array(z.string()).min(1)])
  .meta({ title: 'text (run by `/bin/sh -c`) or list of texts (argv)' });

const variableName = form('variable name', variableProblem, '^[A-Za-z_][A-Za-z0-9_]*$');

const reference = (what: 'object' | 'key' | 'either') =>
  form('reference', (value) => referenceProblem(value, what), referencePattern(what));

export const collectSchema = z.strictObject({
  from: form(
    'text',
    (value) => {
      if (/^(deployment|statefulset|pod)\/[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(value)) return undefined;
      return `"${value}" names no workload; write deployment/NAME, statefulset/NAME or pod/NAME`;
    },
    '^(deployment|statefulset|pod)/[a-z0-9]([a-z0-9.-]*[a-z0-9])?$',
  ).describe('The workload whose pods have the files: `deployment/NAME`, `statefulset/NAME` or `pod/NAME`.'),
  container: label(63).optional().describe('The container; the first of the pod unless given.'),
  path: absolute.describe('The file or folder in the container.'),
  command: command.optional().describe('Run in the container first, e.g. to write coverage to disk.'),
});

export const clusterSchema = z.strictObject({
  config: z
    .union([path, z.array(path).min(1)])
    .optional()
    .meta({ title: 'path or list of paths' })
    .describe(
      'A Kind config file (`kind.x-k8s.io/v1alpha4`), or several, merged in this order; or `context` or `kubeconfig` in its place.',
    ),
  context: form('text', contextProblem)
    .optional()
    .describe(
      'In place of `config`: a cluster that is there already, by this context of `kubeconfig`; `--context` goes before it.',
    ),
  kubeconfig: form('path', kubeconfigProblem)
    .optional()
    .describe(
      'In place of `config`: the kubeconfig of a cluster that is there already; beside `context` that of `KUBECONFIG`, or `~/.kube/config`, unless given. It is read, and never written.',
    ),
  nodeImage: pulledImage
    .optional()
    .describe('Image of the nodes, and with it the version of Kubernetes; `KET_NODE_IMAGE` goes before it.'),
  kubernetes: z
    .union([kubernetes, z.array(kubernetes).min(1)])
    .optional()
    .meta({ title: 'version or list of versions' })
    .describe(
      "Version of Kubernetes, `1.34` or `1.34.0`, in place of `nodeImage`: the node image of ket's version table, by its digest. A list is a run for each, one after another. `KET_KUBERNETES_VERSION` goes before it; that of `tools` unless given.",
    ),
  ready: duration.default('5m').describe('How long the nodes may take to be ready.'),
  throwaway: z
    .boolean()
    .default(true)
    .describe(
      'Settings for a cluster that lives for one run and is deleted by ket: it keeps longer logs; none in one of `ket up`. `false` leaves it as kind makes it.',
    ),
});

export const imageSchema = z.strictObject({
  name: pulledImage.describe('Name with a tag, as charts and suites use it, e.g. `shop-api:dev`.'),
  build: path
    .optional()
    .describe(
      'The folder to build from. Without it the image is taken from Docker, which pulls it when it has none.',
    ),
  dockerfile: path
    .optional()
    .describe('The Dockerfile, relative to ket.yaml; `Dockerfile` in the `build` folder unless given.'),
  target: text.optional().describe('The stage to build.'),
  args: z.record(variableName, z.string()).default({}).describe('Build arguments.'),
  digest: form('digest', digestProblem, '^sha256:[0-9a-f]{64}$')
    .optional()
    .describe(
      'What must be under the name in its registry. An image without `build` is pulled by it; in production mode nodes run nothing else.',
    ),
  timeout: duration.default('10m').describe('How long the build or the pull may take.'),
});

export const registrySchema = z.strictObject({
  host: form('host', registryProblem).describe(
    'Its host as images name it: `ghcr.io`, `registry.example:5000`.',
  ),
  username: variableName
    .optional()
    .describe('Environment variable of this machine with the name to log in by.'),
  password: variableName
    .optional()
    .describe(
      'Environment variable with the password or token. Without the two, the login of Docker on this machine is taken.',
    ),
});

export const releaseSchema = z.strictObject({
  name: label(53).describe('Name of the Helm release; suites name it in `needs`.'),
  namespace: label(63).optional().describe('Namespace in the cluster; the name of the release unless given.'),
  chart: text
    .optional()
    .describe('A chart: a folder, a `.tgz` file, an `oci://` or `https://` address, or a name in `repo`.'),
  repo: form('https:// or http:// address', repoProblem, '^https?://')
    .optional()
    .describe('Address of the chart repository in which `chart` is a name.'),
  version: text
    .optional()
    .describe(
      'Version of the chart in `repo` or at an `oci://` address, or a range of versions; the newest unless given.',
    ),
  manifests: z
    .array(path)
    .min(1)
    .optional()
    .describe('Plain manifests in place of a chart: files, folders or globs.'),
  kustomize: path
    .optional()
    .describe(
      'A folder with a kustomization in place of a chart; built here by kustomize or kubectl, whichever is in PATH.',
    ),
  installed: flag
    .default(false)
    .describe(
      'It is there already, in a cluster that is there already: looked at, watched while suites run, and never installed, changed or removed.',
    ),
  removeCRDs: flag
    .default(false)
    .describe(
      'In a cluster that stays: remove, after the release, the CRDs of its chart that this run made; Helm leaves them.',
    ),
  values: z.array(path).default([]).describe('Values files, later ones going before earlier ones.'),
  set: z
    .record(
      text,
      z.union([z.string(), z.number(), z.boolean()]).meta({ title: 'text, number, true or false' }),
    )
    .default({})
    .describe('Single values, as with `helm --set`; they go before all others.'),
  inline: z
    .record(text, z.unknown())
    .default({})
    .describe('Values written here, as in a values file; they go before those of `values`.'),
  secrets: z
    .record(form('keys of a value', valuePathProblem), variableName)
    .default({})
    .describe(
      'Values that are environment variables of this machine, `{db.password: DB_PASSWORD}`: masked, and on no command line.',
    ),
  dependsOn: z
    .array(text)
    .default([])
    .describe('Releases of the tier that must be ready before this one is installed.'),
  timeout: duration
    .optional()
    .describe('How long it may take to be ready; 10m in a cluster of one node, 20m in a larger one.'),
  spread: whole(2, 1000)
    .optional()
    .describe('On so many nodes at least its ready pods must be, or it fails.'),
  collect: z
    .array(collectSchema)
    .default([])
    .describe('Files that leave the pods before the release is removed.'),
});

const endpoint = form('HOST:PORT', endpointProblem, '^[a-z0-9][a-z0-9.-]*:\\d{1,5}$');
const url = form('URL', urlProblem, '^https?://');
const hostName = form('name of a host', hostProblem, '^[a-z0-9][a-z0-9.-]*$');
const authority = form('path or reference', (value) => {
  if (value === '') return 'must not be empty';
  return isReference(value) ? referenceProblem(value, 'key') : undefined;
}).meta({ minLength: 1 });
const forwardAddress = form('address', forwardProblem);
const workload = form('workload', workloadProblem, '^(deployment|statefulset|daemonset)/.+$');
const whoSchema = z.strictObject({
  labels: z
    .record(text, z.string())
    .default({})
    .describe('Labels of the pod that tries, as the rules of the policy select them.'),
  namespace: label(63).optional().describe("Namespace of that pod; the release's unless given."),
});

/** The keys of which a check has exactly one: what it looks at. */
export const checkKinds = [
  'http',
  'tcp',
  'grpc',
  'exec',
  'workload',
  'job',
  'network',
  'policy',
  'alone',
] as const;

export const checkSchema = z.strictObject({
  name: label(40).describe('Name of the check, unique in its tier.'),
  release: text
    .optional()
    .describe(
      'The release that it is about: it runs when that is ready, and short names are those of its namespace. The only one of the tier unless given; all of them for `network` and `alone`.',
    ),
  http: url
    .optional()
    .describe('An `http://` or `https://` address that must answer, e.g. `http://shop-api:8080/health`.'),
  host: hostName
    .optional()
    .describe(
      'With `http`: the host that is asked for, where it is another than that of the address, as an ingress controller tells hosts apart: `shop.example`. The certificate of an `https://` address must be for it.',
    ),
  status: whole(100, 599).optional().describe('With `http`: the status that it must have; 200 unless given.'),
  body: text.optional().describe('With `http`: a text that must be in the first 4 KiB of the body.'),
  tcp: endpoint.optional().describe('A service and its port that must take a connection: `shop-db:5432`.'),
  grpc: endpoint
    .optional()
    .describe('A gRPC server that must say `SERVING` by the health protocol of gRPC: `shop-cart:9090`.'),
  service: text
    .optional()
    .describe('With `grpc`: the service of which it is asked; of the whole server unless given.'),
  tls: flag.optional().describe('With `grpc`: `true` when the server speaks TLS.'),
  ca: authority
    .optional()
    .describe(
      'With TLS: the authorities that the certificate may be of, as PEM: a file, or a key of a Secret or ConfigMap of a release, `release/shop/secret/tls/ca.crt`. Those that everybody trusts unless given.',
    ),
  insecure: flag
    .optional()
    .describe('With TLS: `true` accepts whatever is wrong with the certificate, and says what it was.'),
  exec: workload
    .optional()
    .describe('A workload in one ready pod of which `command` must end with 0: `deployment/NAME`.'),
  command: command.optional().describe('With `exec`: what runs there.'),
  container: label(63).optional().describe('With `exec`: the container; the first of the pod unless given.'),
  workload: workload
    .optional()
    .describe(
      'A workload all of whose pods must be ready: `deployment/NAME`, `statefulset/NAME` or `daemonset/NAME`.',
    ),
  job: label(63).optional().describe('A Job that must be complete.'),
  network: z
    .literal(true)
    .optional()
    .describe(
      '`true`: names and ports of all services of the releases, from every node; pods of different nodes; connections that stay open.',
    ),
  policy: endpoint
    .optional()
    .describe('A service and its port for which `allow` and `deny` say who may connect: `shop-db:5432`.'),
  alone: z
    .literal(true)
    .optional()
    .describe(
      '`true`: nothing runs in the namespaces of the releases but the releases, suites and what is of ket.',
    ),
  besides: z
    .array(form('KIND/NAME', besideProblem, '^[a-z]+/[a-z0-9*][a-z0-9.*-]*$'))
    .default([])
    .describe('With `alone`: what may run there too, `deployment/NAME`, with `*` for any letters.'),
  allow: z.array(whoSchema).default([]).describe('With `policy`: pods that must get through.'),
  deny: z
    .array(whoSchema)
    .default([])
    .describe('With `policy`: pods that must not; at least one of `allow` proves that the service is alive.'),
  limit: duration
    .default('30s')
    .describe('How long one probe may take to hold; it is tried again until then.'),
  timeout: duration.default('5m').describe('How long all probes of the check may take together.'),
  during: flag
    .optional()
    .describe(
      'With `http`, `tcp`, `grpc` and `workload`: whether it must also hold while suites run that require it; `true` unless given. One that does not hold for `limit` acts as `onUnhealthy` says.',
    ),
});

export const suiteSchema = z.strictObject({
  name: label(40).describe('Name of the suite, unique in its tier.'),
  command: command
    .optional()
    .describe("The test command; in a cluster the image's own entry point unless given, else required."),
  setup: text
    .optional()
    .describe(
      'Run by `/bin/sh -c` before the command, in the same place; if it fails, the command does not run.',
    ),
  setupTimeout: duration
    .default('5m')
    .describe('How long `setup` may take, e.g. a migration; within the time of the suite.'),
  teardown: text
    .optional()
    .describe(
      'Run by `/bin/sh -c` after the command, however it ended, within the same limit; not when the suite is stopped or killed.',
    ),
  helmTest: text
    .optional()
    .describe(
      'The release whose test hooks (`helm test`) are the suite, in place of `command` and `image`: a case for each pod of a hook.',
    ),
  on: z
    .enum(['cluster', 'host'])
    .default('cluster')
    .describe(
      '`host`: the suite is a process of this machine against the cluster, with `KUBECONFIG` and the ports of `forward`, e.g. for Playwright and for tests of operators.',
    ),
  forward: z
    .record(variableName, forwardAddress)
    .default({})
    .describe(
      'With `on: host`: variables that hold an address of the cluster, with a port of this machine in place of its host and port: `{API_URL: "http://shop-api:8080"}`.',
    ),
  image: pulledImage.optional().describe('Image in which the suite runs; required in a tier with a cluster.'),
  workingDir: path
    .optional()
    .describe("Folder in which the command starts; the image's own, or that of ket.yaml, unless given."),
  env: z
    .record(
      variableName,
      z
        .union([z.string(), z.strictObject({ from: reference('key') })])
        .meta({ title: 'text or `{from: REFERENCE}`' }),
    )
    .default({})
    .describe(
      'Environment variables; `KET_…` names are reserved. `{from: release/shop/secret/db/password}` takes one key of a Secret or ConfigMap (`configmap`) of a release.',
    ),
  envFrom: z
    .array(reference('object'))
    .default([])
    .describe(
      'Secrets and ConfigMaps of releases, each key a variable of its name: `release/shop/secret/db`. `env` and `secrets` go before it, and later entries before earlier ones.',
    ),
  files: z
    .record(absolute, reference('either'))
    .default({})
    .describe(
      'Folders of the container, each with the keys of a Secret or ConfigMap of a release as files: `/etc/db: release/shop/secret/db`.',
    ),
  secrets: z
    .array(variableName)
    .default([])
    .describe(
      'Environment variables of this machine that the suite gets: as a Kubernetes Secret, or as they are in a tier without a cluster.',
    ),
  needs: z
    .array(text)
    .optional()
    .describe('Releases that must be ready first; all of the tier unless given, `[]` for none.'),
  isolation: z
    .enum(['shared', 'release'])
    .default('shared')
    .describe(
      'Whether the suite shares the releases that it needs with other suites, or gets copies of them for itself.',
    ),
  timeout: duration.default('50m').describe('How long one attempt may take.'),
  pending: duration
    .default('10m')
    .describe('How long the pod of an attempt may wait to start, for a place on a node or for its image.'),
  retries: whole(0, 2).default(0).describe('New attempts after a failed one; passing then counts as flaky.'),
  retry: z
    .enum(['suite', 'failed-cases'])
    .default('suite')
    .describe(
      'What runs again after a failed attempt: the whole suite, or its failed cases only, for a command that heeds `KET_RETRY_CASES`. The latter needs `expectTests`.',
    ),
  idempotent: flag
    .default(false)
    .describe(
      'The suite may run again after it ran in part: an infrastructure error is then worth one more attempt at any time, else only before any test ran.',
    ),
  priority: z
    .enum(priorities)
    .default('normal')
    .describe('Suites of a higher priority start first; none that runs gives way to another.'),
  shards: whole(2, 100)
    .optional()
    .describe('So many pods share the tests: each runs those of its `KET_SHARD` of `KET_SHARDS`.'),
  replicas: whole(2, 100)
    .optional()
    .describe('So many pods run the same at once, e.g. to make load; each has a `KET_REPLICA`.'),
  resources: z
    .strictObject({
      requests: amounts
        .prefault({})
        .describe('What the scheduler sets aside; `cpu: 100m`, `memory: 128Mi` unless given.'),
      limits: amounts.prefault({}).describe('What the suite may use at most; `memory: 512Mi` unless given.'),
    })
    .prefault({})
    .describe(
      'CPU and memory of the suite. A default gives way to what is set: no request is above its limit.',
    ),
  requires: z
    .strictObject({
      env: z
        .array(variableName)
        .default([])
        .describe('Environment variables of this machine without which the suite is skipped, and says so.'),
      checks: z
        .array(text)
        .optional()
        .describe(
          'Checks that must hold, else the suite is skipped, and says so; those of the releases that it needs unless given, `[]` for none.',
        ),
    })
    .prefault({})
    .describe('What must be there for the suite to make sense.'),
  placement: z
    .enum(['own', 'release'])
    .default('own')
    .describe('Namespace of the Job: its own, or that of the one release it needs.'),
  podSecurity: z.enum(podSecurityLevels).optional().meta({
    default: 'restricted',
    description:
      "Pod Security level of the suite's own namespace; a lower one lets its template ask for more, and a notice says so.",
  }),
  ingress: z
    .enum(['allow', 'deny'])
    .default('allow')
    .describe(
      "Whether other pods may open connections to the suite's; `deny` needs a network plugin that enforces policies.",
    ),
  shm: quantity('memory quantity', memoryProblem)
    .optional()
    .describe('Size of `/dev/shm`, which counts as memory of the suite; browsers need `1Gi` or so.'),
  api: z
    .enum(['read', 'none'])
    .default('read')
    .describe('Rights at the Kubernetes API: reading its own namespace and those of its releases, or none.'),
  expectTests: z
    .union([whole(1, 1_000_000), z.literal(false)])
    .default(1)
    .meta({ title: 'whole number from 1, or false' })
    .describe('So many cases at least must be on record; `false`: judged by the exit code alone.'),
  allowSkip: flag.default(false).describe('Accept that all cases of the suite were skipped.'),
  allowChildOom: flag.default(false).describe('Accept that a process of the suite was killed for memory.'),
  results: z
    .array(path)
    .default([])
    .describe(
      'Without a cluster: JUnit files that the command writes (paths or globs). In a cluster: folders of the container beside `/results` whose files come back too; each is empty at the start.',
    ),
  caps: z
    .strictObject({
      total: quantity('size', sizeProblem).default('4Gi').describe('All files together.'),
      file: quantity('size', sizeProblem).default('2Gi').describe('One file.'),
      files: whole(1, 500_000).default(50_000).describe('The number of files.'),
    })
    .prefault({})
    .describe(
      'Most of the results that is brought home. What is over a cap stays behind, and the attempt is `infra-error` (`collection-incomplete`) unless it failed.',
    ),
  profile: text.optional().describe('A profile of this file, for what the suite does not say itself.'),
  template: path.optional().describe("A Job template in place of ket's own."),
  job: path
    .optional()
    .describe(
      "A Kubernetes Job of the project's own that runs the tests. ket changes in it what `ket plan` lists; `command`, `image` and `resources` go before what it says.",
    ),
  container: label(63)
    .optional()
    .describe(
      'The container of `job` that runs the tests: the only one, or the one called as the suite, unless given.',
    ),
  patch: z
    .record(text, z.unknown())
    .optional()
    .describe('A strategic merge patch of the Job template, as `kubectl patch` takes it.'),
});

export const profileSchema = z.strictObject({
  template: path.optional().describe("A Job template in place of ket's own; not for a suite with a `job`."),
  patch: z
    .record(text, z.unknown())
    .optional()
    .describe("A strategic merge patch of the Job; a suite's own is applied after it."),
  shm: quantity('memory quantity', memoryProblem).optional().describe('Size of `/dev/shm`.'),
  podSecurity: z.enum(podSecurityLevels).optional().describe("Pod Security level of the suite's namespace."),
  resources: z
    .strictObject({
      requests: amounts.prefault({}).describe('What the scheduler sets aside.'),
      limits: amounts.prefault({}).describe('What the suite may use at most.'),
    })
    .prefault({})
    .describe('CPU and memory; each quantity that the suite names itself goes before.'),
});

const quantities = z.record(text, z.union([z.string(), z.number()]).meta({ title: 'quantity' })).optional();

const limitRangeSchema = z.strictObject({
  type: z.enum(['Container', 'Pod', 'PersistentVolumeClaim']).describe('What the limits are for.'),
  max: quantities.describe('The most that one may ask for.'),
  min: quantities.describe('The least.'),
  default: quantities.describe('The limit of a container that names none.'),
  defaultRequest: quantities.describe('The request of a container that names none.'),
  maxLimitRequestRatio: quantities.describe('How many times its request a limit may be.'),
});

export const tierSchema = z.strictObject({
  default: flag.default(false).describe('Run this tier when none is named.'),
  description: text.optional().describe('One line for people.'),
  cluster: clusterSchema
    .optional()
    .describe(
      'The cluster, a Kind cluster of the run or one that is there already; without it the suites run as processes on this machine.',
    ),
  images: z.array(imageSchema).default([]).describe('Images to build and to bring to the nodes.'),
  preload: z
    .union([z.enum(['auto', 'off']), z.array(pulledImage)])
    .default('auto')
    .meta({ title: '`auto` or `off` or list of images' })
    .describe(
      'Images beside `images` that are pulled here once, while the cluster starts, and brought to the nodes: those found in charts, manifests, Jobs and suites; none; or the ones listed.',
    ),
  delivery: z
    .strictObject({
      by: z
        .enum(['auto', 'stream', 'registry'])
        .default('auto')
        .describe(
          'The way: a stream of `docker save` into all nodes at once, a registry from which they pull, or the faster one for the size.',
        ),
      registry: pulledImage
        .default('registry:2.8.3@sha256:a3d8aaa63ed8681a604f1dea0aa03f100d5895b6a58ace528858a7b332415373')
        .describe('Image of that registry, which is started for the run where Docker has or can pull it.'),
    })
    .prefault({})
    .describe('How images come to the nodes.'),
  releases: z.array(releaseSchema).default([]).describe('Helm releases that the suites need.'),
  checks: z
    .array(checkSchema)
    .default([])
    .describe('What must hold when the releases are ready, before suites that require it start.'),
  quota: z
    .record(text, z.union([z.string(), z.number()]).meta({ title: 'quantity' }))
    .default({})
    .describe(
      'Hard limits of a ResourceQuota in the namespace of each attempt, e.g. `{pods: 5, limits.memory: 4Gi}`.',
    ),
  limitRange: z
    .array(limitRangeSchema)
    .default([])
    .describe('Limits of a LimitRange in the namespace of each attempt, as Kubernetes has them.'),
  onUnhealthy: z
    .enum(['fail', 'report'])
    .default('fail')
    .describe(
      'What happens when a release breaks while suites run: `fail` ends the suites that need it as `infra-error`, `report` says it and goes on. A tier `e2e` always fails.',
    ),
  budget: z
    .strictObject({
      time: duration
        .optional()
        .describe('The whole run; 2m in a tier `unit`, 5m in `integration`, 12m in `e2e` unless given.'),
      memory: quantity('memory quantity', memoryProblem)
        .optional()
        .describe(
          'Memory of the suites that run at once; 4Gi in a tier `unit`, 8Gi in `integration`, 16Gi in `e2e` unless given.',
        ),
    })
    .optional()
    .describe('What a run should need at most. More is a warning, and changes no verdict.'),
  soak: soakTime
    .optional()
    .describe(
      'The suites are repeated, in whole rounds, until this time is over, and drift per hour is reported; `--soak` goes before it.',
    ),
  schedule: z
    .strictObject({
      cron: form('cron times', cronProblem).describe(
        'Five fields, UTC: minute, hour, day of the month, month, day of the week.',
      ),
      image: pulledImage
        .optional()
        .describe(
          'For a CronJob: an image with ket and the repository, its working directory the root of it.',
        ),
    })
    .optional()
    .describe('When `ket schedule` lets the tier run: it writes a GitHub workflow or a CronJob.'),
  suites: z.array(suiteSchema).min(1).describe('The test commands.'),
});

/** Not a default of the schema, which could not be told from what somebody asked for. */
export const defaultKind = 'v0.30.0';

export const configSchema = z
  .strictObject({
    version: z.literal(1).default(1).describe('Version of this format.'),
    tools: z
      .strictObject({
        kind: version([0, 20]).optional().meta({
          default: defaultKind,
          description: 'Version of kind; `KET_KIND_VERSION` goes before it.',
        }),
        helm: version([3, 0])
          .default('v4.2.4')
          .describe('Version of Helm; `KET_HELM_VERSION` goes before it.'),
        kubernetes: kubernetes
          .optional()
          .describe('Version of Kubernetes, `1.34` or `1.34.0`, where the cluster of a tier names none.'),
        allowUnlisted: flag
          .default(false)
          .describe("Take versions that ket's own version table does not pair."),
      })
      .prefault({})
      .describe('Versions of the tools that a run uses; never another.'),
    registries: z
      .array(registrySchema)
      .default([])
      .describe('Registries that want a login, for pulls here and in the cluster, and for charts.'),
    output: path.default('ket-results').describe('Folder in which each run makes its own folder.'),
    parallel: whole(1, 1000)
      .optional()
      .describe(
        'Most suites that run at once; as many as the nodes have room for, or as this machine has processors in a tier without a cluster, unless given.',
      ),
    failFast: flag.default(false).describe('Let the first suite that does not pass end the run.'),
    keep: z
      .enum(['never', 'on-failure', 'always'])
      .optional()
      .describe(
        'Whether what a run made stays, for one hour, to be looked at; `on-failure` at a terminal, `never` in CI unless given.',
      ),
    logs: z
      .enum(['on-failure', 'always'])
      .default('on-failure')
      .describe("When the logs of the cluster's nodes and components are saved."),
    profiles: z
      .record(label(30), profileSchema)
      .default({})
      .describe('Settings that kinds of suites share, e.g. `browser`; a suite takes one by `profile`.'),
    tiers: z
      .record(label(30), tierSchema)
      .refine((tiers) => Object.keys(tiers).length > 0, 'must have at least one tier')
      .describe('The kinds of test, by name.'),
  })
  .meta({ title: 'ket.yaml', description: 'What ket runs, and in which cluster.' });

export type KetConfig = z.output<typeof configSchema>;
export type TierConfig = z.output<typeof tierSchema>;
export type ClusterConfig = z.output<typeof clusterSchema>;
export type ImageConfig = z.output<typeof imageSchema>;
export type ReleaseConfig = z.output<typeof releaseSchema>;
export type CheckConfig = z.output<typeof checkSchema>;
export type SuiteConfig = z.output<typeof suiteSchema>;
export type ProfileConfig = z.output<typeof profileSchema>;

/** The part of JSON Schema that this schema gives. */
export interface SchemaNode {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaNode | false;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

let json: SchemaNode | undefined;

/** The schema as JSON Schema (2020-12), of what a file may hold. */
export function jsonSchema(): SchemaNode {
  json ??= z.toJSONSchema(configSchema, { io: 'input' }) as SchemaNode;
  return json;
}
