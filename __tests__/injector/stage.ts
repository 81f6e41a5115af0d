import fs from 'node:fs';
import path from 'node:path';
import { fixture, ket, root, up, type Sandbox } from '../cluster/ket.ts';
import { accessOf, Api } from './api.ts';
import { KindNode } from './node.ts';
import { Proxy } from './proxy.ts';

/** A cluster that stays for all rounds, with a proxy before its API server, through which ket alone goes. */
export interface Stage {
  readonly box: Sandbox;
  /** Folder of the ket.yaml. */
  readonly project: string;
  readonly api: Api;
  readonly proxy: Proxy;
  readonly node: KindNode;
  /** Ends the proxy; the cluster stays. */
  readonly close: () => void;
}

const truths = { project: path.join(import.meta.dirname, 'project'), tier: 'truths' };

/** Brings the cluster of a tier up, unless the box has one already, and puts the proxy before it. */
export async function openStage(box: Sandbox, { project, tier } = truths): Promise<Stage> {
  const folder = path.join(box.home, 'project');
  const noted = path.join(box.home, 'cluster.json');
  if (!fs.existsSync(noted)) {
    fs.cpSync(project, folder, { recursive: true });
    fs.copyFileSync(
      path.join(root, 'kind-configs', 'integration.yaml'),
      path.join(folder, 'integration.yaml'),
    );
    fs.copyFileSync(path.join(fixture, 'junit.sh'), path.join(folder, 'junit.sh'));
    const { name, kubeconfig } = await up(tier, folder, box);
    const direct = path.join(box.home, 'direct.yaml');
    fs.copyFileSync(kubeconfig, direct);
    fs.writeFileSync(noted, JSON.stringify({ name, kubeconfig, direct }));
  }
  const { name, kubeconfig, direct } = JSON.parse(fs.readFileSync(noted, 'utf8')) as Record<string, string>;
  if (name === undefined || kubeconfig === undefined || direct === undefined)
    throw new Error(`${noted} names no cluster`);
  const access = accessOf(direct);
  const proxy = new Proxy(access);
  const text = fs.readFileSync(direct, 'utf8');
  const through = `http://127.0.0.1:${await proxy.listen()}`;
  fs.writeFileSync(kubeconfig, text.replace(/server: .*/, `server: ${through}`), { mode: 0o600 });
  const api = new Api(access);
  return {
    ...{ box, project: folder, api, proxy },
    node: new KindNode(`${name}-control-plane`),
    close() {
      proxy.close();
      api.close();
    },
  };
}

/** Removes the cluster as a user does. */
export async function endStage({ box, project: cwd, close }: Stage): Promise<void> {
  close();
  const { code, stderr } = await ket({ args: ['down'], cwd, box });
  if (code !== 0) throw new Error(`ket down ended with ${String(code)}: ${stderr}`);
}
