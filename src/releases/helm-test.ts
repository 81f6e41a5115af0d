import fs from 'node:fs';
import path from 'node:path';
import { KetError, messageOf } from '../model/errors.ts';
import type { Plan, ReleasePlan } from '../model/plan.ts';
import type { HelmTest, RunContext, Tools } from '../model/run.ts';
import type { Task } from '../model/task.ts';
import { helmEnv, helmName, helmSaid } from './helm.ts';
import { containersOf, podName, podUid, type Pod } from './pod-state.ts';
import { objectsOf } from './prepare.ts';
import { hookWatch, isEnded, testHooksOf, type TestHook } from './test-hooks.ts';

/** For what Helm says of a release, which it reads from one Secret. */
const askMs = 60_000;
/** Helm is told its limit; this is for saying that it is over. */
const graceMs = 20_000;
/** For the rest of a log, and the last change of a pod, after Helm has ended. */
const restMs = 10_000;
const keptLines = 20;

/** Runs `helm test` for the releases of a plan; what the hooks make is listed in the run's state before. */
export const helmTestOf =
  (run: RunContext, plan: Plan, tools: Task<Tools>): HelmTest =>
  async (name, cluster, options, context) => {
    const release = plan.releases.find((one) => one.name === name);
    const { helm } = context.output(tools);
    if (release === undefined || helm === undefined)
      throw new KetError('KET_INTERNAL', `no release ${name}, or no helm, for its tests`);
    const { kubeconfig, kube } = cluster;
    const helmArgv = (...words: string[]): string[] => [
      ...[helm, ...words, helmName(release), '--namespace', release.namespace],
      ...['--kubeconfig', kubeconfig],
    ];
    const env = helmEnv(run.env, kubeconfig);
    const { exec, clock } = context.deps;
    const { signal } = options;

    const asked = await exec({ argv: helmArgv('get', 'hooks'), env, limitMs: askMs, signal });
    if (asked.code !== 0)
      throw new KetError('KET_RELEASE', `the hooks of release ${name} cannot be read`, {
        details: helmSaid(asked.stderr),
      });
    const hooks = testHooksOf(objectsOf(asked.stdout) ?? []);
    await listed(run, release, hooks, kubeconfig);

    await fs.promises.mkdir(options.folder, { recursive: true, mode: 0o700 });
    const watch = hookWatch(hooks);
    const tails = new Map<string, string[]>();
    const follows: Promise<void>[] = [];
    const followed = new Set<string>();
    const end = new AbortController();
    const reflector = kube.reflect<Pod>({ apiVersion: 'v1', kind: 'Pod', namespace: release.namespace });
    const current = (uid: string): Pod | undefined => reflector.items().find((pod) => podUid(pod) === uid);

    const follow = (pod: Pod, container: string): void => {
      const key = `${podUid(pod)} ${container}`;
      if (followed.has(key)) return;
      followed.add(key);
      const tail = tails.get(podName(pod)) ?? [];
      tails.set(podName(pod), tail);
      const file = fs.createWriteStream(path.join(options.folder, `${podName(pod)}_${container}.log`), {
        mode: 0o600,
      });
      follows.push(
        kube
          .follow(
            { namespace: release.namespace, pod: podName(pod), container },
            {
              onLine: ({ text, printed }) => {
                file.write(`${text}\n`);
                tail.push(text);
                if (tail.length > keptLines) tail.shift();
                options.onLine(podName(pod), text, printed);
              },
              room: options.room,
              finished: () => {
                const now = current(podUid(pod));
                return now === undefined || isEnded(now);
              },
              signal: AbortSignal.any([signal, end.signal]),
            },
          )
          .then(({ complete, lines }) => {
            if (!complete) options.notice(`the log of ${podName(pod)} may lack lines after ${String(lines)}`);
          })
          .catch((error: unknown) => {
            if (!signal.aborted) options.notice(`the log of ${podName(pod)}: ${messageOf(error)}`);
          })
          .finally(() => new Promise<void>((resolve) => file.end(() => resolve()))),
      );
    };
    const look = (pods: readonly Pod[]): void => {
      for (const pod of watch.look(pods, clock.monotonic())) {
        for (const { name: container, status } of containersOf(pod))
          if (status.state?.running !== undefined || status.state?.terminated !== undefined)
            follow(pod, container);
        if (!isEnded(pod)) options.awaiting(`test hook ${podName(pod)} to end`);
      }
    };
    try {
      // What is there before is known first: a pod of the same name may be that of an earlier test.
      await reflector.until(
        (pods) => {
          look(pods);
          return true;
        },
        AbortSignal.any([signal, AbortSignal.timeout(askMs)]),
      );
      const watching = reflector
        .until<never>((pods) => {
          look(pods);
          return undefined;
        }, end.signal)
        .catch(() => undefined);
      const timeout = `${String(Math.ceil(options.limitMs / 1000))}s`;
      const result = await exec({
        argv: [...helmArgv('test'), '--timeout', timeout],
        env,
        limitMs: options.limitMs + graceMs,
        signal,
      });
      const rest = AbortSignal.any([signal, AbortSignal.timeout(restMs)]);
      // The watch may be a moment behind Helm.
      await reflector
        .until(
          () => (watch.ends(() => []).every(({ phase }) => phase !== 'Running') ? true : undefined),
          rest,
        )
        .catch(() => undefined);
      await Promise.race([
        Promise.all(follows),
        new Promise<void>((resolve) => rest.addEventListener('abort', () => resolve(), { once: true })),
      ]);
      end.abort();
      await Promise.all([watching, ...follows]);
      const overTime = result.code !== 0 && /deadline exceeded|timed out/i.test(result.stderr);
      return {
        hooks: watch.ends((pod) => tails.get(pod) ?? []),
        exitCode: result.code,
        timedOut: result.timedOut || overTime,
        said: result.code === 0 ? [] : helmSaid(result.stderr),
      };
    } finally {
      end.abort();
      reflector.close();
    }
  };

/** Helm removes a hook by the hook's own policy; what it leaves is the run's, which removes it at its end. */
async function listed(
  run: RunContext,
  release: ReleasePlan,
  hooks: readonly TestHook[],
  kubeconfig: string,
): Promise<void> {
  const { namespace } = release;
  const known = run.state.list();
  for (const { apiVersion, kind, name } of hooks)
    if (!known.some((made) => made.type === 'object' && made.name === name && made.namespace === namespace))
      await run.state.add({ type: 'object', kubeconfig, apiVersion, kind, name, namespace });
}
