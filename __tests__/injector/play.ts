import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunEvent } from '../../src/model/events.ts';
import { ket } from '../cluster/ket.ts';
import type { PodView } from './api.ts';
import type { Scene, Target } from './faults.ts';
import { mayStay, violations } from './invariant.ts';
import { observe } from './observed.ts';
import { randomOf } from './random.ts';
import { type Injection, type Round } from './rounds.ts';
import type { Stage } from './stage.ts';

export interface Played {
  /** For each injection, what proves it, or why it did not happen. */
  readonly proofs: readonly { readonly happened: boolean; readonly says: string }[];
  /** What ket said of each suite. */
  readonly verdicts: readonly string[];
  readonly violations: readonly string[];
  readonly ms: number;
}

/** Beyond the limit of each suite and all that a fault may last. */
const limitMs = 120_000;
/** See `keepsNamespaces`, with some room. */
const keptMs = 180_000;
/** A trapped answer goes on after so long, if its fault takes longer. */
const trapMs = 400;

/** Plays one round: a run of ket with its faults, then the invariant. */
export async function play(stage: Stage, round: Round): Promise<Played> {
  const began = performance.now();
  const { api, box, project, proxy } = stage;
  const events: RunEvent[] = [];
  const waiting = round.injections.map(
    (one, i) => new Waiting(stage, one, `${round.seed}/${round.number}/${i}`),
  );
  proxy.reset();
  proxy.onAnswer = ({ kind, path }, status) => {
    if (kind === 'create-job' && status === 201) for (const one of waiting) one.created(path);
  };
  const ran = await ket({
    args: ['run', '--tier', 'truths', ...round.suites.flatMap(({ suite }) => ['--suite', suite])],
    cwd: project,
    box,
    limitMs,
    onEvent(event, pid) {
      events.push(event);
      for (const one of waiting) one.event(event, pid, round);
    },
  });
  const proofs = await Promise.all(waiting.map((one) => one.proof()));
  proxy.reset();
  const seen = observe(ran, events);
  const stays = seen.leftovers.some((what) => mayStay(round, what));
  if (stays) await namespacesGone(stage);
  const killed = round.injections.some(({ fault }) => fault.endsKet === true);
  const left = killed || stays ? await sweep(stage) : [];
  left.push(...(await leftIn(stage)));
  await api.until('the node is ready', '/api/v1/nodes', ({ body }) => allReady(body), 60_000);
  const wrong = violations(round, { ...seen, left });
  if (wrong.length > 0 && ran.stderr !== '') wrong.push(`ket printed: ${ran.stderr.slice(-2000)}`);
  if (wrong.length === 0) fs.rmSync(ran.folder, { recursive: true, force: true });
  return {
    proofs,
    verdicts: seen.suites.map(({ suite, outcome, infraClass }) =>
      [suite, outcome, infraClass].filter((word) => word !== undefined).join(' '),
    ),
    violations: wrong,
    ms: performance.now() - began,
  };
}

/** Nobody does anything about them. Those that are still there after it are named by the next look. */
async function namespacesGone({ api }: Stage): Promise<void> {
  const path = '/api/v1/namespaces?labelSelector=ket.dev%2Frun';
  const isEmpty = (body: unknown): boolean => (body as { items: unknown[] }).items.length === 0;
  await api
    .until('no namespace of a run', path, ({ body }) => isEmpty(body) || undefined, keptMs)
    .catch(() => undefined);
}

/** What a killed driver left, and what it has listed, is removed by the next ket; returns what is wrong with that. */
async function sweep({ box, project }: Stage): Promise<string[]> {
  const { code, stderr } = await ket({ args: ['cleanup'], cwd: project, box });
  return code === 0 ? [] : [`what ket cleanup, which ended with ${String(code)}, names: ${stderr}`];
}

const allReady = (body: unknown): boolean | undefined =>
  (body as { items: PodView[] }).items.every(({ status }) =>
    status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
  ) || undefined;

/** What is in the cluster or in ket's state that was not there before; deletion gets some time. */
async function leftIn({ api, box }: Stage): Promise<string[]> {
  const kinds = [
    ...['/api/v1/namespaces', '/api/v1/pods', '/apis/batch/v1/jobs', '/api/v1/configmaps', '/api/v1/secrets'],
    ...['/apis/rbac.authorization.k8s.io/v1/roles', '/apis/rbac.authorization.k8s.io/v1/clusterroles'],
  ];
  const over = performance.now() + 40_000;
  for (;;) {
    const found: string[] = [];
    for (const kind of kinds)
      found.push(
        ...(await api.until(kind, `${kind}?labelSelector=ket.dev%2Frun`, ({ status, body }) =>
          status === 200
            ? (body as { items: PodView[] }).items.map(({ metadata }) => `${kind}/${metadata.name}`)
            : undefined,
        )),
      );
    // That of `ket up` stays.
    if (box.states().length > 1) found.push(`states ${box.states().join(', ')}`);
    if (found.length === 0 || performance.now() > over) return found;
    await sleep(300);
  }
}

