import type { V1Pod } from '@kubernetes/client-node';
import { KetError } from '../model/errors.ts';
import { digestOf, imageKey } from '../model/image-name.ts';
import type { Kube, Wire } from '../model/kube.ts';
import type { ImagePlan, Plan, ReleasePlan } from '../model/plan.ts';
import { labels } from '../model/labels.ts';

type Pod = Wire<V1Pod>;

/** A container that runs something else than what was asked for. */
export interface WrongDigest {
  readonly pod: string;
  readonly container: string;
  readonly image: string;
  readonly asked: string;
  /** As the kubelet says; empty where it does not say. */
  readonly runs: string;
}

/** Containers whose image is one of the plan and runs with another digest than that of the plan. Pure. */
export function wrongDigests(pods: readonly Pod[], images: readonly ImagePlan[]): readonly WrongDigest[] {
  const asked = new Map(
    images.flatMap((image): [string, string][] =>
      'context' in image || image.digest === undefined ? [] : [[keyOf(image.name), image.digest]],
    ),
  );
  return pods.flatMap(({ metadata, spec, status }) => {
    const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
    const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
    return containers.flatMap(({ name, image = '' }): WrongDigest[] => {
      const digest = asked.get(keyOf(image));
      const imageID = statuses.find((one) => one.name === name)?.imageID ?? '';
      // One that never started runs nothing.
      if (digest === undefined || imageID === '') return [];
      const runs = digestOf(imageID)?.digest ?? imageID;
      if (runs === digest) return [];
      return [{ pod: metadata?.name ?? '', container: name, image, asked: digest, runs }];
    });
  });
}

/** By tag where there is one: `shop:1@sha256:…` and `shop:1` are meant to be the same. */
const keyOf = (image: string): string => imageKey(image.replace(/@sha256:[0-9a-f]{64}$/, ''));

/**
 * Production mode: what a release runs is what the plan asks for by digest. Throws a KetError (`KET_RELEASE`) where a
 * tag has moved, or a node had something else under the name.
 */
export async function requireDigests(
  kube: Pick<Kube, 'list'>,
  release: Pick<ReleasePlan, 'name' | 'namespace'>,
  { images }: Pick<Plan, 'images'>,
  signal: AbortSignal,
): Promise<void> {
  const { namespace } = release;
  const pods = await kube.list<Pod>({ apiVersion: 'v1', kind: 'Pod', namespace }, signal);
  const own = pods.filter(({ metadata }) => metadata?.labels?.[labels.run] === undefined);
  const wrong = wrongDigests(own, images);
  const [first] = wrong;
  if (first === undefined) return;
  throw new KetError(
    'KET_RELEASE',
    `release ${release.name} runs ${first.image} with another digest than that of the plan`,
    {
      where: `pod ${namespace}/${first.pod}`,
      details: wrong.map(
        ({ pod, container, asked, runs }) => `${pod} ${container}: asked for ${asked}, runs ${runs}`,
      ),
      next: 'the tag has moved, or a node had the image already: name the image by its digest in the values of the chart, or correct `digest` in ket.yaml',
    },
  );
}
