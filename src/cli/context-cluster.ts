import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { chooseContext, type KubeconfigFile } from '../cluster/kubeconfig.ts';
import { KetError, messageOf } from '../model/errors.ts';
import type { ExistingPlan } from '../model/plan.ts';
import type { ContextCluster } from '../pipeline/existing.ts';
import { onPath } from '../tools/find.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** The cluster that a context of a kubeconfig names. Reads the kubeconfig, and asks the cluster nothing. */
export function contextCluster(env: Env, plan: ExistingPlan): ContextCluster {
  const files = filesOf(env, plan).flatMap(readFile);
  if (files.length === 0)
    throw new KetError('KET_CONFIG', 'there is no kubeconfig', {
      where: filesOf(env, plan)
        .map(({ path: file }) => file)
        .join(path.delimiter),
      next: 'set KUBECONFIG, or name the file: `kubeconfig` of the cluster in ket.yaml, or --kubeconfig',
    });
  const isProgram = (command: string): boolean =>
    path.isAbsolute(command) ? isExecutable(command) : onPath(env, command).length > 0;
  const { context, text } = chooseContext(files, plan.context, isProgram);
  return { name: context, copy: text, shared: true, releasesStay: false, nodes: [] };
}

interface Candidate {
  readonly path: string;
  /** One that is named must be there; of those in KUBECONFIG kubectl, too, passes over what is not. */
  readonly required: boolean;
}

/** As kubectl looks for them. */
function filesOf(env: Env, { kubeconfig }: ExistingPlan): Candidate[] {
  if (kubeconfig !== undefined) return [{ path: kubeconfig, required: true }];
  const named = (env['KUBECONFIG'] ?? '').split(path.delimiter).filter((file) => file !== '');
  const list = named.length > 0 ? named : [path.join(env['HOME'] ?? os.homedir(), '.kube', 'config')];
  return [...new Set(list)].map((file) => ({ path: path.resolve(file), required: false }));
}

function readFile({ path: file, required }: Candidate): KubeconfigFile[] {
  try {
    return [{ path: file, text: fs.readFileSync(file, 'utf8') }];
  } catch (error) {
    if (!required && (error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new KetError('KET_CONFIG', `the kubeconfig cannot be read: ${messageOf(error)}`, {
      where: file,
      next: 'name another one, or give the user of ket the right to read it',
    });
  }
}

function isExecutable(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
