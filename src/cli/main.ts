import fs from 'node:fs';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { errorInfo } from '../model/errors.ts';
import type { AttachFlags } from './attach-command.ts';
import { findAssets, ketVersion } from './environment.ts';
import { exitCodeOfError, renderError } from './render-error.ts';
import type { RunFlags, SeriesFlags } from './plans.ts';
import type { ScheduleFlags } from './schedule-command.ts';

/** Parses the command line and runs the command; resolves with the exit code. Never rejects. */
export async function main(argv: readonly string[]): Promise<number> {
  outliveReaders();
  let exitCode = 0;
  const program = programFor((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const info = errorInfo(error);
    process.stderr.write(renderError(info));
    return exitCodeOfError(info);
  }
}

/** A fault of ket's own ends it with 3: left to Node it would be 1, which says that a test failed. */
export function exitOnFault(): void {
  process.on('uncaughtException', (error) => {
    fs.writeSync(2, renderError(errorInfo(error)));
    process.exit(3);
  });
}

/**
 * Whoever read the output may go (`ket … | head`, a runner that was killed): then there is nobody to tell, and a run is
 * stopped as by a signal, instead of dying with all that it made left behind.
 */
export function outliveReaders(): void {
  let told = false;
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // EIO: the terminal is gone, not only what read from it.
      if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
      // What is said on being stopped would fail in the same way, and stop it again.
      if (told) return;
      told = true;
      if (process.listenerCount('SIGTERM') > 0) process.emit('SIGTERM', 'SIGTERM');
    });
}

const count =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max)
      throw new InvalidArgumentError(`a whole number from ${min} to ${max}`);
    return value;
  };

const collectList = (value: string, previous: readonly string[] | undefined): string[] => [
  ...(previous ?? []),
  value,
];

function collectTiers(value: string, previous: readonly string[] | undefined): string[] {
  const names = value.split(',').map((name) => name.trim());
  if (names.includes('')) throw new InvalidArgumentError('names of tiers with a comma between each two');
  return [...(previous ?? []), ...names];
}

type Done = (exitCode: number) => void;

/** The commands of ket with all their options; `done` gets the exit code of the one that ran. */
export function programFor(done: Done): Command {
  const program = new Command('ket')
    .description('Runs test suites inside a real Kubernetes cluster and tells the truth about them.')
    .version(ketVersion(findAssets(process.argv[1] ?? '.')))
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp({ sortSubcommands: false });

  withRunOptions(severalTiers(program.command('run')))
    .description('run the suites of a tier, or of several, one after another')
    .argument('[args...]', 'after --: words appended to the command of every suite')
    .action(async (args: string[], flags: SeriesFlags) => {
      const { runCommand } = await import('./run-command.ts');
      done(await runCommand(flags, args));
    });
  withPlanOptions(oneTier(program.command('up')))
    .description('bring up the cluster and releases of a tier; later runs use them until ket down')
    .option('--recreate', 'first remove what is up for the tier')
    .action(async (flags: RunFlags & { recreate?: boolean }) => {
      const { upCommand } = await import('./run-command.ts');
      done(await upCommand(flags));
    });
  withPlanOptions(oneTier(program.command('check')))
    .description('look whether the releases of a tier can be reached as its checks say; no suite runs')
    .addOption(keepOption())
    .option('--cluster <name>', clusterHelp)
    .option('--context <context>', contextHelp)
    .option('--kubeconfig <file>', kubeconfigHelp)
    .action(async (flags: RunFlags) => {
      const { checkCommand } = await import('./run-command.ts');
      done(await checkCommand(flags));
    });
  program
    .command('attach')
    .description('go on with a run whose driver died; of a run that has ended, show the result')
    .argument('<run>', 'the id of the run, or its folder')
    .option('--output <dir>', "folder of the runs' folders, for a run that is over", 'ket-results')
    .addOption(
      new Option('--format <format>', 'what is shown while it runs').choices(['pretty', 'plain', 'json']),
    )
    .action(async (run: string, flags: AttachFlags) => {
      const { attachCommand } = await import('./attach-command.ts');
      done(await attachCommand(run, flags));
    });
  program
    .command('down')
    .description('remove what ket up left for this repository')
    .option('--tier <tier>', 'only this tier')
    .option('--config <file>', 'the ket.yaml of the repository', 'ket.yaml')
    .action(async (flags: { tier?: string; config: string }) => {
      const [{ down }, { loadConfig }] = await Promise.all([
        import('./clusters.ts'),
        import('../config/index.ts'),
      ]);
      done(await down(loadConfig(flags.config, process.cwd()).root, flags.tier));
    });
  program
    .command('status')
    .description('what is up, kept or left over on this machine')
    .action(async () => {
      const { status } = await import('./clusters.ts');
      done(await status());
    });
  program
    .command('cleanup')
    .description('remove what killed runs left and what was kept longer than asked')
    .option('--kept', 'also what was kept on purpose and has not expired')
    .action(async (flags: { kept?: boolean }) => {
      const { cleanup } = await import('./clusters.ts');
      done(await cleanup(flags.kept === true));
    });
  withRunOptions(severalTiers(program.command('plan')))
    .description('show the resolved plan and the rendered manifests; nothing is done')
    .action(async (flags: SeriesFlags) => {
      const { planCommand } = await import('./plan-command.ts');
      done(planCommand(flags));
    });
  withRunOptions(oneTier(program.command('doctor')))
    .description('what this machine lacks for a run, with the exact cure')
    .action(async (flags: RunFlags) => {
      const { doctorCommand } = await import('./doctor-command.ts');
      done(await doctorCommand(flags));
    });
  program
    .command('validate')
    .description('check ket.yaml and every file that it names')
    .option('--config <file>', 'the file to check', 'ket.yaml')
    .action(async (flags: { config: string }) => {
      const { loadConfig } = await import('../config/index.ts');
      const { config, path } = loadConfig(flags.config, process.cwd());
      process.stderr.write(`${path} is right: tiers ${Object.keys(config.tiers).join(', ')}\n`);
      done(0);
    });
  program
    .command('init')
    .description('write a commented ket.yaml for this repository')
    .action(async () => {
      const { initCommand } = await import('./init-command.ts');
      done(initCommand(process.cwd()));
    });
  oneTier(program.command('schedule'))
    .description('write a GitHub workflow or a CronJob that runs a tier at the times of its `schedule`')
    .option('--config <file>', 'the configuration', 'ket.yaml')
    .addOption(
      new Option('--as <kind>', 'what is written').choices(['workflow', 'cronjob']).default('workflow'),
    )
    .option('--to <file>', 'where; stdout unless given')
    .option('--force', 'overwrite that file')
    .option('--namespace <name>', 'namespace of the CronJob', 'ket')
    .option('--production', 'what is written runs in production mode (also PRODUCTION_MODE=true)')
    .action(async (flags: ScheduleFlags) => {
      const { scheduleCommand } = await import('./schedule-command.ts');
      done(scheduleCommand(flags));
    });
  program
    .command('report')
    .description('rebuild summary, JUnit and timings of a run from its event log')
    .argument('<events>', 'events.ndjson, or the folder of the run')
    .action(async (events: string) => {
      const { reportCommand } = await import('./report-command.ts');
      done(await reportCommand(events));
    });
  return program;
}

