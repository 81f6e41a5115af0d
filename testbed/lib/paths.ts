/** Where everything lives: one folder outside all clones, so that they share it. */
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The testbed's own sources. */
export const sourceDir = dirname(dirname(fileURLToPath(import.meta.url)));

export const root = resolve(
  process.env['KET_TESTBED_DIR'] ??
    join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ket-testbed'),
);

export const paths = {
  logs: join(root, 'logs'),
  /** Finished products, one folder per product and hash of its inputs. */
  products: join(root, 'products'),
  /** Work in progress; safe to delete when nothing runs. */
  work: join(root, 'work'),
  /** One small file per image step: what was built from which inputs. */
  stamps: join(root, 'stamps'),
  lock: join(root, 'lock'),
  state: join(root, 'state.json'),
  dockerData: join(root, 'docker'),
  dockerConfig: join(root, 'docker-config'),
  run: join(root, 'run'),
  execRoot: join(root, 'run', 'exec'),
  containerdPid: join(root, 'run', 'exec', 'containerd', 'containerd.pid'),
  socket: join(root, 'run', 'docker.sock'),
  pidFile: join(root, 'run', 'docker.pid'),
  dockerLog: join(root, 'logs', 'dockerd.log'),
} as const;

/** `unix://` address of the testbed's own daemon. */
export const ownDockerHost = `unix://${paths.socket}`;
