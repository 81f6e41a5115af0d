/** What a shell needs to use the testbed: ordinary variables that any tool reads. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { goProduct, programs } from '../steps/go.ts';
import type { Docker } from './docker.ts';
import { ownDockerHost, paths } from './paths.ts';
import { images } from './versions.ts';

export type Variables = Readonly<Record<string, string>>;

/** `built`: the node image was built here and so has no digest to be pulled by. */
export function variables(docker: Docker, built: boolean): Variables {
  const tools = [programs.kind, programs.helm, programs.act, programs.helm3, programs.hyperkube]
    .map((program) => goProduct(program).dir)
    .filter((dir) => existsSync(dir));
  const bins = [
    ...(docker.kind === 'own' ? docker.binDirs.slice(0, 1) : []),
    ...tools.map((dir) => join(dir, 'bin')),
  ];
  const before = (process.env['PATH'] ?? '').split(':').filter((dir) => !bins.includes(dir));
  return {
    PATH: [...bins, ...before].join(':'),
    ...(docker.kind === 'own' ? { DOCKER_HOST: ownDockerHost, DOCKER_CONFIG: paths.dockerConfig } : {}),
    ...(built ? nodeImages(docker) : {}),
  };
}

/** The one image that goes before all, and all of them by version, for runs that ask for several. */
function nodeImages(docker: Docker): Variables {
  // Docker is asked only where there may be another: this runs in every shell.
  const hasOld = goProduct(programs.oldHyperkube).isDone() && docker.tags().has(images.oldNode);
  return {
    KET_NODE_IMAGE: images.node,
    KET_NODE_IMAGES: [...(hasOld ? [images.oldNode] : []), images.node].join(','),
  };
}

/** Lines for `eval` in a POSIX shell. */
export function exportLines(all: Variables): string {
  return Object.entries(all)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`)
    .join('');
}
