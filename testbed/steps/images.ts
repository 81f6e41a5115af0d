/** Images: a plain Dockerfile each, found again by the hash of what goes in. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Docker } from '../lib/docker.ts';
import { hashOf, treeText } from '../lib/hash.ts';
import {
  aptOptions,
  certificateBundle,
  debianMirrors,
  extraCertificates,
  mainMirror,
} from '../lib/machine.ts';
import { paths, sourceDir } from '../lib/paths.ts';
import { run } from '../lib/proc.ts';
import { product } from '../lib/product.ts';
import type { Step } from '../lib/steps.ts';
import { images, suffixOf, versions } from '../lib/versions.ts';
import type { KubernetesVersion } from '../lib/versions.ts';
import { goBinary, goProduct, hyperkube, programs } from './go.ts';
import type { GoProgram } from './go.ts';

export interface Image {
  readonly id: string;
  /** The tag by which it is found again; other tags point to it. */
  readonly tag: string;
  readonly step: Step;
}

interface Recipe {
  readonly id: string;
  /** Where it is not `images/<id>`: several images of one Dockerfile. */
  readonly folder?: string;
  readonly title: string;
  /** Public names that it stands in for. */
  readonly names?: readonly string[];
  readonly base?: Image;
  readonly programs?: readonly GoProgram[];
  /** Generated files of the build context. */
  readonly files?: Readonly<Record<string, string>>;
  readonly args?: Readonly<Record<string, string>>;
}

/** An image from `testbed/images/<folder>/Dockerfile`; ARG BASE names what it starts from. */
export function image(docker: Docker, recipe: Recipe): Image {
  const binaries = recipe.programs ?? [];
  const folder = join(sourceDir, 'images', recipe.folder ?? recipe.id);
  const hash = hashOf([
    treeText(folder),
    recipe.base?.tag ?? '',
    ...binaries.map((program) => goProduct(program).hash),
    JSON.stringify([recipe.files ?? {}, recipe.args ?? {}]),
  ]);
  const tag = `ket-testbed/${recipe.id}:${hash}`;
  const names = recipe.names ?? [];
  const build = async (log: string): Promise<void> => {
    const context = join(paths.work, `context-${recipe.id}`);
    rmSync(context, { recursive: true, force: true });
    mkdirSync(paths.work, { recursive: true });
    cpSync(folder, context, { recursive: true });
    for (const [name, text] of Object.entries(recipe.files ?? {})) writeFileSync(join(context, name), text);
    for (const program of binaries) cpSync(goBinary(program), join(context, program.file));
    const args = { ...(recipe.base ? { BASE: recipe.base.tag } : {}), ...recipe.args };
    const buildArgs = Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
    await docker.run(['build', '--progress=plain', ...buildArgs, '--tag', tag, context], { log });
    rmSync(context, { recursive: true, force: true });
  };
  return {
    id: recipe.id,
    tag,
    step: {
      id: `image-${recipe.id}`,
      title: recipe.title,
      lane: 'docker',
      needs: [
        'daemon',
        ...(recipe.base ? [`image-${recipe.base.id}`] : []),
        ...binaries.map((program) => program.id),
      ],
      isDone: () => sameImage(docker, [tag, ...names]),
      run: async (log) => {
        if (!docker.tags().has(tag)) await build(log);
        for (const name of names) await docker.run(['tag', tag, name], { log });
      },
    },
  };
}

/** Do all these tags exist and mean one image? */
export function sameImage(docker: Docker, tags: readonly string[]): boolean {
  const ids = new Set(tags.map((tag) => docker.tags().get(tag)));
  return ids.size === 1 && !ids.has(undefined);
}

/** A Debian root file system, made by debootstrap and packed once. */
function rootfs(): { readonly file: string; readonly hash: string; readonly step: Step } {
  const include = mainMirror().startsWith('https:') ? ['ca-certificates'] : [];
  const made = product('rootfs', hashOf([versions.debian, mainMirror(), ...include, 'minbase']));
  const file = join(made.dir, 'rootfs.tar');
  return {
    file,
    hash: made.hash,
    step: {
      id: 'rootfs',
      title: `debootstrap ${versions.debian}`,
      lane: 'fetch',
      needs: ['host-packages'],
      isDone: made.isDone,
      run: (log) =>
        made.make(async (dir) => {
          const root = join(dir, 'root');
          const extra = include.length > 0 ? [`--include=${include.join(',')}`] : [];
          await run(['debootstrap', '--variant=minbase', ...extra, versions.debian, root, mainMirror()], {
            log,
          });
          const left = [
            './var/cache/apt/archives/*.deb',
            './var/lib/apt/lists/*',
            './var/log/*',
            './usr/share/doc/*',
            './usr/share/man/*',
            './usr/share/locale/*',
          ];
          await run(
            [
              'tar',
              '-C',
              root,
              '--numeric-owner',
              ...left.flatMap((glob) => ['--exclude', glob]),
              '-cf',
              join(dir, 'rootfs.tar'),
              '.',
            ],
            { log },
          );
          rmSync(root, { recursive: true, force: true });
        }),
    },
  };
}

