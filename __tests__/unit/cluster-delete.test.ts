import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { deleteCluster } from '../../src/cluster/delete.ts';
import { folder, removeFolders } from './support/folder.ts';
import { failedWith, fakeDeps, ok, said, type FakeDeps } from './support/phases.ts';

afterEach(removeFolders);

const options = { kind: 'kind', docker: 'docker', name: 'c', kubeconfig: '/nowhere/kubeconfig' };
const volume = 'a'.repeat(64);

/** A Docker with the cluster's containers and volumes; what removes them is up to the test. */
function docker(how: {
  kindRemoves?: boolean;
  rmRemoves?: boolean;
  keepsVolume?: boolean;
  kindFails?: boolean;
}): FakeDeps {
  let containers = ['id1', 'id2'];
  let volumes = [volume];
  const remove = (): void => {
    containers = [];
    if (how.keepsVolume !== true) volumes = [];
  };
  return fakeDeps([
    ['docker ps', () => said(containers.join('\n'))],
    ['docker inspect', said(`${volume}\nuser-volume\n\n`)],
    ['docker volume ls', () => said([...volumes, 'user-volume'].join('\n'))],
    [
      'docker volume rm',
      () => {
        volumes = [];
        return ok;
      },
    ],
    [
      'docker rm',
      () => {
        if (how.rmRemoves === true) remove();
        return how.rmRemoves === true ? ok : failedWith('could not kill: did not receive an exit event');
      },
    ],
    [
      'kind delete',
      () => {
        if (how.kindRemoves === true) remove();
        return how.kindFails === true ? failedWith('ERROR: failed to delete') : ok;
      },
    ],
  ]);
}

describe('deleting a cluster', () => {
  test('kind does it, Docker proves it', async () => {
    const deps = docker({ kindRemoves: true });
    await deleteCluster(deps, options);
    expect(deps.commands).toContain('kind delete cluster --name c --kubeconfig /nowhere/kubeconfig');
    expect(deps.commands.filter((line) => line.startsWith('docker ps'))).toHaveLength(2);
    expect(deps.commands[0]).toBe('docker ps -a -q --no-trunc --filter label=io.x-k8s.kind.cluster=c');
    expect(deps.commands.some((line) => line.startsWith('docker rm'))).toBe(false);
  });

  test('what kind left is removed by its id', async () => {
    const deps = docker({ kindFails: true, rmRemoves: true });
    await deleteCluster(deps, options);
    expect(deps.commands).toContain('docker rm -f -v id1 id2');
  });

  test('volumes of the nodes that stayed are removed, those of the user are not', async () => {
    const deps = docker({ kindRemoves: true, keepsVolume: true });
    await deleteCluster(deps, options);
    expect(deps.commands.filter((line) => line.startsWith('docker volume rm'))).toEqual([
      `docker volume rm ${volume}`,
    ]);
  });

  test('without kind Docker does it', async () => {
    const deps = docker({ rmRemoves: true });
    await deleteCluster(deps, { docker: 'docker', name: 'c', kubeconfig: '/nowhere/kubeconfig' });
    expect(deps.commands).toContain('docker rm -f -v id1 id2');
  });

  test('what cannot be removed is named, with the cure, after a few tries', async () => {
    const deps = docker({});
    await expect(deleteCluster(deps, options)).rejects.toMatchObject({
      code: 'KET_CLUSTER',
      message: expect.stringContaining('container id1, container id2, volume aaaaaaaaaaaa left'),
      details: ['could not kill: did not receive an exit event'],
      next: expect.stringContaining('docker rm -f -v id1 id2'),
    });
    expect(deps.commands.filter((line) => line.startsWith('docker rm')).length).toBeLessThan(5);
  });

  test('of a creation that was killed a container may still appear: it is looked for, and removed', async () => {
    const kubeconfig = path.join(folder(), 'kubeconfig');
    fs.writeFileSync(kubeconfig, '');
    let looks = 0;
    let late: string[] = [];
    const deps = fakeDeps([
      [
        'docker ps',
        () => {
          looks += 1;
          if (looks === 4) late = ['late'];
          return said(late.join('\n'));
        },
      ],
      ['docker inspect', said('')],
      [
        'docker rm',
        () => {
          late = [];
          return ok;
        },
      ],
    ]);
    await deleteCluster(deps, { docker: 'docker', name: 'c', kubeconfig });
    expect(deps.commands).toContain('docker rm -f -v late');
    expect(fs.existsSync(kubeconfig)).toBe(false);
  });

  test('a Docker that does not answer proves nothing', () =>
    expect(deleteCluster(fakeDeps([['docker ps', failedWith('Cannot connect')]]), options)).rejects.toThrow(
      'cannot be told',
    ));

  test('a cluster that is gone already is no error', async () => {
    const deps = fakeDeps([
      ['docker ps', ok],
      ['kind delete', ok],
    ]);
    await deleteCluster(deps, options);
  });
});
