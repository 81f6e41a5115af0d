import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { KetError } from '../model/errors.ts';
import type { Plan } from '../model/plan.ts';
import type { ClusterMade, UpRecord, UpStore } from '../model/up.ts';

/** Beside the state file of the run that made the cluster, and gone with it. */
export const upRecordFile = (home: string, run: string): string => path.join(home, `${run}.up`);

/** What the plan would make the cluster from. */
export function clusterMadeOf({ cluster, tools }: Plan): ClusterMade {
  if (cluster === undefined) throw new Error('a plan without a cluster');
  return { kindConfig: cluster.kindConfig, nodeImage: cluster.nodeImage ?? `that of kind ${tools.kind}` };
}

/** The record of a cluster; undefined where there is none that can be read: then nothing is known to be unchanged. */
export function readUpRecord(file: string): UpRecord | undefined {
  try {
    const record = JSON.parse(fs.readFileSync(file, 'utf8')) as Partial<UpRecord>;
    return record.v === 1 && record.cluster !== undefined && record.releases !== undefined
      ? (record as UpRecord)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Opens the record of a cluster, or begins it. */
export function openUpRecord(file: string, cluster: ClusterMade): UpStore {
  let record = readUpRecord(file) ?? { v: 1, cluster, releases: {} };
  const write = (releases: UpRecord['releases']): void => {
    // Another run on the same cluster may have written meanwhile; whoever was wrong upgrades once more.
    record = { ...record, releases };
    const next = `${file}.${String(process.pid)}.part`;
    fs.writeFileSync(next, JSON.stringify(record), { mode: 0o600 });
    fs.renameSync(next, file);
  };
  write(record.releases);
  return {
    key: keyIn(path.dirname(file)),
    releases: () => record.releases,
    set: (name, made) => write({ ...record.releases, [name]: made }),
    forget(name) {
      const { [name]: _gone, ...rest } = record.releases;
      write(rest);
    },
  };
}

/** One for all clusters of this user on this machine. */
function keyIn(home: string): Buffer {
  const file = path.join(home, '..', 'key');
  try {
    fs.writeFileSync(file, randomBytes(32), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return fs.readFileSync(file);
}

/** A cluster of another Kind config or Kubernetes would not be what the tier asks for. */
export function refuseOtherCluster(plan: Plan, record: UpRecord, name: string): void {
  const differs = differences(record.cluster, clusterMadeOf(plan));
  if (differs.length === 0) return;
  throw new KetError(
    'KET_CONFIG',
    `cluster ${name}, which ket up made for tier ${plan.tier}, was made from something else: ${differs.join('; ')}`,
    {
      ...(plan.cluster?.configs[0] === undefined ? {} : { where: plan.cluster.configs[0] }),
      next: 'ket up --recreate makes it anew (or ket down, then ket up)',
    },
  );
}

/** What is not the same, in the words of a Kind config. */
export function differences(was: ClusterMade, is: ClusterMade): string[] {
  const keys = [...new Set([...Object.keys(was.kindConfig), ...Object.keys(is.kindConfig)])].sort();
  const plain = (value: unknown): unknown =>
    value === undefined ? undefined : JSON.parse(JSON.stringify(value));
  return [
    ...(was.nodeImage === is.nodeImage ? [] : [`the node image was ${was.nodeImage} and is ${is.nodeImage}`]),
    ...keys
      .filter((key) => !isDeepStrictEqual(plain(was.kindConfig[key]), plain(is.kindConfig[key])))
      .map((key) => `"${key}" of the Kind config has changed`),
  ];
}
