import { formatBytes, plural } from '../model/format.ts';
import type { Finding } from '../model/finding.ts';
import type { Plan } from '../model/plan.ts';
import { bootProblems } from '../tools/boot.ts';
import { kustomizeCure, noKustomize } from '../tools/kustomize.ts';
import { kindBootOf, kubernetesOfNodes, patchFindings } from '../tools/kubeadm.ts';
import { listedSum, platformOf } from '../tools/table.ts';
import type { DockerEngine, DockerFacts, MachineFacts, ToolFacts } from './machine.ts';

const GiB = 1024 ** 3;
const MiB = 1024 ** 2;

/** An idle control plane takes 0.7 GB, a worker about 0.3. */
const controlPlaneMemory = 700 * MiB;
const workerMemory = 300 * MiB;
const releaseMemory = 256 * MiB;
/** Writable data of a node: unpacked images and containers. */
const nodeDisk = 1 * GiB;
const leastDisk = 1 * GiB;
const resultsDisk = 200 * MiB;
/** Measured with kind v0.30: 26 instances of inotify on a control plane, 13 on a worker, 300 watches at most. */
const controlPlaneInotify = 30;
const workerInotify = 15;
const nodeWatches = 1000;

const ok = (title: string, detail: string): Finding => ({ level: 'ok', title, detail });
const warning = (title: string, detail: string, cure: string): Finding => ({
  level: 'warning',
  title,
  detail,
  cure,
});
const error = (title: string, detail: string, cure: string): Finding => ({
  level: 'error',
  title,
  detail,
  cure,
});

/** What the facts mean for the plan. Errors are what makes a run useless from the start. */
export function judgeMachine(facts: MachineFacts, plan: Plan): Finding[] {
  if (plan.cluster === undefined) return judgeDisks(facts, plan);
  // What runs, runs elsewhere.
  if (plan.cluster.existing !== undefined)
    return [...judgeTools(facts), ...judgeKustomize(facts), ...judgeDisks(facts, plan)];
  return [
    ...judgeDocker(facts.docker, plan),
    ...judgeBoot(facts, plan),
    ...judgeNodeImages(facts),
    ...judgeTools(facts),
    ...judgeKustomize(facts),
    ...judgeMemory(facts, plan),
    ...judgeDisks(facts, plan),
    ...judgeInotify(facts, plan),
    ...facts.takenPorts.map(({ address, port }) =>
      error(
        `port ${String(port)}`,
        `the Kind config wants ${address}:${String(port)}, which another program has`,
        `see who has it (ss -ltnp sport = :${String(port)}), or leave out hostPort so that each run gets its own`,
      ),
    ),
  ];
}

/** The same for a cluster that is there, with its nodes, its ports and its engine. */
export const judgeRoom = (facts: MachineFacts, plan: Plan): Finding[] => {
  const rest = plan.cluster === undefined ? plan : { ...plan, cluster: { ...plan.cluster, nodes: [] } };
  return [...judgeMemory(facts, rest), ...judgeDisks(facts, rest)];
};

function judgeDocker(docker: DockerFacts, plan: Plan): Finding[] {
  if (docker.cli === undefined)
    return [
      error(
        'Docker',
        'there is no docker in PATH',
        'install Docker Engine: https://docs.docker.com/engine/install/',
      ),
    ];
  const remote = remoteHost(docker.host);
  if (remote !== undefined)
    return [
      error(
        'Docker',
        `the engine is on another machine (${remote}); the API of a Kind cluster there listens on that machine's loopback`,
        'unset DOCKER_HOST, or docker context use default; or run ket on that machine',
      ),
    ];
  if (docker.engine === undefined) return [unreachable(docker)];
  return judgeEngine(docker.engine, plan);
}

