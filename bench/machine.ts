import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Commands } from './commands.ts';

/** Processor time that this machine has spent since it was started, in seconds, all cores together. */
export function busySeconds(): number {
  const spent = os.cpus().map(({ times }) => times.user + times.nice + times.sys + times.irq);
  return spent.reduce((sum, ms) => sum + ms, 0) / 1000;
}

/** Resolves when little else has run for two seconds, at the latest after so many of them. */
export async function quiet(signal: AbortSignal, seconds = 60): Promise<void> {
  const most = 0.15 * os.cpus().length;
  for (let waited = 0; waited < seconds; waited += 2) {
    const before = busySeconds();
    await sleep(2000, undefined, { signal });
    if (busySeconds() - before < 2 * most) return;
  }
}

export const load = (): number => os.loadavg()[0] ?? NaN;

/** What a reader has to know of the machine, and no more. */
export async function describeMachine(commands: Commands, nodeImage: string | undefined): Promise<string> {
  const ask = async (...argv: string[]): Promise<string> => (await commands.run(argv)).trim();
  const kubectl = /Client Version: (\S+)/.exec(await ask('kubectl', 'version', '--client'))?.[1];
  const kind = /v\d\S*/.exec(await ask('kind', 'version'))?.[0];
  return [
    `${os.cpus().length} cores (${os.cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    `Docker ${await ask('docker', 'version', '--format', '{{.Server.Version}}')}`,
    `kind ${kind ?? 'unknown'}`,
    `Kubernetes ${nodeImage?.split(':').at(-1) ?? "of kind's own node image"}`,
    `Helm ${await ask('helm', 'version', '--template', '{{.Version}}')}`,
    `kubectl ${kubectl ?? 'unknown'}`,
  ].join(', ');
}
