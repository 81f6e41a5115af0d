import type { Deps } from '../model/deps.ts';
import type { EventBody, EventSink } from '../model/events.ts';
import { KetError } from '../model/errors.ts';
import type { Plan } from '../model/plan.ts';
import { checkSecrets } from '../config/index.ts';
import { connect } from '../kube/connect.ts';
import type { ContextCluster, ExistingCluster } from '../pipeline/existing.ts';
import { runPlan } from '../pipeline/run.ts';
import type { RunEnd } from '../pipeline/run-options.ts';
import { notRunLines, seriesBlock } from '../report/series.ts';
import { styleFor } from '../report/style.ts';
import { writeReports } from '../report/write-reports.ts';
import { downBeforeUp, findUp, kindCluster } from './clusters.ts';
import { contextCluster } from './context-cluster.ts';
import { planOf, plansOf, type RunFlags, type SeriesFlags, type SettledTier } from './plans.ts';
import { preflight, preflightOfExisting } from './preflight.ts';
import { findAssets, ketVersion, realDeps } from './environment.ts';
import { sinksFor, type Format } from './reporters.ts';
import { exitCodeOfError, renderError } from './render-error.ts';
import { runSeries, type SeriesRun } from './series.ts';
import { cancelOnSignals } from './signals.ts';
import type { Settled } from './versions.ts';

/** What a door decides beside the plan. */
export interface RunExtras {
  readonly deps: Deps;
  /** A Kind cluster that is there already. */
  readonly cluster?: string | undefined;
  /** `ket up`. */
  readonly up?: boolean;
  /** `ket check`. */
  readonly checksOnly?: boolean;
  /** Secrets of the door, by name. */
  readonly secrets?: ReadonlyMap<string, string>;
  /** Told of secrets of releases, once the run knows them. */
  readonly onSecrets?: (secrets: ReadonlyMap<string, string>) => void;
  readonly sinks: (folder: string) => readonly EventSink[];
  /** Cancels the run; the signals of the process do unless given. */
  readonly cancel?: AbortSignal;
}

/** `ket up`: resolves with the exit code. */
export async function upCommand(flags: RunFlags & { readonly recreate?: boolean }): Promise<number> {
  const settled = planOf(flags, []);
  const { plan } = settled;
  if (plan.cluster === undefined)
    throw new KetError('KET_USAGE', `tier ${plan.tier} has no cluster to bring up`, {
      next: 'name a tier with one: --tier',
    });
  if (plan.cluster.existing !== undefined)
    throw new KetError(
      'KET_USAGE',
      `the cluster of tier ${plan.tier} is there already: nothing is to be brought up`,
      {
        next: `ket run --tier ${plan.tier} uses it`,
      },
    );
  const deps = realDeps();
  checkSecrets({ ...plan, suites: [] }, deps.env);
  if (flags.recreate === true) await downBeforeUp(deps, plan);
  const sinks = (folder: string): readonly EventSink[] => sinksFor(flags.format, folder);
  return (await execute(settled, { deps, up: true, sinks })).exitCode;
}

/** `ket check`: the checks of a tier, and no suite. Resolves with the exit code. */
export async function checkCommand(flags: RunFlags): Promise<number> {
  const settled = planOf(flags, []);
  const { plan } = settled;
  if (plan.checks.length === 0)
    throw new KetError('KET_USAGE', `tier ${plan.tier} has no checks`, {
      next: 'name a tier with some: --tier; docs/checks.md says what they are',
    });
  const deps = realDeps();
  checkSecrets({ ...plan, suites: [] }, deps.env);
  const sinks = (folder: string): readonly EventSink[] => sinksFor(flags.format, folder);
  return (await execute(settled, { deps, cluster: flags.cluster, checksOnly: true, sinks })).exitCode;
}

/**
 * `ket run`: one run for each tier, one after another. Whatever is wrong with any of them is found before the first
 * begins. Resolves with one exit code for all.
 */
