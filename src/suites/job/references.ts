import type { V1EnvFromSource, V1EnvVar, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import type { Wire } from '../../model/kube.ts';
import type { Reference, SuitePlan } from '../../model/plan.ts';
import { attemptName, type AttemptId } from '../names.ts';

/**
 * What a suite takes of the Secrets and ConfigMaps of releases: each object is copied beside the attempt's pod
 * (reference-copies.ts), which refers to the copy as Kubernetes has it. Pure.
 */

/** An object of which a suite takes something. */
export interface Source {
  /** `release/shop/secret/db` */
  readonly text: string;
  readonly release: string;
  readonly kind: Reference['kind'];
  readonly name: string;
  readonly references: readonly Reference[];
}

/** The objects that a suite takes something of, each once. */
export function sourcesOf({ references }: Pick<SuitePlan, 'references'>): Source[] {
  const objectOf = (one: Reference): string => one.text.split('/').slice(0, 4).join('/');
  return [...new Set(references.map(objectOf))].flatMap((text) => {
    const own = references.filter((one) => objectOf(one) === text);
    const [first] = own;
    if (first === undefined) return [];
    const { release, kind, name } = first;
    return [{ text, release, kind, name, references: own }];
  });
}

/** The keys that are wanted of an object; undefined: all. */
export function keysOf({ references }: Source): string[] | undefined {
  const keys = references.flatMap(({ key }) => key ?? []);
  return keys.length < references.length ? undefined : [...new Set(keys)];
}

/** Each key of the object becomes a variable. */
export const isWhole = ({ variable, folder }: Reference): boolean =>
  variable === undefined && folder === undefined;

/** Name of the copy of a suite's so-manieth object, from 0. */
export const copyName = (id: AttemptId, index: number): string => `${attemptName(id)}-of-${index + 1}`;

/** What the pod of a suite has of its references. */
export interface ReferenceParts {
  readonly env: readonly Wire<V1EnvVar>[];
  readonly envFrom: readonly Wire<V1EnvFromSource>[];
  readonly volumes: readonly Wire<V1Volume>[];
  readonly mounts: readonly Wire<V1VolumeMount>[];
}

export function referenceParts(id: AttemptId, suite: SuitePlan): ReferenceParts {
  const sources = sourcesOf(suite);
  const all = suite.references.map((one, position) => ({
    ...one,
    copy: copyName(
      id,
      sources.findIndex(({ references }) => references.includes(one)),
    ),
    volume: `ket-files-${position + 1}`,
  }));
  return {
    env: all.flatMap(({ kind, copy, key, variable }) => {
      if (variable === undefined || key === undefined) return [];
      const ref = { name: copy, key };
      const valueFrom = kind === 'Secret' ? { secretKeyRef: ref } : { configMapKeyRef: ref };
      return [{ name: variable, valueFrom }];
    }),
    envFrom: all
      .filter(isWhole)
      .map(({ kind, copy }) =>
        kind === 'Secret' ? { secretRef: { name: copy } } : { configMapRef: { name: copy } },
      ),
    volumes: all.flatMap(({ kind, copy, key, folder, volume }): Wire<V1Volume>[] => {
      if (folder === undefined) return [];
      const items = key === undefined ? {} : { items: [{ key, path: key }] };
      return kind === 'Secret'
        ? [{ name: volume, secret: { secretName: copy, ...items } }]
        : [{ name: volume, configMap: { name: copy, ...items } }];
    }),
    mounts: all.flatMap(({ folder, volume }) =>
      folder === undefined ? [] : [{ name: volume, mountPath: folder, readOnly: true }],
    ),
  };
}
