import fs from 'node:fs';
import path from 'node:path';
import { openConfig, selectTier } from '../config/chosen-tiers.ts';
import { resolvePlan } from '../config/index.ts';
import { cronJobOf } from '../config/schedule-cronjob.ts';
import { workflowOf } from '../config/schedule-workflow.ts';
import { missing, scheduleInput } from '../config/schedule.ts';
import { labelProblem } from '../config/names.ts';
import { rulesOf } from '../cluster/grant.ts';
import { rights, type Right } from '../kube/rights.ts';
import type { Plan } from '../model/plan.ts';
import { planRights } from '../pipeline/shared-needs.ts';
import { KetError, messageOf } from '../model/errors.ts';

export interface ScheduleFlags {
  readonly tier?: string;
  readonly config: string;
  readonly as: 'workflow' | 'cronjob';
  /** The file to write; stdout unless given. */
  readonly to?: string;
  readonly force?: boolean;
  /** For a CronJob. */
  readonly namespace: string;
  /** What is written runs in production mode. */
  readonly production?: boolean;
}

/** `ket schedule`: writes what runs a tier at its times. Returns the exit code. */
export function scheduleCommand(flags: ScheduleFlags, cwd = process.cwd()): number {
  const loaded = openConfig(flags.config, cwd);
  const tier = selectTier(loaded, flags.tier);
  const { env } = process;
  const overrides = { production: flags.production };
  const plan = resolvePlan({ configPath: flags.config, tier, overrides, env, isTTY: false, ci: true, cwd });
  const input = scheduleInput({ ...loaded, tier }, plan, cwd);
  if (flags.as === 'workflow') return write(workflowOf(input), flags, cwd);
  // Kind makes its nodes with Docker, which a pod does not have.
  if (plan.cluster !== undefined && plan.cluster.existing === undefined)
    throw new KetError('KET_USAGE', `tier ${tier} makes a Kind cluster, for which a pod has no Docker`, {
      next: 'write a workflow with --as workflow, or name a tier without a Kind cluster',
    });
  const { image } = input;
  if (image === undefined)
    throw missing(
      loaded.path,
      cwd,
      tier,
      ['tiers', tier, 'schedule'],
      'has no image for its pod in schedule',
    );
  const problem = labelProblem(flags.namespace, 63);
  if (problem !== undefined) throw new KetError('KET_USAGE', `--namespace: ${problem}`);
  // The names of a run's namespaces are not known beforehand: what it may do there it may do in all.
  const rules =
    plan.cluster === undefined ? [] : rulesOf([...planRights(plan, 'run'), ...memoryRights(plan)]);
  return write(cronJobOf(input, { image, namespace: flags.namespace, rules }), flags, cwd);
}

/** A soak tells the memory of releases as the kubelets know it, and does without where it may not ask them. */
const memoryRights = ({ soakMs, releases }: Plan): Right[] =>
  soakMs === undefined || releases.length === 0 ? [] : rights(['get'], '', ['nodes/proxy']);

function write(text: string, { to, force = false }: ScheduleFlags, cwd: string): number {
  if (to === undefined) {
    process.stdout.write(text);
    return 0;
  }
  const file = path.resolve(cwd, to);
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    // Whether it is there is decided by the write itself: nothing comes between.
    fs.writeFileSync(file, text, { flag: force ? 'w' : 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new KetError('KET_USAGE', `${to} is there already`, {
        next: '--force overwrites it; without --to it is written to stdout',
        cause: error,
      });
    throw new KetError('KET_USAGE', `${to} cannot be written: ${messageOf(error)}`, { cause: error });
  }
  process.stderr.write(`wrote ${to}\n`);
  return 0;
}