/** The bare root file system as an image; everything else starts from it. */
function debian(docker: Docker): { readonly image: Image; readonly steps: Step[] } {
  const made = rootfs();
  const tag = `ket-testbed/debian:${made.hash}`;
  const step: Step = {
    id: 'image-debian',
    title: `image of Debian ${versions.debian}`,
    lane: 'docker',
    needs: ['daemon', 'rootfs'],
    isDone: () => docker.tags().has(tag),
    run: async (log) => {
      await docker.run(['import', '--change', 'CMD ["bash"]', made.file, tag], { log });
    },
  };
  return { image: { id: 'debian', tag, step }, steps: [made.step, step] };
}

/** apt's sources and options of this machine, as files for the images. */
function aptFiles(): Record<string, string> {
  const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
  const sources = debianMirrors()
    .map(({ uri, suite }) => `deb [signed-by=${keys}] ${uri} ${suite} main\n`)
    .join('');
  return { 'sources.list': sources, 'apt.conf': `${aptOptions().join('\n')}\n` };
}

/** What the images of this machine must trust and say, as files and environment. */
function trustFiles(): Record<string, string> {
  const extra = extraCertificates();
  return {
    'extra.crt': extra.map((certificate) => `${certificate}\n`).join(''),
    'bundle.crt': extra.length > 0 ? certificateBundle() : '',
  };
}

export interface ImageSet {
  readonly steps: Step[];
  readonly aptBase: Image;
  readonly base: Image;
  readonly python: Image;
  readonly postgres: Image;
  readonly redis: Image;
  readonly registry: Image;
  readonly busybox: Image;
  readonly agnhost: Image;
  readonly traefik: Image;
}

/** The images under public names, and the base that the node's images share. */
export function publicImages(docker: Docker): ImageSet {
  const bare = debian(docker);
  const aptBase = image(docker, {
    id: 'apt-base',
    title: "image of Debian with this machine's mirrors",
    base: bare.image,
    files: aptFiles(),
  });
  const base = image(docker, {
    id: extraCertificates().length > 0 ? 'base-trust' : 'base',
    title: `image ${images.base}`,
    names: [images.base],
    base: aptBase,
    files: extraCertificates().length > 0 ? trustFiles() : {},
  });
  const standIn = (id: string, name: string, from: Image): Image =>
    image(docker, { id, title: `image ${name}`, names: [name], base: from });
  const set = {
    aptBase,
    base,
    python: standIn('python', images.python, base),
    postgres: standIn('postgres', images.postgres, base),
    redis: standIn('redis', images.redis, base),
    registry: standIn('registry', images.registry, base),
    busybox: standIn('busybox', images.busybox, aptBase),
    agnhost: image(docker, {
      id: 'agnhost',
      title: `image ${images.agnhost}`,
      names: [images.agnhost],
      programs: [programs.agnhost],
    }),
    traefik: image(docker, {
      id: 'traefik',
      title: `image ${images.traefik}`,
      names: [images.traefik],
      programs: [programs.traefik],
    }),
  };
  return { ...set, steps: [...bare.steps, ...Object.values(set).map((each) => each.step)] };
}

/** The Kubernetes programs of a version, as an image for the pods of a node. */
export const kubeImage = (docker: Docker, aptBase: Image, of: KubernetesVersion): Image =>
  image(docker, {
    id: `kube${suffixOf(of)}`,
    folder: 'kube',
    title: `image of the programs of Kubernetes ${of.version}`,
    base: aptBase,
    programs: [hyperkube(of)],
  });

/** Images of the other programs that run in the nodes' pods, whatever the version of Kubernetes. */
export function nodePrograms(docker: Docker): Record<'etcd' | 'coredns' | 'localPath' | 'pause', Image> {
  const of = (id: string, program: GoProgram): Image =>
    image(docker, { id, title: `image of ${id}`, programs: [program] });
  return {
    etcd: of('etcd', programs.etcd),
    coredns: of('coredns', programs.coredns),
    localPath: of('local-path', programs.localPath),
    pause: of('pause', programs.pause),
  };
}
