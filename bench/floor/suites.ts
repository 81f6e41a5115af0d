import fs from 'node:fs';
import path from 'node:path';
import type { V1ConfigMap, V1Job, V1Namespace, V1Pod } from '@kubernetes/client-node';
import { connect } from '../../src/kube/connect.ts';
import type { AnyObject, Kube, Wire } from '../../src/model/kube.ts';
import { commandOf, image, nameOf, resources, type Shape } from '../suite-shapes.ts';

/**
 * The least conceivable work for suites that are isolated and whose results come home: a namespace each, a Job whose
 * pod has a native sidecar that keeps the results, one connection to fetch them and one to let the pod go. No event, no
 * log, no proof, no rights, no state for a run that is killed.
 */
const label = 'bench-floor';
const ketRun = '/ket/bin/ket-run';
const folders = ['--state', '/ket/state', '--results', '/results'];
const limitMs = 600_000;

/** Ms from the first request to the last verdict. The objects are removed afterwards, which does not count. */
export async function floor(kubeconfig: string, program: string, shape: Shape): Promise<number> {
  const kube = await connect({ kubeconfig });
  const signal = AbortSignal.timeout(limitMs);
  const began = performance.now();
  const pods = kube.reflect<Wire<V1Pod>>({ apiVersion: 'v1', kind: 'Pod', labelSelector: label });
  try {
    const binary = fs.readFileSync(program).toString('base64');
    const names = Array.from({ length: shape.count }, (_, i) => `floor-${nameOf(i)}`);
    await Promise.all(
      names.map(async (name) => {
        for (const object of objectsOf(name, shape, binary)) await kube.create(object, signal);
        const pod = await pods.until((items) => items.find((one) => isOver(one, name)), signal);
        const container = { namespace: name, pod: pod.metadata?.name ?? '', container: 'keep' };
        const junit = await run(
          kube,
          container,
          ['cat', ...folders, '--root', 'results', '--path', 'junit.xml', '--offset', '0'],
          signal,
        );
        if (!junit.includes('<testcase')) throw new Error(`${name}: its JUnit is not whole: ${junit}`);
        // The hash of a manifest is of no use where nothing else is read.
        await run(kube, container, ['ack', '--state', '/ket/state', '--manifest', '0'.repeat(64)], signal);
      }),
    );
    const wallMs = performance.now() - began;
    for (const name of names)
      await kube.delete({ apiVersion: 'v1', kind: 'Namespace', name }, { graceSeconds: 0 }, signal);
    const isLeft = async (name: string): Promise<boolean> =>
      (await kube.get({ apiVersion: 'v1', kind: 'Namespace', name }, signal)) !== undefined;
    for (const name of names) while (await isLeft(name)) await new Promise((done) => setTimeout(done, 200));
    return wallMs;
  } finally {
    pods.close();
    kube.close();
  }
}

function isOver(pod: Wire<V1Pod>, namespace: string): boolean {
  if (pod.metadata?.namespace !== namespace) return false;
  const ended = pod.status?.containerStatuses?.[0]?.state?.terminated;
  if (ended !== undefined && ended.exitCode !== 0)
    throw new Error(`${namespace}: exit code ${String(ended.exitCode)}`);
  return ended !== undefined;
}

async function run(
  kube: Kube,
  container: { namespace: string; pod: string; container: string },
  argv: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  let text = '';
  const { exitCode } = await kube.exec({
    ...container,
    argv: [ketRun, ...argv],
    onStdout: (chunk) => {
      text += chunk.toString();
    },
    signal,
    idleMs: 30_000,
  });
  if (exitCode !== 0)
    throw new Error(`${container.namespace}: ${argv[0] ?? ''} ended with ${String(exitCode)}`);
  return text;
}

function objectsOf(name: string, shape: Shape, binary: string): AnyObject[] {
  const labels = { [label]: 'true' };
  const metadata = { name, namespace: name, labels };
  const mounts = [
    { name: 'bin', mountPath: '/ket/bin' },
    { name: 'state', mountPath: '/ket/state' },
    { name: 'results', mountPath: '/results' },
  ];
  const proof = ['--nonce', '0', '--uid', '0'];
  const namespace: Wire<V1Namespace> = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
  const map: Wire<V1ConfigMap> = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata,
    binaryData: { 'ket-run': binary },
  };
  const job: Wire<V1Job> = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata,
    spec: {
      backoffLimit: 0,
      template: {
        metadata: { labels },
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 30,
          initContainers: [
            {
              name: 'keep',
              image,
              restartPolicy: 'Always',
              command: [
                ketRun,
                'hold',
                ...folders,
                ...proof,
                '--contact-ms',
                '600000',
                '--grace-ms',
                '30000',
              ],
              volumeMounts: mounts,
            },
          ],
          containers: [
            {
              name: 'suite',
              image,
              command: [
                ketRun,
                'wrap',
                ...folders,
                ...proof,
                '--limit-ms',
                '600000',
                '--grace-ms',
                '1000',
                '--',
                'sh',
                '-c',
                commandOf(shape, '/results'),
              ],
              resources,
              volumeMounts: mounts,
            },
          ],
          volumes: [
            { name: 'bin', configMap: { name, defaultMode: 0o555 } },
            { name: 'state', emptyDir: {} },
            { name: 'results', emptyDir: {} },
          ],
        },
      },
    },
  };
  return [namespace, map, job].map((object) => object as unknown as AnyObject);
}

/** The helper of this machine's processors, which is the node's. */
export const ketRunOf = (root: string): string =>
  path.join(root, 'dist', 'ket-run', `ket-run-${process.arch === 'arm64' ? 'arm64' : 'amd64'}`);
