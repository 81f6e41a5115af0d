import fs from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { KetError, messageOf } from '../model/errors.ts';
import type { SuitePlan } from '../model/plan.ts';
import { mainContainer, sidecar, type Job } from './job.ts';
import { strategicMerge } from './strategic-merge.ts';
import type { Assets } from './world.ts';

/** The Job template of a suite: its own, or ket's, with the suite's patch. */
export function readTemplate(assets: Assets, suite: SuitePlan): Job {
  const file = suite.template ?? path.join(assets.root, 'templates', 'test-job.yaml');
  let template: unknown;
  try {
    template = parse(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    throw new KetError('KET_CONFIG', `the Job template cannot be read: ${messageOf(error)}`, {
      where: file,
      cause: error,
    });
  }
  const patched = (suite.patch === undefined ? template : strategicMerge(template, suite.patch)) as Job;
  const lacking = lacks(patched);
  if (lacking.length === 0) return patched;
  throw new KetError(
    'KET_CONFIG',
    `the Job of suite ${suite.name} lacks what ket relies on: ${lacking.join(', ')}`,
    {
      where: suite.patch === undefined ? file : `patch of suite ${suite.name}`,
      next: 'keep what templates/test-job.yaml has of these',
    },
  );
}

/** Folders through which the helper in the pod works; without one of them no verdict would be proved. */
const mounted = ['/ket/bin', '/ket/state', '/results'];

function lacks({ kind, spec }: Job): string[] {
  const pod = spec?.template.spec;
  if (kind !== 'Job' || pod === undefined) return ['a pod'];
  const found = {
    [mainContainer]: pod.containers.find(({ name }) => name === mainContainer),
    [sidecar]: pod.initContainers?.find(({ name }) => name === sidecar),
  };
  const volumes = new Set(['ket-bin', ...(pod.volumes ?? []).map(({ name }) => name)]);
  return Object.entries(found).flatMap(([name, container]) => {
    if (container === undefined) return [`container ${name}`];
    return mounted.flatMap((folder) => {
      const mount = container.volumeMounts?.find(({ mountPath }) => mountPath === folder);
      if (mount === undefined) return [`the mount of ${folder} in container ${name}`];
      return volumes.has(mount.name) ? [] : [`volume ${mount.name}`];
    });
  });
}