function unreachable(docker: DockerFacts): Finding {
  const said = (docker.error ?? '').split('\n').at(-1) ?? '';
  const where = docker.host === undefined ? '' : ` at ${docker.host}`;
  if (docker.slow === true)
    return warning(
      'Docker',
      `the engine${where} did not answer in time`,
      'see whether docker info answers at all',
    );
  if (/permission denied/i.test(said))
    return error(
      'Docker',
      `this user may not use Docker${where}: ${said}`,
      'sudo usermod -aG docker "$USER", then log in again',
    );
  return error(
    'Docker',
    `the engine${where} does not answer: ${said}`,
    'start Docker (sudo systemctl start docker)',
  );
}

function judgeEngine(engine: DockerEngine, plan: Plan): Finding[] {
  if (
    engine.components.some((name) => /podman/i.test(name)) ||
    /\/containers\/storage$/.test(engine.rootDir ?? '')
  )
    return [
      error(
        'Docker',
        `the engine is Podman ${engine.version}, which ket does not support`,
        'install Docker Engine and let DOCKER_HOST name it, or nothing',
      ),
    ];
  const findings: Finding[] = [];
  const version = `Docker ${engine.version} on ${engine.os}, cgroup v${engine.cgroup ?? '?'}`;
  if (major(engine.version) < 20)
    findings.push(error('Docker', `${version}: kind needs 20.10 or newer`, 'upgrade Docker Engine'));
  else if (engine.rootless && engine.cgroup !== '2')
    findings.push(
      error(
        'Docker',
        `${version}: rootless Docker can run Kind only with cgroup v2`,
        'boot with systemd.unified_cgroup_hierarchy=1, or use Docker as a system service',
      ),
    );
  else if (engine.rootless)
    findings.push(
      warning(
        'Docker',
        `${version}, rootless: the controllers cpu, memory and pids must be delegated to the user`,
        'see https://kind.sigs.k8s.io/docs/user/rootless/',
      ),
    );
  else findings.push(ok('Docker', version));
  if (engine.buildx === false && plan.images.length > 0)
    findings.push(
      error(
        'BuildKit',
        'the docker CLI has no buildx, by which ket builds the images of the plan',
        'install the plug-in: package docker-buildx-plugin (of Docker) or docker-buildx (of Debian and Ubuntu)',
      ),
    );
  return findings;
}

/** The host's name when the engine is not on this machine. */
export function remoteHost(host: string | undefined): string | undefined {
  const [, scheme, rest] = /^(tcp|ssh|https?):\/\/(.*)$/.exec(host ?? '') ?? [];
  if (scheme === undefined || rest === undefined || host === undefined) return undefined;
  const name = /^\[([^\]]*)\]/.exec(rest)?.[1] ?? rest.replace(/[:/].*$/, '');
  return name === 'localhost' || name === '::1' || /^127\./.test(name) ? undefined : host;
}

const major = (version: string): number => Number.parseInt(version, 10) || 0;

/** Whether the nodes that are asked for can start here, and what of the Kind config they would not heed. */
function judgeBoot(facts: MachineFacts, plan: Plan): Finding[] {
  const boot = kindBootOf(plan.cluster?.kindConfig ?? {});
  const { kind } = plan.tools;
  return kubernetesOfNodes(kind, plan.cluster?.nodeImage, boot).flatMap((kubernetes) => [
    ...bootProblems({
      kind,
      kubernetes,
      cgroup: facts.docker.engine?.cgroup,
      cgroupV1Allowed: boot.cgroupV1Allowed,
    }).map(({ title, detail, cure }) => error(title, detail, cure)),
    ...patchFindings(boot, kind, kubernetes),
  ]);
}

/** The programs of a node image of another processor do not start. */
function judgeNodeImages({ docker, nodeImages = [] }: MachineFacts): Finding[] {
  const arch = docker.engine?.arch;
  if (arch === undefined) return [];
  return nodeImages
    .filter(({ platform }) => platform.split('/')[1] !== arch)
    .map(({ image, platform }) =>
      error(
        'node image',
        `${image} is of ${platform}, and Docker here runs on ${arch}`,
        `name a node image of linux/${arch}; or pull this one again for it: docker pull --platform linux/${arch} ${image}`,
      ),
    );
}

