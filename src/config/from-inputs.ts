import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { KetError } from '../model/errors.ts';
import type { Plan } from '../model/plan.ts';
import { compose } from './compose.ts';
import { impliesCluster } from './draft.ts';
import type { InputName, Inputs } from './inputs.ts';
import { validateSource } from './load.ts';
import { isRecord, noSource, withEdits } from './overlay.ts';
import { planOf } from './plan.ts';
import { imagesOfTier } from './plan-existing.ts';
import { inputProblem, inputsError, problemsError, sortProblems, type Problem } from './problems.ts';
import { pickTier } from './select.ts';
import { readSource, shownPath, type Source } from './source.ts';

export interface InputsPlace {
  /** The workspace of the job, absolute: `GITHUB_WORKSPACE`. */
  readonly workspace: string;
  /** Folder of ket's own package, absolute; it holds `kind-configs`. */
  readonly assets: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The plan of the Action: inputs, and ket.yaml where there is one, by the rule in compose.ts. Reads files and changes
 * nothing; whatever is wrong is found here, before anything starts, and told as one KetError: `KET_USAGE` where inputs
 * are at fault, `KET_CONFIG` where a file is.
 */
export function planFromInputs(inputs: Inputs, place: InputsPlace): Plan {
  const folder = workingDirectory(inputs, place.workspace);
  const file = configFile(inputs, folder);
  const shown = file === undefined ? '' : shownPath(file, place.workspace);
  const source = file === undefined ? undefined : readSource(file, shown);
  const { tier, problems: unpicked } = tierOf(inputs, source);
  const kindConfigs = path.join(place.assets, 'kind-configs');
  const composed =
    tier === undefined
      ? { edits: [], problems: unpicked }
      : compose(inputs, { tier, data: source?.data, kindConfigs, folder });
  const problems = [...composed.problems, ...missingSecrets(inputs, place.env)];
  // Half of a configuration that nobody wrote would only be found wanting again.
  if (source === undefined && composed.problems.length > 0) throw withHint(inputsError(problems), folder);

  const root = file === undefined ? folder : path.dirname(file);
  const checked = validateSource(withEdits(source ?? noSource, composed.edits), {
    root,
    cwd: place.workspace,
  });
  const all = sortProblems([...problems, ...checked.problems]);
  if (all.length > 0) {
    if (all.some((problem) => problem.input === undefined)) throw problemsError(all, shown);
    throw source === undefined ? withHint(inputsError(all), folder) : inputsError(all);
  }
  if (checked.config === undefined || tier === undefined)
    throw new Error('inputs without problems have a configuration and a tier');
  const { config } = checked;
  const plan = ofInput(inputs, () =>
    planOf(
      { config, root, tier, ...(file === undefined ? {} : { path: file }) },
      {
        suites: inputs.suites,
        overrides: { production: inputs.production },
        env: withoutOverridden(place.env, inputs),
        isTTY: false,
        ci: true,
        cwd: place.workspace,
      },
    ),
  );
  checkSecrets(plan, place.env);
  return plan;
}

/** What a tier of the file asks for that a cluster of an input cannot have is told of that input. */
function ofInput(inputs: Inputs, plan: () => Plan): Plan {
  try {
    return plan();
  } catch (error) {
    const by = (['context', 'kubeconfig'] as const).find((name) => inputs[name] !== undefined);
    if (!(error instanceof KetError) || error.where !== imagesOfTier || by === undefined) throw error;
    throw inputsError([inputProblem(by, `${error.message}; ${error.next ?? ''}`)]);
  }
}

/**
 * A relative path that leaves the workspace is a slip, for nothing of the job is there; an absolute one was meant. Links
 * are not looked into: whoever writes the workflow may read the machine's files anyway.
 */
function workingDirectory(inputs: Inputs, workspace: string): string {
  const given = inputs['working-directory'];
  const folder = path.resolve(workspace, given);
  const fault = (message: string): KetError => inputsError([inputProblem('working-directory', message)]);
  const up = path.relative(workspace, folder);
  if (!path.isAbsolute(given) && (up === '..' || up.startsWith(`..${path.sep}`)))
    throw fault(`"${given}" leaves the workspace; a folder elsewhere is named by an absolute path`);
  const stat = statSync(folder, { throwIfNoEntry: false });
  if (stat === undefined) throw fault(`there is no folder ${given}; is the repository checked out?`);
  if (!stat.isDirectory()) throw fault(`${given} is not a folder`);
  return folder;
}

/** Absent only where nobody asked for a file: one that is named and missing would be a run without it. */
function configFile({ config }: Inputs, folder: string): string | undefined {
  const file = path.resolve(folder, config ?? 'ket.yaml');
  if (existsSync(file)) return file;
  if (config === undefined) return undefined;
  throw inputsError([inputProblem('config', `there is no file ${config}`)]);
}

function tierOf(
  inputs: Inputs,
  source: Source | undefined,
): { readonly tier?: string; readonly problems: readonly Problem[] } {
  if (source === undefined)
    return { tier: inputs.tier ?? (impliesCluster(inputs) ? 'integration' : 'unit'), problems: [] };
  const tiers = isRecord(source.data) ? source.data['tiers'] : undefined;
  // What is wrong with such a file is said when it is checked.
  if (!isRecord(tiers)) return { problems: [] };
  const names = Object.entries(tiers).map(([name, tier]) => ({
    name,
    isDefault: isRecord(tier) && tier['default'] === true,
  }));
  const picked = pickTier(names, inputs.tier);
  if ('name' in picked) return { tier: picked.name, problems: [] };
  const allowed = names.map(({ name }) => name);
  return { problems: [inputProblem('tier', picked.fault, { allowed })] };
}

const withHint = (error: KetError, folder: string): KetError =>
  new KetError(error.code, error.message, {
    ...(error.where === undefined ? {} : { where: error.where }),
    details: error.details,
    next: `correct the inputs of the step, or write a ket.yaml: there is none in ${folder}, so the inputs are the whole configuration`,
  });

/** Inputs go before the environment, which goes before the file. */
function withoutOverridden(env: InputsPlace['env'], inputs: Inputs): InputsPlace['env'] {
  const before: Readonly<Record<string, readonly InputName[]>> = {
    KET_KIND_VERSION: ['kind-version'],
    KET_HELM_VERSION: ['helm-version'],
    KET_NODE_IMAGE: ['node-image', 'kubernetes-version'],
    KET_KUBERNETES_VERSION: ['node-image', 'kubernetes-version'],
  };
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !before[name]?.some((input) => inputs[input] !== undefined)),
  );
}