export async function runCommand(flags: SeriesFlags, args: readonly string[]): Promise<number> {
  const tiers = plansOf(flags, args);
  const deps = realDeps();
  const plans = tiers.flatMap(({ settled }) => settled?.plan ?? []);
  for (const plan of plans) checkSecrets(plan, deps.env);
  const sinks = (folder: string): readonly EventSink[] => sinksFor(flags.format, folder);
  const extras: RunExtras = { deps, cluster: flags.cluster, sinks };
  const [only, second] = tiers;
  if (second === undefined && only?.settled !== undefined)
    return (await execute(only.settled, extras)).exitCode;
  if (flags.cluster !== undefined)
    for (const plan of plans) {
      if (plan.cluster?.variant !== undefined)
        throw new KetError(
          'KET_USAGE',
          `--cluster is one cluster, and tier ${plan.tier} is for several versions of Kubernetes`,
          { next: `say which of them it is: --kubernetes ${plan.cluster.variant}` },
        );
      await existingFor(deps, plan, flags.cluster);
    }
  return runAll(tiers, extras, flags.format);
}

/** Runs each and tells at the end what became of all. */
async function runAll(
  tiers: readonly SettledTier[],
  extras: RunExtras,
  format: Format | undefined,
): Promise<number> {
  const say = (lines: readonly string[]): void => {
    process.stderr.write(lines.map((line) => `${line}\n`).join(''));
  };
  const cancel = cancelOnSignals((text) => say(['', `ket: ${text}`]));
  try {
    const runs = tiers.map(({ tier, settled }): SeriesRun =>
      settled === undefined
        ? { tier }
        : {
            tier,
            kubernetes: settled.plan.cluster?.variant,
            failFast: settled.plan.failFast,
            run: () => execute(settled, { ...extras, cancel: cancel.signal }),
          },
    );
    const { entries, exitCode } = await runSeries(runs, {
      cancel: cancel.signal,
      failed(error) {
        process.stderr.write(renderError(error));
        return exitCodeOfError(error);
      },
    });
    const { isTTY } = process.stderr;
    // Programs have all of it in the stream, but for what has no run.
    say(
      format === 'json'
        ? notRunLines(entries)
        : seriesBlock(entries, exitCode, styleFor({ isTTY, env: process.env })),
    );
    return exitCode;
  } finally {
    cancel.release();
  }
}

/** Runs a plan with everything real. */
export async function execute({ plan, notices }: Settled, extras: RunExtras): Promise<RunEnd> {
  const { deps, up = false, checksOnly = false, sinks, secrets, onSecrets } = extras;
  const assets = findAssets(process.argv[1] ?? '.');
  const cancel =
    extras.cancel === undefined
      ? cancelOnSignals((text) => process.stderr.write(`\nket: ${text}\n`))
      : { signal: extras.cancel, release: () => undefined };
  try {
    const existing = await existingFor(deps, plan, extras.cluster);
    return await runPlan({
      plan,
      deps,
      assets,
      version: ketVersion(assets),
      connect: (kubeconfig) => connect({ kubeconfig }),
      sinks,
      ...(secrets === undefined ? {} : { secrets }),
      ...(onSecrets === undefined ? {} : { onSecrets }),
      cancel: cancel.signal,
      preflight: (p: Plan, signal: AbortSignal, emit: (event: EventBody) => void) => {
        for (const text of notices) emit({ type: 'notice', level: 'info', text });
        return (existing === undefined ? preflight : preflightOfExisting)(deps, p, signal, emit);
      },
      ...(existing === undefined ? {} : { existing }),
      up,
      checksOnly,
      writeReports: (folder, events) => writeReports(folder, events),
    });
  } finally {
    cancel.release();
  }
}

async function existingFor(
  deps: Deps,
  plan: Plan,
  name: string | undefined,
): Promise<ExistingCluster | ContextCluster | undefined> {
  if (plan.cluster?.existing !== undefined) {
    if (name !== undefined)
      throw new KetError(
        'KET_USAGE',
        `--cluster is a Kind cluster, and tier ${plan.tier} is for another one`,
        {
          next: 'leave it out; --context and --kubeconfig name a cluster that is no Kind cluster of this machine',
        },
      );
    return contextCluster(deps.env, plan.cluster.existing);
  }
  // What `ket up` left is of one version; each of several has a cluster of its own.
  if (plan.cluster === undefined || plan.cluster.variant !== undefined) return undefined;
  return name === undefined ? findUp(deps, plan) : kindCluster(deps, plan, name);
}
