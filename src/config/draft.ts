import path from 'node:path';
import type { InputName, Inputs } from './inputs.ts';
import { valueAt } from './issues.ts';
import { isRecord, type Edit, type Path } from './overlay.ts';
import { inputProblem, type Problem } from './problems.ts';

/** What inputs and ket.yaml are composed in: see compose.ts for the rule. */

export interface Composition {
  readonly edits: readonly Edit[];
  readonly problems: readonly Problem[];
}

export interface ComposeContext {
  /** The tier that runs. */
  readonly tier: string;
  /** What the file says; undefined without one. */
  readonly data: unknown;
  /** Folder of ket's own Kind configs. */
  readonly kindConfigs: string;
  /** Where paths of inputs begin, absolute. */
  readonly folder: string;
}

export interface Draft extends Composition {
  readonly inputs: Inputs;
  readonly context: ComposeContext;
  /** Where the tier is in the file. */
  readonly tier: Path;
  /** No file: the inputs are the whole configuration. */
  readonly alone: boolean;
  readonly hasCluster: boolean;
  /** Nothing happens where the value is undefined. */
  readonly set: (input: InputName, at: Path, value: unknown) => void;
  /** Takes what the file says out of the way of an input. */
  readonly remove: (input: InputName, at: Path) => void;
  /** The input that a problem of this place is told of, when it is of nothing inside it. */
  readonly claim: (input: InputName, at: Path) => void;
  readonly refuse: (input: InputName, message: string, allowed?: readonly string[]) => void;
  readonly resolve: (file: string) => string;
  /** Names in a list of the tier, one for each entry; undefined for one without a proper name. */
  readonly names: (list: string) => (string | undefined)[];
}

/** The inputs that only a tier with a cluster can mean. */
const signs = ['image', 'chart', 'cluster', 'context', 'kubeconfig', 'kind-config', 'load-images'] as const;

export const impliesCluster = (inputs: Inputs): boolean => signs.some((name) => isGiven(inputs, name));

export function isGiven(inputs: Inputs, name: InputName): boolean {
  const value = inputs[name];
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
}

export function newDraft(inputs: Inputs, context: ComposeContext): Draft {
  const edits: Edit[] = [];
  const problems: Problem[] = [];
  const tier = ['tiers', context.tier];
  const alone = context.data === undefined;
  const byName = { unit: false, integration: true, e2e: true }[context.tier];
  return {
    edits,
    problems,
    inputs,
    context,
    tier,
    alone,
    hasCluster: alone
      ? (byName ?? impliesCluster(inputs))
      : valueAt(context.data, [...tier, 'cluster']) !== undefined,
    set: (input, at, value) => {
      if (value !== undefined) edits.push({ input, at, value });
    },
    remove: (input, at) => void edits.push({ input, at }),
    claim: (input, at) => void edits.push({ input, at, claim: true }),
    refuse: (input, message, allowed) =>
      void problems.push(inputProblem(input, message, allowed === undefined ? {} : { allowed })),
    resolve: (file) => path.resolve(context.folder, file),
    names: (list) => {
      const found = valueAt(context.data, [...tier, list]);
      if (!Array.isArray(found)) return [];
      return found.map((entry: unknown) =>
        isRecord(entry) && typeof entry['name'] === 'string' ? entry['name'] : undefined,
      );
    },
  };
}
