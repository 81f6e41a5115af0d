import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { containersOf, eventsOf, ket, sandbox, up, type Ran, type Sandbox } from './ket.ts';

/** The settings of a cluster that lives for one run, as its nodes have them; and those of clusters that stay. */

const kind = 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{ role: control-plane }]\n';
const files: Readonly<Record<string, string>> = {
  'kind.yaml': kind,
  'own.yaml': `${kind}kubeadmConfigPatches:
  - |
    kind: KubeletConfiguration
    containerLogMaxSize: 20Mi
`,
  'ket.yaml': `
tiers:
  made: { cluster: { config: kind.yaml }, images: &images [{ name: "busybox:1.36" }], suites: &suites [{ name: waits, image: "busybox:1.36", command: sleep 30, expectTests: false }] }
  own: { cluster: { config: own.yaml }, images: *images, suites: *suites }
  off: { cluster: { config: kind.yaml, throwaway: false }, images: *images, suites: *suites }
`,
};

let box: Sandbox;
let folder = '';
beforeAll(() => {
  box = sandbox();
  folder = path.join(box.home, 'repository');
  fs.mkdirSync(folder);
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), text);
});
afterAll(async () => {
  await ket({ args: ['down'], cwd: folder, box });
  box.remove();
}, 120_000);

/** What the kubelet of a node really runs with. */
const settingsOf = (node: string): string[] =>
  execFileSync('docker', ['exec', node, 'cat', '/var/lib/kubelet/config.yaml'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.startsWith('containerLogMaxSize'));

/** Runs a tier, and reads the settings of its cluster while its suite runs. */
async function run(tier: string): Promise<{ ran: Ran; settings: string[] | undefined }> {
  let settings: string[] | undefined;
  const ran = await ket({
    args: ['run', '--tier', tier],
    cwd: folder,
    box,
    onEvent(event) {
      if (event.type === 'attempt-started') settings = settingsOf(event.node ?? '');
    },
  });
  expect(eventsOf(ran, 'suite-ended')).toMatchObject([{ suite: 'waits', outcome: 'passed' }]);
  return { ran, settings };
}

test('a cluster that a run makes and deletes has them all, and is deleted', async () => {
  const { ran, settings } = await run('made');
  expect(settings).toEqual(['containerLogMaxSize: 100Mi']);
  expect(ran.code).toBe(0);
  expect(containersOf(ran.folder)).toEqual([]);
}, 300_000);

test("what the user's Kind config says of a part goes before ket's setting of it", async () => {
  const { ran, settings } = await run('own');
  expect(settings).toEqual(['containerLogMaxSize: 20Mi']);
  expect(ran.code).toBe(0);
  expect(containersOf(ran.folder)).toEqual([]);
}, 300_000);

test('`throwaway: false` turns them off', async () => {
  const { ran, settings } = await run('off');
  expect(settings).toEqual([]);
  expect(containersOf(ran.folder)).toEqual([]);
}, 300_000);

test('a cluster that stays has none of them, also under the runs that use it', async () => {
  const { name } = await up('made', folder, box);
  expect(settingsOf(`${name}-control-plane`)).toEqual([]);
  expect((await run('made')).settings).toEqual([]);
}, 400_000);
