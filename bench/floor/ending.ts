import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { V1Pod } from '@kubernetes/client-node';
import { connect } from '../../src/kube/connect.ts';
import type { AnyObject, Kube, Wire } from '../../src/model/kube.ts';
import { median, p95 } from '../figures.ts';
import { image, resources } from '../suite-shapes.ts';

/**
 * How long the kubelet takes to report that a container has ended: no verdict that needs the pod's status can be earlier.
 * `node bench/floor/ending.ts [--pods 20] [--csv FILE]` on the cluster of `KUBECONFIG`, which must have the image; first
 * one pod after another, then all at once. A pod notes the time as its last deed, and the clock of a Kind node is that of
 * this machine.
 */
const { values } = parseArgs({
  options: { pods: { type: 'string', default: '20' }, csv: { type: 'string' } },
});
const count = Number(values.pods);
const kubeconfig = process.env['KUBECONFIG'];
if (kubeconfig === undefined || !(count > 0))
  throw new Error('needs KUBECONFIG, and --pods with a number of 1 and more');
const namespace = `bench-ending-${String(process.pid)}`;
const signal = AbortSignal.timeout(600_000);
const kube = await connect({ kubeconfig });
/** One for all pods, as ket has it: a watch for each would cost what no verdict needs. */
const watch = kube.reflect<Wire<V1Pod>>({ apiVersion: 'v1', kind: 'Pod', namespace });
const rows: string[] = ['how,pod,delay_ms,load'];
try {
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, signal);
  await firstAccount(kube);
  const names = Array.from({ length: count }, (_, i) => String(i + 1));
  const alone: number[] = [];
  for (const name of names) alone.push(await endingOf(kube, `alone-${name}`));
  report('one after another', alone);
  report('all at once', await Promise.all(names.map((name) => endingOf(kube, `together-${name}`))));
  if (values.csv !== undefined) fs.writeFileSync(path.resolve(values.csv), `${rows.join('\n')}\n`);
} finally {
  // Also when the time of the measurement is over.
  const removing = AbortSignal.timeout(30_000);
  await kube.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace }, { graceSeconds: 0 }, removing);
  kube.close();
}

/** Ms from the last deed of a pod until its end is here. */
async function endingOf(api: Kube, name: string): Promise<number> {
  const pod: Wire<V1Pod> = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      containers: [
        {
          name: 'main',
          image,
          imagePullPolicy: 'IfNotPresent',
          command: [
            'sh',
            '-c',
            "sleep 5; adjtimex | awk '/tv_sec|tv_usec/ {print $2}' > /dev/termination-log",
          ],
          resources,
        },
      ],
    },
  };
  await api.create(pod as unknown as AnyObject, signal);
  const message = await watch.until(
    (pods) =>
      pods.find(({ metadata }) => metadata?.name === name)?.status?.containerStatuses?.[0]?.state?.terminated
        ?.message,
    signal,
  );
  const now = performance.timeOrigin + performance.now();
  const [seconds = NaN, fraction = NaN] = message.trim().split('\n').map(Number);
  const delay = now - (seconds * 1000 + fraction / 1000);
  if (!(delay >= 0 && delay < 600_000)) throw new Error(`${name} told no time: ${message}`);
  return delay;
}

/** Pods are refused until their namespace has its account. */
async function firstAccount(api: Kube): Promise<void> {
  const ref = { apiVersion: 'v1', kind: 'ServiceAccount', namespace, name: 'default' };
  while ((await api.get(ref, signal)) === undefined) await new Promise((done) => setTimeout(done, 100));
}

function report(how: string, delays: readonly number[]): void {
  const [load = 0] = os.loadavg();
  for (const [index, delay] of delays.entries())
    rows.push(`${how},${String(index + 1)},${delay.toFixed(0)},${load.toFixed(2)}`);
  const [least, middle, high] = [Math.min(...delays), median(delays), p95(delays)].map((ms) => ms.toFixed(0));
  process.stdout.write(
    `${how}: ${String(delays.length)} pods, median ${String(middle)} ms, p95 ${String(high)} ms, least ${String(least)} ms\n`,
  );
}
