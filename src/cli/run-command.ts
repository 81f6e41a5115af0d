import type { Deps } from '../model/deps.ts';
import type { EventBody, EventSink } from '../model/events.ts';
import { KetError } from '../model/errors.ts';
import type { Keep, Plan } from '../model/plan.ts';
import { checkSecrets, resolvePlan } from '../config/index.ts';
import { connect } from '../kube/connect.ts';
import type { ExistingCluster } from '../pipeline/existing.ts';
import { runPlan } from '../pipeline/run.ts';
import type { RunEnd } from '../pipeline/run-options.ts';
import { writeReports } from '../report/write-reports.ts';
import { findUp, kindCluster } from './clusters.ts';
import { preflight } from './preflight.ts';
import { findAssets, isCi, ketVersion, realDeps } from './environment.ts';
import { sinksFor, type Format } from './reporters.ts';
import { cancelOnSignals } from './signals.ts';
import { withVersions, type Settled } from './versions.ts';

/** The options of `ket run`, as the command line gives them. */
export interface RunFlags {
  readonly tier?: string;
  readonly suite?: readonly string[];
  readonly config?: string;
  readonly output?: string;
  readonly keep?: Keep;
  readonly cluster?: string;
  readonly nodeImage?: string;
  readonly kubernetes?: string;
  readonly format?: Format;
  readonly retries?: number;
  readonly parallel?: number;
  readonly failFast?: boolean;
}

/** The plan of a command line, with every version settled. */
export function planOf(flags: RunFlags, args: readonly string[]): Settled {
  const deps = realDeps();
  return withVersions(
    resolvePlan({
      configPath: flags.config,
      tier: flags.tier,
      suites: flags.suite,
      overrides: {
        output: flags.output,
        keep: flags.keep,
        nodeImage: flags.nodeImage,
        kubernetes: flags.kubernetes,
        retries: flags.retries,
        parallel: flags.parallel,
        failFast: flags.failFast,
        args,
      },
      env: deps.env,
      isTTY: process.stderr.isTTY,
      ci: isCi(deps.env),
    }),
  );
}

export interface StartedRun {
  readonly plan: Plan;
  readonly run: () => Promise<RunEnd>;
}

/** What a door decides beside the plan. */
export interface RunExtras {
  readonly deps: Deps;
  /** A Kind cluster that is there already. */
  readonly cluster?: string | undefined;
  /** `ket up`. */
  readonly up?: boolean;
  /** Secrets of the door, by name. */
  readonly secrets?: ReadonlyMap<string, string>;
  /** Told of secrets of releases, once the run knows them. */
  readonly onSecrets?: (secrets: ReadonlyMap<string, string>) => void;
  readonly sinks: (folder: string) => readonly EventSink[];
}

/** Resolves the plan, which is where most mistakes show, and returns what runs it. */
export function startRun(flags: RunFlags, args: readonly string[], up: boolean): StartedRun {
  const settled = planOf(flags, args);
  const { plan } = settled;
  if (up && plan.cluster === undefined)
    throw new KetError('KET_USAGE', `tier ${plan.tier} has no cluster to bring up`, {
      next: 'name a tier with one: --tier',
    });
  const deps = realDeps();
  checkSecrets(up ? { ...plan, suites: [] } : plan, deps.env);
  const sinks = (folder: string): readonly EventSink[] => sinksFor(flags.format, folder);
  return { plan, run: () => execute(settled, { deps, cluster: flags.cluster, up, sinks }) };
}

/** Runs a plan with everything real. */
export async function execute({ plan, notices }: Settled, extras: RunExtras): Promise<RunEnd> {
  const { deps, up = false, sinks, secrets, onSecrets } = extras;
  const assets = findAssets(process.argv[1] ?? '.');
  const cancel = cancelOnSignals((text) => process.stderr.write(`\nket: ${text}\n`));
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
        return preflight(deps, p, signal, emit);
      },
      ...(existing === undefined ? {} : { existing }),
      up,
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
): Promise<ExistingCluster | undefined> {
  if (plan.cluster === undefined) return undefined;
  return name === undefined ? findUp(deps, plan) : kindCluster(deps, plan, name);
}