const unset = (name: string, env: InputsPlace['env']): boolean => (env[name] ?? '') === '';

const missingSecrets = (inputs: Inputs, env: InputsPlace['env']): Problem[] =>
  inputs.secrets
    .filter((name) => unset(name, env))
    .map((name) =>
      inputProblem(
        'secrets',
        `${name} is not set in the environment of the step; forks are given no secrets`,
      ),
    );

/** A secret that is empty is none: GitHub gives empty ones to pull requests from forks. */
export function checkSecrets(
  {
    suites,
    releases,
    registries = [],
    cluster,
  }: Pick<Plan, 'suites' | 'releases'> & Partial<Pick<Plan, 'registries' | 'cluster'>>,
  env: InputsPlace['env'],
): void {
  // One that is skipped for what it lacks needs none; where all are, nothing is installed.
  const running = suites.filter(({ lacks }) => lacks.length === 0);
  const installed = running.length > 0 || suites.length === 0 ? releases : [];
  const wanted = [
    ...running.map(({ name, secrets }) => ({ name: `suite "${name}"`, secrets })),
    ...installed.map(({ name, secrets }) => ({
      name: `release "${name}"`,
      secrets: secrets.map(({ variable }) => variable),
    })),
    ...(cluster === undefined ? [] : registries).map(({ host, login }) => ({
      name: `registry "${host}"`,
      secrets: login === undefined ? [] : [login.username, login.password],
    })),
  ];
  const missing = wanted.flatMap(({ name, secrets }) =>
    [...new Set(secrets)].filter((secret) => unset(secret, env)).map((secret) => ({ name, secret })),
  );
  const [first] = missing;
  if (first === undefined) return;
  throw new KetError(
    'KET_USAGE',
    missing.map(({ name, secret }) => `${name} needs the secret ${secret}, which is not set`).join('; '),
    {
      where: 'secrets',
      next: `set the environment variable ${first.secret}; pull requests from forks are given no secrets`,
    },
  );
}
