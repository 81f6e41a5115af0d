import fs from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { KetError, messageOf } from '../../model/errors.ts';
import type { SuitePlan } from '../../model/plan.ts';
import { sidecar } from './in-pod.ts';
import type { Job } from './job-input.ts';
import { mainContainerOf } from './in-pod.ts';
import { templateOf } from './own-job.ts';
import { strategicMerge } from './strategic-merge.ts';
import type { Assets } from '../../model/run.ts';

/** The Job template of a suite: its own, or ket's, or its own Job made one; with the suite's patches. */
export function readTemplate(assets: Assets, suite: SuitePlan): Job {
  const file = suite.job?.file ?? suite.template ?? path.join(assets.root, 'templates', 'test-job.yaml');
  const patched = suite.patches.reduce<unknown>(strategicMerge, readManifest(file)) as Job;
  const template = suite.job === undefined ? patched : templateOf(patched, suite.job.container);
  const lacking = lacks(template, mainContainerOf(suite));
  if (lacking.length === 0) return template;
  throw new KetError(
    'KET_CONFIG',
    `the Job of suite ${suite.name} lacks what ket relies on: ${lacking.join(', ')}`,
    {
      where: suite.patches.length === 0 ? file : `patch of suite ${suite.name}`,
      next:
        suite.job === undefined
          ? 'keep what templates/test-job.yaml has of these'
          : 'see what `ket plan` says of the Job',
    },
  );
}

/** A Job as it stands in its file. */
export function readManifest(file: string): unknown {
  try {
    return parse(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    throw new KetError('KET_CONFIG', `the Job template cannot be read: ${messageOf(error)}`, {
      where: file,
      cause: error,
    });
  }
}

/** Folders through which the helper in the pod works; without one of them no verdict would be proved. */
const mounted = ['/ket/bin', '/ket/state', '/results'];

function lacks({ kind, spec }: Job, main: string): string[] {
  const pod = spec?.template.spec;
  if (kind !== 'Job' || pod === undefined) return ['a pod'];
  const found = {
    [main]: pod.containers.find(({ name }) => name === main),
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
