import type { Plan } from '../model/plan.ts';
import { chooseVersions } from '../tools/choose.ts';
import { kindBootOf } from '../tools/kubeadm.ts';

/** A plan in which every version is settled. */
export interface Settled {
  readonly plan: Plan;
  /** What the user should know of the choice. */
  readonly notices: readonly string[];
}

/**
 * Settles the versions that the plan leaves open, by the version table, and refuses what the table does not pair.
 * Where each node of the Kind config names its own image, those stay.
 */
export function withVersions(plan: Plan): Settled {
  const { cluster, tools } = plan;
  // One that is there already has its Kubernetes, and needs no kind.
  if (cluster === undefined || cluster.existing !== undefined) return { plan, notices: [] };
  const { images } = kindBootOf(cluster.kindConfig);
  const allOwn = images.every((image) => image !== undefined);
  const chosen = chooseVersions({
    kind: tools.kindAsked ? tools.kind : undefined,
    helm: tools.helm,
    kubernetes: cluster.kubernetes,
    nodeImage: cluster.nodeImage ?? (allOwn ? images[0] : undefined),
    nodeImages: cluster.nodeImages,
    allowUnlisted: tools.allowUnlisted,
  });
  const { kubernetes: _settled, nodeImages: _chosen, ...rest } = cluster;
  return {
    plan: {
      ...plan,
      tools: { ...tools, kind: chosen.kind, helm: chosen.helm },
      cluster: {
        ...rest,
        ...(allOwn || chosen.nodeImage === undefined ? {} : { nodeImage: chosen.nodeImage }),
      },
    },
    notices: chosen.notices,
  };
}
