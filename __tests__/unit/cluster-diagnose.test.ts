import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { saveDiagnostics } from '../../src/cluster/diagnose.ts';
import { pickLines, sameMessage } from '../../src/cluster/log-lines.ts';
import { failedWith, fakeDeps, FakeCluster, said } from './support/phases.ts';

const journal = (pid: number, text: string): string =>
  `Nov 21 12:06:59.552526 c-control-plane kubelet[${String(pid)}]: ${text}`;
const kubelet = [
  journal(
    223,
    'E1121 12:03:00.053622     223 certificate_manager.go:596] "Failed while requesting a signed certificate"',
  ),
  ...Array.from({ length: 40 }, (_, i) =>
    journal(
      300 + i,
      `E1121 12:06:59.${String(100 + i)}    ${String(300 + i)} run.go:72] "command failed" err="failed to run Kubelet: quantities must match"`,
    ),
  ),
  journal(400, 'I1121 12:06:59.600000     400 watchdog.go:1] "the interval is invalid, an error"'),
  "Nov 21 12:06:59.570564 c-control-plane systemd[1]: kubelet.service: Failed with result 'exit-code'.",
];
const containerd = [
  'time="2026-11-21T12:02:59Z" level=info msg="skip loading plugin aufs" error="modprobe failed"',
  'time="2026-11-21T12:02:59Z" level=warning msg="The image x is not unpacked."',
  'time="2026-11-21T12:02:59Z" level=error msg="failed to load cni during init" error="no network config"',
  'time="2026-11-21T12:03:59Z" level=info msg="started"',
];

describe('the lines that matter', () => {
  const lines = pickLines([
    { name: 'kubelet', lines: kubelet },
    { name: 'containerd', lines: containerd },
  ]);
  test('the repeated cause is there once, and counted', () => {
    expect(lines.filter((line) => line.includes('failed to run Kubelet'))).toHaveLength(1);
    expect(lines.find((line) => line.includes('failed to run Kubelet'))).toMatch(
      /^\[kubelet\] kubelet\[339\]: .*\(40 times\)$/,
    );
  });
  test('in the order of sources and time, with the source', () => {
    const at = (text: string): number => lines.findIndex((line) => line.includes(text));
    expect(at('signed certificate')).toBeLessThan(at('failed to run Kubelet'));
    expect(at('failed to run Kubelet')).toBeLessThan(at('Failed with result'));
    expect(lines[at('failed to load cni')]).toMatch(/^\[containerd\]/);
  });
  test('what only sounds like an error comes last, when there is room', () =>
    expect(pickLines([{ name: 'k', lines: kubelet }], 3).join('\n')).not.toContain('watchdog'));
  test('never more than asked', () => {
    const many = Array.from(
      { length: 100 },
      (_, i) => `error: ${'abcdefghij'[i % 10] ?? ''} ${'xyz'[i % 3] ?? ''} kind of failure`,
    );
    expect(pickLines([{ name: 'a', lines: many }])).toHaveLength(20);
    expect(pickLines([{ name: 'a', lines: many }], 5)).toHaveLength(5);
  });
  test('of the strongest, not of the last', () => {
    const sources = [
      {
        name: 'n',
        lines: [
          'write /x: no space left on device',
          ...Array.from({ length: 60 }, (_, i) => `error: case ${'abcdefgh'[i % 8] ?? ''}`),
        ],
      },
    ];
    expect(pickLines(sources, 3)[0]).toContain('no space left');
  });
  test('of those that come again and again, before those that came once', () => {
    const lines = [
      ...Array.from({ length: 9 }, () => 'error: again'),
      'error: once',
      'error: only once',
      'end',
    ];
    expect(pickLines([{ name: 'n', lines }], 1)).toEqual(['[n] error: again (9 times)']);
  });
  test('where nothing tells of anything, the last lines', () =>
    expect(pickLines([{ name: 'a', lines: ['one', 'two', ''] }])).toEqual(['[a] one', '[a] two']));
  test('warnings of the API count where words do not tell', () =>
    expect(
      pickLines([
        { name: 'events', base: 4, lines: ['12:00 Warning FailedScheduling x: taint', ''] },
        { name: 'k', lines: [] },
      ]),
    ).toEqual(['[events] 12:00 Warning FailedScheduling x: taint']));
  test('colours do not reach the terminal', () =>
    expect(pickLines([{ name: 'n', lines: ['\u001b[0;1;31mfailed to start\u001b[0m'] }])).toEqual([
      '[n] failed to start',
    ]));
  test('one message with other numbers is the same', () =>
    expect(sameMessage(kubelet[1] ?? '').replace(/\[\d+\]/, '')).toBe(
      sameMessage(kubelet[30] ?? '').replace(/\[\d+\]/, ''),
    ));
});

describe('saving', () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-diagnose-'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  test('logs of the nodes, pod logs, events and what is not ready; what fails is noted', async () => {
    const pod = '/var/log/pods/kube-system_etcd-c_0a1b/etcd/0.log';
    const deps = fakeDeps([
      ['docker ps', said('c-control-plane\n')],
      ['--unit kubelet', said(kubelet.join('\n'))],
      ['--unit containerd', () => Promise.reject(new Error('docker is gone'))],
      ['docker logs', failedWith('entrypoint says', 0)],
      ['docker inspect', said('[]')],
      ['find /var/log/pods', said(`${pod}\n`)],
      ['tail --lines 500', said('etcd says')],
    ]);
    const cluster = new FakeCluster();
    cluster.set('Event', [
      {
        type: 'Warning',
        reason: 'FailedScheduling',
        message: 'taint',
        lastTimestamp: '2',
        involvedObject: { kind: 'Pod', name: 'p', namespace: 'n' },
        metadata: {},
      },
      {
        type: 'Normal',
        reason: 'Pulled',
        lastTimestamp: '1',
        involvedObject: { kind: 'Pod', name: 'p' },
        metadata: {},
      },
    ]);
    cluster.set('Node', [{ kind: 'Node', metadata: { name: 'c-control-plane', managedFields: ['x'] } }]);
    cluster.set('Pod', [
      {
        metadata: { name: 'well' },
        status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
      },
      { metadata: { name: 'ill' }, status: { phase: 'Pending' } },
    ]);
    const saved = await saveDiagnostics(deps, { docker: 'docker', name: 'c', folder, kube: cluster.kube });
    const read = (file: string): string => fs.readFileSync(path.join(folder, file), 'utf8');
    expect(read('c-control-plane/kubelet.log')).toContain('failed to run Kubelet');
    expect(read('c-control-plane/node.log')).toBe('entrypoint says');
    expect(read('c-control-plane/pods/kube-system_etcd-c_etcd_0.log')).toBe('etcd says');
    expect(read('events.txt').split('\n')[1]).toBe('2 Warning FailedScheduling n/Pod/p: taint');
    expect(read('nodes-and-pods-not-ready.yaml')).toMatch(/name: ill/);
    expect(read('nodes-and-pods-not-ready.yaml')).not.toMatch(/name: well|managedFields/);
    expect(saved.notes).toEqual(['containerd of c-control-plane: docker is gone']);
    expect(saved.lines.join('\n')).toContain('[control-plane kubelet]');
    expect(fs.statSync(path.join(folder, 'events.txt')).mode & 0o777).toBe(0o600);
  });

  test('nothing to be had is no second error', async () => {
    const saved = await saveDiagnostics(fakeDeps([]), { docker: 'docker', name: 'c', folder });
    expect(saved).toMatchObject({ lines: [], notes: [expect.stringContaining('containers of the cluster')] });
  });
});
