import type { Clock, Deps, ExecRequest, ExecResult } from '../../../src/model/deps.ts';
import type { EventBody } from '../../../src/model/events.ts';
import type { Kube, Query, Reflector } from '../../../src/model/kube.ts';
import type { Plan, ReleasePlan } from '../../../src/model/plan.ts';
import type { Outbound } from '../../../src/model/run.ts';
import type { Made, StateFile } from '../../../src/model/state.ts';
import type { Task, TaskContext } from '../../../src/model/task.ts';

/** A machine without proxies and without authorities of its own. */
export const noOutbound: Outbound = { proxies: {}, noProxy: '', notices: [] };

export const ok: ExecResult = { code: 0, signal: null, timedOut: false, stdout: '', stderr: '' };
export const said = (stdout: string): ExecResult => ({ ...ok, stdout });
export const failedWith = (stderr: string, code = 1): ExecResult => ({ ...ok, code, stderr });

export type Answer = (request: ExecRequest) => ExecResult | Promise<ExecResult>;

export interface FakeDeps extends Deps {
  /** Every command so far, as one line each. */
  readonly commands: string[];
}

/** Commands are answered by the first entry whose text the command line contains; an unknown one fails the test. */
export function fakeDeps(
  answers: readonly (readonly [string, ExecResult | Answer])[],
  clock = fakeClock(),
): FakeDeps {
  const commands: string[] = [];
  return {
    commands,
    clock,
    env: { HOME: '/nowhere' },
    exec: async (request) => {
      const line = request.argv.join(' ');
      commands.push(line);
      const answer = answers.find(([text]) => line.includes(text))?.[1];
      if (answer === undefined) throw new Error(`unexpected command: ${line}`);
      return typeof answer === 'function' ? answer(request) : answer;
    },
  };
}

/** Time passes only while somebody sleeps. */
export function fakeClock(): Clock & { passed: number } {
  const clock = {
    passed: 0,
    now: () => Date.parse('2026-11-21T12:00:00Z') + clock.passed,
    monotonic: () => clock.passed,
    sleep: async (ms: number, signal?: AbortSignal) => {
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
      clock.passed += ms;
    },
  };
  return clock;
}

/** Objects by kind; `set` is a change that every watcher sees. */
export class FakeCluster {
  readonly #objects = new Map<string, readonly object[]>();
  readonly #watchers = new Map<string, Set<() => void>>();
  readonly #closed = new AbortController();
  readonly kube: Kube;

  constructor(more: Partial<Kube> = {}) {
    const refuse = (): never => {
      throw new Error('not expected of this fake');
    };
    this.kube = {
      server: 'https://127.0.0.1:6443',
      get: refuse,
      list: <T>(query: Query) => Promise.resolve(this.items<T>(query.kind)),
      create: refuse,
      patch: refuse,
      delete: refuse,
      text: refuse,
      follow: refuse,
      tail: () => Promise.resolve([]),
      exec: refuse,
      pipe: refuse,
      close: () => this.#closed.abort(new Error('closed')),
      reflect: <T>(query: Query) => this.#reflect<T>(query.kind),
      ...more,
    };
  }

  items<T>(kind: string): T[] {
    return [...(this.#objects.get(kind) ?? [])] as T[];
  }

  set(kind: string, objects: readonly object[]): void {
    this.#objects.set(kind, objects);
    for (const look of [...(this.#watchers.get(kind) ?? [])]) look();
  }

  #reflect<T>(kind: string): Reflector<T> {
    const watchers = this.#watchers.get(kind) ?? new Set<() => void>();
    this.#watchers.set(kind, watchers);
    let seen: readonly object[] | undefined;
    let snapshot: T[] = [];
    // The same until something changes, as that of the real one.
    const items = (): T[] => {
      const now = this.#objects.get(kind);
      if (now !== seen) snapshot = this.items<T>(kind);
      seen = now;
      return snapshot;
    };
    return {
      items,
      close: () => undefined,
      until: (decide, signal) =>
        new Promise((resolve, reject) => {
          const look = (): void => {
            try {
              const decided = decide(items());
              if (decided === undefined) return;
              watchers.delete(look);
              resolve(decided);
            } catch (error) {
              reject(error instanceof Error ? error : new Error(String(error)));
            }
          };
          for (const end of [signal, this.#closed.signal])
            end.addEventListener('abort', () => {
              watchers.delete(look);
              reject(end.reason as Error);
            });
          watchers.add(look);
          setImmediate(look);
        }),
    };
  }
}

export function fakeState(): StateFile & { readonly made: Made[] } {
  const made: Made[] = [];
  return {
    made,
    list: () => made,
    add: (item) => {
      made.push(item);
      return Promise.resolve();
    },
    remove: () => Promise.resolve(),
  };
}

export interface FakeContext extends TaskContext {
  readonly events: EventBody[];
  readonly waits: string[];
}

/** A task's context with the outputs of what it needs. */
export function fakeContext(deps: Deps, outputs: readonly (readonly [Task, unknown])[]): FakeContext {
  const events: EventBody[] = [];
  const waits: string[] = [];
  return {
    deps,
    events,
    waits,
    signal: new AbortController().signal,
    room: () => undefined,
    emit: (event) => void events.push(event),
    awaiting: (what) => void waits.push(what),
    output: <O>(task: Task<O>): O => {
      const found = outputs.find(([other]) => other === task);
      if (found === undefined) throw new Error(`no output of ${task.id}`);
      return found[1] as O;
    },
  };
}

export const aRelease: ReleasePlan = {
  name: 'shop',
  namespace: 'shop',
  chart: '/repo/charts/shop',
  values: ['/repo/values.yaml'],
  set: {},
  inline: {},
  secrets: [],
  dependsOn: [],
  limitMs: 60_000,
  collect: [],
};

export function aPlan(over: Partial<Plan> = {}): Plan {
  return {
    version: 1,
    root: '/repo',
    configPath: '/repo/ket.yaml',
    tier: 'integration',
    images: [],
    preload: 'off',
    delivery: { by: 'stream', registry: 'registry:2' },
    registries: [],
    production: false,
    releases: [],
    checks: [],
    suites: [],
    namespace: { quota: {}, limitRange: [] },
    onUnhealthy: 'fail',
    tools: { kind: 'v0.30.0', helm: 'v4.3.1', kindAsked: true, allowUnlisted: false },
    output: '/repo/ket-results',
    keep: 'never',
    keepMs: 0,
    parallel: 2,
    failFast: false,
    logs: 'on-failure',
    ...over,
  };
}