/** The list of the results of each of its suites is shorter; the bytes of the files follow it. */
const longestList = 8192;

/** One injection on its way to its moment. */
class Waiting {
  readonly #stage: Stage;
  readonly #injection: Injection;
  readonly #seed: string;
  #ket = 0;
  #pod: Promise<Target> | undefined;
  #done: Promise<string> | undefined;
  #namespace = '';

  constructor(stage: Stage, injection: Injection, seed: string) {
    this.#stage = stage;
    this.#injection = injection;
    this.#seed = seed;
  }

  /** A Job was made in the namespace of that path. */
  created(path: string): void {
    const { target, moment } = this.#injection;
    const namespace = /\/namespaces\/([^/]+)\//.exec(path)?.[1] ?? '';
    if (!namespace.endsWith(`-${target}-1`)) return;
    this.#namespace = namespace;
    if (moment.at === 'created') this.#strike(moment.ms ?? 0);
    if (['listing', 'collecting', 'acknowledging'].includes(moment.at)) this.#setTrap();
  }

  event(event: RunEvent, pid: number, { suites }: Round): void {
    this.#ket = pid;
    const { target, moment } = this.#injection;
    if (event.type === 'attempt-started' && event.suite === target && event.attempt === 1) {
      this.#pod = this.#lookUp(event.namespace ?? '', event.pod ?? '');
      // Whoever needs it finds the error.
      this.#pod.catch(() => undefined);
    }
    if (event.type !== 'log' || event.suite !== target || event.attempt !== 1) return;
    const last = suites.find(({ suite }) => suite === target)?.lines ?? 0;
    if (moment.at === 'line' && event.line === `line ${moment.line ?? 0}`) this.#strike(0);
    if (moment.at === 'ended' && event.line === `line ${last}`) this.#strike(moment.ms ?? 0);
  }

  async proof(): Promise<Played['proofs'][number]> {
    if (this.#done === undefined) return { happened: false, says: 'its moment never came' };
    return this.#done.then(
      (says) => ({ happened: true, says }),
      (error: unknown) => ({ happened: false, says: error instanceof Error ? error.message : String(error) }),
    );
  }

  #setTrap(): void {
    const { moment } = this.#injection;
    const { at, bytes = 1 } = moment;
    this.#stage.proxy.trap = {
      fits: ({ kind, path }) => kind === 'deliver' && path.includes(`/namespaces/${this.#namespace}/`),
      at: at === 'acknowledging' ? 'word' : at === 'collecting' ? longestList + bytes : bytes,
      spring: async () => {
        this.#strike(0);
        await Promise.race([this.#done?.catch(() => undefined), sleep(trapMs)]);
      },
    };
  }

  /** The processes of its containers, looked up early: at the moment there is no time for it. */
  async #lookUp(namespace: string, name: string): Promise<Target> {
    const { api, node } = this.#stage;
    const { status, body } = await api.ask('GET', `/api/v1/namespaces/${namespace}/pods/${name}`);
    if (status !== 200) throw new Error(`the server has no pod ${name}: ${status}`);
    const { metadata, status: is } = body as PodView;
    const { uid } = metadata;
    const { kills } = this.#injection.fault;
    if (kills === undefined) return { name, uid };
    const containers = [...(is?.containerStatuses ?? []), ...(is?.initContainerStatuses ?? [])];
    const of = containers.find((one) => one.name === kills)?.containerID ?? '';
    const id = of.replace(/^.*\/\//, '');
    return { name, uid, container: { id, pid: await node.taskOf(id) } };
  }

  #strike(ms: number): void {
    this.#done ??= this.#inject(ms);
    this.#done.catch(() => undefined);
  }

  async #inject(ms: number): Promise<string> {
    if (ms > 0) await sleep(ms);
    const { api, proxy, node } = this.#stage;
    const scene: Scene = {
      ...{ api, proxy, node },
      ket: this.#ket,
      suite: this.#injection.target,
      namespace: this.#namespace,
      pod: await this.#pod,
      random: randomOf(this.#seed),
    };
    return this.#injection.fault.inject(scene);
  }
}
