import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import { containersOf, eventsOf, fixture, ket, sandbox, type Sandbox } from './ket.ts';

/** A kubeconfig of the user's, as kubectl would use it. */
const theirs = `apiVersion: v1
kind: Config
current-context: work
contexts: [{ name: work, context: { cluster: work, user: me } }]
clusters: [{ name: work, cluster: { server: "https://127.0.0.1:1" } }]
users: [{ name: me, user: { token: none } }]
`;

describe("the user's machine", () => {
  let box: Sandbox;
  beforeEach(() => {
    box = sandbox();
  });
  afterEach(() => box.remove());

  test('a cluster is made and removed, and no kubeconfig of the user is touched', async () => {
    const files = [path.join(box.home, '.kube', 'config'), path.join(box.home, 'other-kubeconfig')];
    fs.mkdirSync(path.join(box.home, '.kube'));
    for (const file of files) fs.writeFileSync(file, theirs, { mode: 0o644 });
    const before = files.map((file) => fs.statSync(file, { bigint: true }).mtimeNs);
    const ran = await ket({
      args: ['run', '--tier', 'slow'],
      cwd: fixture,
      box,
      env: { KUBECONFIG: files[1] ?? '' },
      onEvent(event, pid) {
        if (event.type === 'task-ended' && event.task === 'cluster create') process.kill(pid, 'SIGTERM');
      },
    });
    expect(files.map((file) => fs.readFileSync(file, 'utf8'))).toEqual([theirs, theirs]);
    expect(files.map((file) => fs.statSync(file, { bigint: true }).mtimeNs)).toEqual(before);
    expect(eventsOf(ran, 'task-ended').find((event) => event.task === 'cluster create')).toMatchObject({
      outcome: 'done',
    });
    expect(ran.code).toBe(130);
    expect(containersOf(ran.stdout)).toEqual([]);
    // Nothing of ket's in the home but its own folders of state and cache.
    expect(
      fs
        .readdirSync(box.home)
        .filter((name) => !name.startsWith('out-'))
        .sort(),
    ).toEqual(expect.arrayContaining(['.kube', 'other-kubeconfig']));
    expect(fs.readdirSync(path.join(box.home, '.kube'))).toEqual(['config']);
  }, 240_000);
});
