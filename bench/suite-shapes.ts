import fs from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';

/** Suites of one kind: so many, each so long. */
export interface Shape {
  /** Name of its project and tier too. */
  readonly name: string;
  readonly title: string;
  readonly count: number;
  readonly seconds: number;
}

export const shapes = {
  twenty: { name: 'twenty', title: '20 suites of 5 s', count: 20, seconds: 5 },
  minute: { name: 'minute', title: 'one suite of 60 s', count: 1, seconds: 60 },
  sixty: { name: 'sixty', title: '60 suites of 5 s', count: 60, seconds: 5 },
  forty: { name: 'forty', title: '40 suites of 1 s', count: 40, seconds: 1 },
} as const satisfies Readonly<Record<string, Shape>>;

export const image = 'busybox:1.36';
export const resources = { requests: { cpu: '10m', memory: '8Mi' }, limits: { memory: '32Mi' } };

/** With a JUnit file, as every suite has one; in a bare Job it is of no use to anybody. */
export const commandOf = (shape: Shape, folder: string): string =>
  `sleep ${shape.seconds}; echo '<testsuite><testcase name="a"/></testsuite>' > ${folder}/junit.xml`;

export const nameOf = (i: number): string => `s${String(i + 1).padStart(2, '0')}`;

/** A project for each shape, in a folder of its name, and `up` with the cluster and the image for all. */
export function writeProjects(folder: string): void {
  const cluster = { config: 'kind.yaml' };
  const kind = {
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    nodes: [{ role: 'control-plane' }],
  };
  const write = (name: string, tier: object): void => {
    fs.mkdirSync(path.join(folder, name));
    fs.writeFileSync(
      path.join(folder, name, 'ket.yaml'),
      stringify({ tiers: { [name]: { cluster, ...tier } } }),
    );
    fs.writeFileSync(path.join(folder, name, 'kind.yaml'), stringify(kind));
  };
  write('up', { images: [{ name: image }], suites: [{ name: 'none', image, command: 'true' }] });
  for (const shape of Object.values(shapes))
    write(shape.name, {
      suites: Array.from({ length: shape.count }, (_, i) => ({
        name: nameOf(i),
        image,
        command: commandOf(shape, '/results'),
        resources,
      })),
    });
}

/** The same as bare Jobs, for `kubectl apply`. */
export function jobsOf(shape: Shape): object[] {
  return Array.from({ length: shape.count }, (_, i) => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: nameOf(i) },
    spec: {
      backoffLimit: 0,
      template: {
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          containers: [
            {
              name: 'suite',
              image,
              imagePullPolicy: 'IfNotPresent',
              command: ['sh', '-c', commandOf(shape, '/tmp')],
              resources,
            },
          ],
        },
      },
    },
  }));
}
