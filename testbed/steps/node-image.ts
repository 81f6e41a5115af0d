/**
 * The node image that kind boots: the file system of a node, and in its
 * containerd the images that a cluster needs before anything can be pulled.
 */
import { appendFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Docker } from '../lib/docker.ts';
import { goConstant } from '../lib/go-constants.ts';
import { hashOf, treeText } from '../lib/hash.ts';
import { paths, sourceDir } from '../lib/paths.ts';
import { ask, run } from '../lib/proc.ts';
import type { Step } from '../lib/steps.ts';
import { nodeImageOf, suffixOf, versions } from '../lib/versions.ts';
import type { KubernetesVersion } from '../lib/versions.ts';
import { goBinary, goProduct, hyperkube, moduleDir } from './go.ts';
import { image, kubeImage, nodePrograms, sameImage } from './images.ts';
import type { Image, ImageSet } from './images.ts';

const cniImage = 'ket-testbed/cni-agent:v1';
const kubePrograms = /^kube-(apiserver|controller-manager|scheduler|proxy)$/;

/** What a node image is made of, beside the files of this folder. */
type Parts = Readonly<Record<'kube' | 'packages' | 'busybox', Image>> & ReturnType<typeof nodePrograms>;

export const nodeImageId = (of: KubernetesVersion): string => `node-image${suffixOf(of)}`;

/** The node images of these versions, one after another: on their way they take the same names. */
export function nodeImageSteps(
  docker: Docker,
  set: ImageSet,
  versionsOf: readonly KubernetesVersion[],
): Step[] {
  const shared = nodePrograms(docker);
  const packages = image(docker, {
    id: 'node-packages',
    title: "image of a node's Debian packages",
    base: set.aptBase,
  });
  const steps = [packages, ...Object.values(shared)].map((each) => each.step);
  let before: string[] = [];
  for (const of of versionsOf) {
    const kube = kubeImage(docker, set.aptBase, of);
    const step = nodeImageStep(docker, of, { ...shared, kube, packages, busybox: set.busybox });
    steps.push(kube.step, { ...step, needs: [...step.needs, ...before] });
    before = [step.id];
  }
  return steps;
}

function nodeImageStep(docker: Docker, of: KubernetesVersion, parts: Parts): Step {
  const { packages, ...inside } = parts;
  const program = hyperkube(of);
  const name = nodeImageOf(of);
  const hash = hashOf([
    treeText(join(sourceDir, 'images', 'node')),
    treeText(join(sourceDir, 'steps', 'node-image.ts')),
    packages.tag,
    ...Object.values(inside).map((each) => each.tag),
    goProduct(program).hash,
    versions.kind,
  ]);
  const tag = `ket-testbed/node:${hash}`;
  return {
    id: nodeImageId(of),
    title: `node image ${name}`,
    lane: 'docker',
    needs: Object.values(parts)
      .map((each) => each.step.id)
      .concat(program.id),
    isDone: () => sameImage(docker, [tag, name]),
    run: async (log) => {
      if (!docker.tags().has(tag)) await build(docker, tag, of, parts, log);
      await docker.run(['tag', tag, name], { log });
    },
  };
}

async function build(
  docker: Docker,
  tag: string,
  of: KubernetesVersion,
  parts: Parts,
  log: string,
): Promise<void> {
  const context = join(paths.work, 'context-node');
  const storage = await prepareContext(context, of, log);
  const fileSystem = `${tag}-files`;
  await docker.run(
    ['build', '--progress=plain', '--build-arg', `BASE=${parts.packages.tag}`, '--tag', fileSystem, context],
    { log },
  );
  const names = await nameImages(docker, context, of, parts, storage, log);
  rmSync(context, { recursive: true, force: true });
  await preload(docker, fileSystem, names, tag, log);
  await docker.run(['image', 'rm', fileSystem], { log }); // only its name: the node image holds its layers
}

interface StorageImages {
  readonly provisioner: string;
  readonly helper: string;
}

