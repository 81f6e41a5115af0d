import type { StartedNodes, Tools } from '../../../src/model/run.ts';
import type { Task } from '../../../src/model/task.ts';
import type { ImageUsers } from '../../../src/images/tasks.ts';

/** Nothing that uses an image. */
export const noUsers: ImageUsers = {
  usage: { uses: [], texts: [] },
  ...{ pods: [], rendered: [], releases: () => [], last: [], env: {} },
};

/** The tasks of a cluster that images need; they are not run. */
export const clusterNodes = {
  tools: { id: 'tools' } as unknown as Task<Tools>,
  nodes: { id: 'nodes' } as unknown as Task<StartedNodes>,
};