const judgeTools = (facts: MachineFacts): Finding[] =>
  facts.tools.map((tool) => {
    const { name, asked, path, notice, error: problem, cure, slow } = tool;
    if (slow === true)
      return warning(
        name,
        `it did not tell its version in time; ${asked} is asked for`,
        `try ${name} version`,
      );
    if (path !== undefined && notice === undefined) return ok(name, `${asked} (${path})`);
    if (isOffered(tool, facts)) return ok(name, `${asked}, which is downloaded when a run needs it`);
    if (path === undefined)
      return error(
        name,
        `${name} ${asked} was not found: ${problem ?? ''}`,
        cure ?? `install ${name} ${asked}`,
      );
    return warning(name, notice ?? '', `install the published ${name} ${asked}`);
  });

function judgeKustomize({ kustomize }: MachineFacts): Finding[] {
  if (kustomize === undefined) return [];
  if (kustomize !== '') return [ok('kustomize', `kustomizations are built by ${kustomize}`)];
  return [{ ...error('kustomize', noKustomize, kustomizeCure), code: 'KET_TOOL' }];
}

/** The version table has this version's sum for this machine. */
function isOffered({ name, asked }: ToolFacts, { platform, arch }: MachineFacts): boolean {
  return (
    (name === 'kind' || name === 'helm') && listedSum(name, asked, platformOf(platform, arch)) !== undefined
  );
}

function judgeMemory(facts: MachineFacts, plan: Plan): Finding[] {
  const nodes = plan.cluster?.nodes ?? [];
  const workers = nodes.filter((role) => role === 'worker').length;
  const needed =
    (nodes.length - workers) * controlPlaneMemory +
    workers * workerMemory +
    plan.releases.length * releaseMemory;
  // Docker in a machine of its own has that machine's memory, of which nothing more is known.
  const there = facts.memoryAvailable ?? facts.docker.engine?.memory;
  if (there === undefined) return [];
  const detail = `${formatBytes(there)} available, about ${formatBytes(needed)} needed for ${plural(nodes.length, 'node')}`;
  const cure = 'end other programs or clusters (ket status), or use a tier with fewer nodes';
  if (there >= needed) return [ok('memory', detail)];
  return [there < needed / 2 ? error('memory', detail, cure) : warning('memory', detail, cure)];
}

function judgeDisks(facts: MachineFacts, plan: Plan): Finding[] {
  const nodes = plan.cluster?.nodes.length ?? 0;
  return facts.disks.map(({ what, path, free }) => {
    const docker = what.includes('Docker');
    const needed = docker ? leastDisk + nodes * nodeDisk : resultsDisk;
    const detail = `${formatBytes(free)} free on ${what} (${path}), about ${formatBytes(needed)} needed`;
    const cure = docker
      ? 'docker system df shows what takes it; docker system prune removes what is unused'
      : 'free some space';
    if (free >= needed) return ok('disk', detail);
    return free < needed / 2 ? error('disk', detail, cure) : warning('disk', detail, cure);
  });
}

function judgeInotify(facts: MachineFacts, plan: Plan): Finding[] {
  if (facts.inotify === undefined) return [];
  const { instances, watches } = facts.inotify;
  const nodes = plan.cluster?.nodes ?? [];
  const workers = nodes.filter((role) => role === 'worker').length;
  const needed = (nodes.length - workers) * controlPlaneInotify + workers * workerInotify;
  const detail = `${String(instances)} instances and ${String(watches)} watches allowed, about ${String(needed)} instances needed for ${plural(nodes.length, 'node')}`;
  const cure = 'sudo sysctl fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=524288';
  if (instances < needed) return [error('inotify', detail, cure)];
  // Other programs and clusters of root share the limit.
  if (instances < 1.5 * needed + 20 || watches < nodes.length * nodeWatches)
    return [warning('inotify', detail, cure)];
  return [ok('inotify', detail)];
}