/** Everything that the node's Dockerfile copies, kind's own files among it. */
async function prepareContext(context: string, of: KubernetesVersion, log: string): Promise<StorageImages> {
  rmSync(context, { recursive: true, force: true });
  mkdirSync(paths.work, { recursive: true });
  cpSync(join(sourceDir, 'images', 'node'), context, { recursive: true });
  const kind = await moduleDir(`sigs.k8s.io/kind@v${versions.kind}`, log);
  const files = join(context, 'kind-files');
  cpSync(join(kind, 'images', 'base', 'files'), files, {
    recursive: true,
    filter: (path) => !path.includes('LICENSES'),
  });
  await run(['chmod', '-R', 'u+w', files], { log }); // the module's files are read-only
  const config = join(files, 'etc', 'containerd', 'config.toml');
  // Published nodes have a newer containerd, which looks there unasked.
  appendFileSync(
    config,
    `\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n`,
  );
  replaceIn(config, 'restrict_oom_score_adj = false', 'restrict_oom_score_adj = true'); // a machine that lacks CAP_SYS_RESOURCE
  const source = readFileSync(join(kind, 'pkg', 'build', 'nodeimage', 'const_storage.go'), 'utf8');
  writeFileSync(join(context, 'default-storage.yaml'), goConstant(source, 'defaultStorageManifest'));
  writeFileSync(join(context, 'version'), `v${of.version}`);
  cpSync(goBinary(hyperkube(of)), join(context, 'hyperkube'));
  return {
    provisioner: goConstant(source, 'storageProvisionerImage'),
    helper: goConstant(source, 'storageHelperImage'),
  };
}

function replaceIn(file: string, from: string, to: string): void {
  const before = readFileSync(file, 'utf8');
  if (!before.includes(from))
    throw new Error(`${file} has no line "${from}": does this version of kind differ?`);
  writeFileSync(file, before.replace(from, to));
}

/** Gives the images the names that kubeadm, containerd and the manifests ask for. */
async function nameImages(
  docker: Docker,
  context: string,
  of: KubernetesVersion,
  parts: Parts,
  storage: StorageImages,
  log: string,
): Promise<string[]> {
  const listed = ask([
    goBinary(hyperkube(of)),
    'kubeadm',
    'config',
    'images',
    'list',
    '--kubernetes-version',
    `v${of.version}`,
  ]);
  if (!listed.ok) throw new Error(`kubeadm does not list its images: ${listed.err}`);
  const config = readFileSync(join(context, 'kind-files', 'etc', 'containerd', 'config.toml'), 'utf8');
  const sandbox = /sandbox_image\s*=\s*"([^"]+)"/.exec(config)?.[1];
  if (sandbox === undefined) throw new Error("containerd's configuration names no sandbox image");
  const names = new Map<string, Image>([
    [sandbox, parts.pause],
    [cniImage, parts.kube],
    [storage.provisioner, parts.localPath],
    [storage.helper, parts.busybox],
  ]);
  for (const name of listed.out.split('\n').filter(Boolean)) {
    const program = name.slice(name.lastIndexOf('/') + 1).replace(/:.*/, '');
    if (kubePrograms.test(program)) names.set(name, parts.kube);
    else if (program === 'etcd') names.set(name, parts.etcd);
    else if (program === 'coredns') names.set(name, parts.coredns);
    else if (program !== 'pause')
      throw new Error(`kubeadm asks for an image that is not built here: ${name}`);
  }
  for (const [name, from] of names) await docker.run(['tag', from.tag, name], { log });
  return [...names.keys()];
}

/** Runs the node with its containerd alone, loads the images, and keeps the result. */
async function preload(
  docker: Docker,
  fileSystem: string,
  names: readonly string[],
  tag: string,
  log: string,
): Promise<void> {
  const container = 'ket-testbed-node-build'; // one at a time, by the lock; a killed call may have left it
  ask(['docker', 'rm', '--force', '--volumes', container], docker.env, 60_000);
  await docker.run(
    [
      'run',
      '--detach',
      '--name',
      container,
      '--security-opt',
      'seccomp=unconfined',
      '--entrypoint',
      'sleep',
      fileSystem,
      'infinity',
    ],
    { log },
  );
  try {
    await docker.run(['exec', '--detach', container, 'containerd'], { log });
    const until = Date.now() + 60_000;
    while (!ask(['docker', 'exec', container, 'ctr', 'version'], docker.env).ok) {
      if (Date.now() > until) throw new Error('containerd in the node does not answer within 60 s');
      await sleep(200);
    }
    await docker.run(
      [
        'exec',
        '--interactive',
        container,
        'ctr',
        '--namespace=k8s.io',
        'images',
        'import',
        '--no-unpack',
        '--all-platforms',
        '--digests',
        '-',
      ],
      { log, pipeFrom: ['docker', 'save', ...names] },
    );
    await docker.run(['exec', container, 'pkill', '--exact', 'containerd'], { log });
    await docker.run(
      [
        'commit',
        '--change',
        'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]',
        '--change',
        'CMD []',
        container,
        tag,
      ],
      { log },
    );
  } finally {
    ask(['docker', 'rm', '--force', '--volumes', container], docker.env, 60_000);
  }
}
