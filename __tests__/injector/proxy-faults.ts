import type { Scene } from './faults.ts';
import { pause } from './node.ts';
import type { Passing } from './proxy.ts';

/** Faults on the way between ket and the API server. Each resolves with what the proxy counted. */

const within = (scene: Scene, { path }: Passing): boolean => path.includes(`/namespaces/${scene.namespace}/`);

function cutNow(scene: Scene, which: (passing: Passing) => boolean): Passing[] {
  const cut = scene.proxy.cut(which);
  if (cut.length === 0) throw new Error('there was no such connection to cut');
  return cut;
}

const say = (cut: readonly Passing[]): string =>
  `the proxy cut ${cut.map(({ kind, bytes }) => `${kind} after ${bytes} bytes`).join(', ')}`;

export async function cutWatches(scene: Scene): Promise<string> {
  return say(cutNow(scene, ({ kind }) => kind === 'watch'));
}

export async function expireWatches(scene: Scene): Promise<string> {
  const count = scene.proxy.expireWatches();
  if (count === 0) throw new Error('there was no watch');
  return `the proxy ended ${count} watches with 410`;
}

const isLog =
  (scene: Scene) =>
  (passing: Passing): boolean =>
    passing.kind === 'log' && within(scene, passing);

/** A log that another fault has just cut is soon read anew. */
async function cutLogSoon(scene: Scene): Promise<Passing[]> {
  for (let i = 0; i < 500; i++) {
    const cut = scene.proxy.cut(isLog(scene));
    if (cut.length > 0) return cut;
    await pause(20);
  }
  throw new Error('the log was not read for ten seconds');
}

export async function cutLog(scene: Scene): Promise<string> {
  return say(await cutLogSoon(scene));
}

/** Cuts the log again and again, as soon as it is read anew. */
export async function cutLogOften(scene: Scene): Promise<string> {
  const all = await cutLogSoon(scene);
  for (let i = 0; i < 6; i++) {
    await pause(100 + scene.random.below(400));
    all.push(...scene.proxy.cut(isLog(scene)));
  }
  return say(all);
}

/** The exec that the moment has stopped is cut; a moment of another kind is no moment for it. */
export async function cutExec(scene: Scene): Promise<string> {
  return say(
    cutNow(scene, (passing) => ['deliver', 'stream', 'ack'].includes(passing.kind) && within(scene, passing)),
  );
}

export async function resetAll(scene: Scene): Promise<string> {
  return say(cutNow(scene, () => true));
}

/** All requests get a status instead of an answer for some seconds; what is open already is cut, so that it asks again. */
export const refuse =
  (status: number) =>
  async (scene: Scene): Promise<string> => {
    const { proxy, random } = scene;
    const ms = 1500 + random.below(2500);
    const before = proxy.counts.refused;
    proxy.refuseWith = status;
    try {
      proxy.cut(() => true);
      await pause(ms);
    } finally {
      proxy.refuseWith = undefined;
    }
    const refused = proxy.counts.refused - before;
    if (refused === 0) throw new Error('nothing was asked meanwhile');
    return `the proxy answered ${refused} requests with ${status} within ${ms} ms`;
  };

export async function slow(scene: Scene): Promise<string> {
  const { proxy, random } = scene;
  const [delay, ms] = [50 + random.below(300), 3000];
  const before = proxy.counts.delayed;
  proxy.delayMs = delay;
  try {
    await pause(ms);
  } finally {
    proxy.delayMs = 0;
  }
  const delayed = proxy.counts.delayed - before;
  if (delayed === 0) throw new Error('nothing came meanwhile');
  return `the proxy delayed ${delayed} pieces by ${delay} ms within ${ms} ms`;
}

/** Nothing comes any more, and nothing is closed: as with a router that forgot the connection, for some seconds. */
export async function silence(scene: Scene): Promise<string> {
  const { proxy, random } = scene;
  const ms = 2000 + random.below(4000);
  const before = proxy.counts.held;
  proxy.hold();
  try {
    await pause(ms);
  } finally {
    proxy.release();
  }
  const held = proxy.counts.held - before;
  if (held === 0) throw new Error('nothing came meanwhile');
  return `the proxy held ${held} pieces for ${ms} ms`;
}