const oneTier = (command: Command): Command =>
  command.option('--tier <tier>', 'the tier; the only one, or the default one, unless given');

const severalTiers = (command: Command): Command =>
  command
    .option(
      '--tier <tiers>',
      'the tier, or several with commas between; the only one, or the default one, unless given',
      collectTiers,
    )
    .option('--all', 'every tier, in the order of ket.yaml');

/** What decides about the plan of a cluster and its releases. */
function withPlanOptions(command: Command): Command {
  return command
    .option('--config <file>', 'the configuration', 'ket.yaml')
    .option('--output <dir>', "folder for the runs' folders")
    .option('--node-image <image>', 'node image of the cluster (also KET_NODE_IMAGE)')
    .option('--production', 'images come from their registries, by digest (also PRODUCTION_MODE=true)')
    .option('--kubernetes <version>', 'Kubernetes of the cluster, e.g. 1.34 (also KET_KUBERNETES_VERSION)')
    .addOption(
      new Option('--format <format>', 'what is shown while it runs').choices(['pretty', 'plain', 'json']),
    );
}

const clusterHelp = 'use this Kind cluster, and leave it alone';
const contextHelp = 'use the cluster of this context, within namespaces of its own';
const kubeconfigHelp = 'the kubeconfig of a cluster to use; it is read, and never written';

const keepOption = (): Option =>
  new Option('--keep <when>', 'leave the cluster for a look inside').choices([
    'never',
    'on-failure',
    'always',
  ]);

function withRunOptions(command: Command): Command {
  return withPlanOptions(command)
    .option('--suite <suite>', 'only this suite (may be repeated)', collectList)
    .addOption(keepOption())
    .option('--cluster <name>', clusterHelp)
    .option('--context <context>', contextHelp)
    .option('--kubeconfig <file>', kubeconfigHelp)
    .option('--retries <n>', 'retries of a failed suite', count(0, 2))
    .option('--parallel <n>', 'most suites at once', count(1, 1000))
    .option('--soak <time>', 'repeat the suites until this time is over, e.g. 8h, and report how they drift')
    .option('--fail-fast', 'let the first suite that does not pass end the run');
}
