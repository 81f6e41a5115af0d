import { KetError } from '../../model/errors.ts';
import type { AnyObject, Kube } from '../../model/kube.ts';
import type { Reference, SuitePlan } from '../../model/plan.ts';
import type { TaskContext } from '../../model/task.ts';
import { attemptLabels, type AttemptId } from '../names.ts';
import { copyName, isWhole, keysOf, sourcesOf, type Source } from './references.ts';
import type { SuiteWorld } from '../world.ts';

/** By key. */
type Values = ReadonlyMap<string, Buffer>;

/** An operator of the release may make an object a moment after the release is ready. */
const patienceMs = 10_000;
const pauseMs = 500;

/**
 * Reads what a suite takes of releases, masks the values of Secrets, and gives the copies for the attempt's namespace.
 * Throws a KetError (`KET_CONFIG`) when an object or a key is still not there after 10 s, or when a value cannot be
 * what it is asked to be.
 */
export async function copiesOf(
  world: Pick<SuiteWorld, 'kube' | 'namespaces' | 'mask'>,
  suite: SuitePlan,
  id: AttemptId,
  namespace: string,
  context: Pick<TaskContext, 'deps' | 'awaiting' | 'signal'>,
): Promise<AnyObject[]> {
  const { clock } = context.deps;
  const until = clock.monotonic() + patienceMs;
  const copies: AnyObject[] = [];
  for (const [index, source] of sourcesOf(suite).entries()) {
    const place = world.namespaces[source.release] ?? source.release;
    let values = await read(world.kube, source, place, context.signal);
    while (typeof values === 'string') {
      if (clock.monotonic() >= until) throw new KetError('KET_CONFIG', values);
      context.awaiting(values);
      await clock.sleep(pauseMs, context.signal);
      values = await read(world.kube, source, place, context.signal);
    }
    // Before anything can be said of them.
    if (source.kind === 'Secret') world.mask(secretsOf(source, values));
    for (const reference of source.references) checkVariables(reference, values);
    copies.push(copyOf(source, index, id, namespace, values));
  }
  return copies;
}

/** The copies of an attempt, with words in place of what is known at run time only. */
export const shownCopies = (suite: SuitePlan, id: AttemptId, namespace: string): AnyObject[] =>
  sourcesOf(suite).map((source, index) => {
    const keys = keysOf(source) ?? ['<each key>'];
    const values = new Map(keys.map((key) => [key, Buffer.from(`<from ${source.text}>`)]));
    return copyOf(source, index, id, namespace, values);
  });

type Stored = AnyObject & {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
};

/** The values that are asked for, or what is not there. */
async function read(
  kube: Kube,
  source: Source,
  namespace: string,
  signal: AbortSignal,
): Promise<Values | string> {
  const { text, kind, name } = source;
  const object = await kube.get<Stored>({ apiVersion: 'v1', kind, namespace, name }, signal);
  if (object === undefined) {
    const others = await kube.list<Stored>({ apiVersion: 'v1', kind, namespace }, signal);
    // Neither Helm's own notes about its releases, nor what every namespace has.
    const names = others
      .filter(({ type, metadata }) => type !== 'helm.sh/release.v1' && metadata?.name !== 'kube-root-ca.crt')
      .flatMap(({ metadata }) => metadata?.name ?? []);
    return `${text}: there is no ${kind} ${name} in namespace ${namespace}; there ${listOf(names)}`;
  }
  const encoding = kind === 'Secret' ? 'base64' : 'utf8';
  const all = new Map([
    ...Object.entries(object.data ?? {}).map(([key, value]) => [key, Buffer.from(value, encoding)] as const),
    ...Object.entries(object.binaryData ?? {}).map(
      ([key, value]) => [key, Buffer.from(value, 'base64')] as const,
    ),
  ]);
  const values = new Map<string, Buffer>();
  for (const key of keysOf(source) ?? all.keys()) {
    const value = all.get(key);
    if (value === undefined)
      return `${text}: ${kind} ${name} in namespace ${namespace} has no key ${key}; there ${listOf([...all.keys()])}`;
    values.set(key, value);
  }
  return values;
}

/** More than so many are no help. */
const most = 30;

function listOf(names: readonly string[]): string {
  if (names.length === 0) return 'is none at all';
  const more = names.length > most ? ` and ${names.length - most} more` : '';
  return `${names.length === 1 ? 'is' : 'are'} ${[...names].sort().slice(0, most).join(', ')}${more}`;
}

/** By what they are referred to as. What is not text could show in base64. */
const secretsOf = ({ text }: Source, values: Values): Map<string, string> =>
  new Map([...values].map(([key, value]) => [`${text}/${key}`, textOf(value) ?? value.toString('base64')]));

/** Undefined for what no environment variable can hold. */
function textOf(value: Buffer): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Whether the values that become variables can; the kubelet would leave such a key out, or never start the pod. */
function checkVariables(reference: Reference, values: Values): void {
  const { text, key, variable } = reference;
  const fault = (what: string, cure: string): KetError =>
    new KetError('KET_CONFIG', `${text}: ${what}; ${cure}`);
  const whole = isWhole(reference);
  if (whole)
    for (const name of values.keys()) {
      const cure = 'take the keys that are wanted one by one by `env`, or all by `files`';
      if (!/^[A-Za-z_]\w*$/.test(name)) throw fault(`its key ${name} is not the name of a variable`, cure);
      if (/^KET_/i.test(name))
        throw fault(`its key ${name} is reserved: ket itself sets variables that begin with KET_`, cure);
    }
  const names = whole ? [...values.keys()] : variable === undefined || key === undefined ? [] : [key];
  const bad = names.find((name) => textOf(values.get(name) ?? Buffer.of(0)) === undefined);
  if (bad !== undefined)
    throw fault(
      `the value of its key ${bad} is not text: it has bytes that no environment variable can hold`,
      'take it as a file by `files`',
    );
}

function copyOf(
  { text, kind }: Source,
  index: number,
  id: AttemptId,
  namespace: string,
  values: Values,
): AnyObject {
  const object = {
    apiVersion: 'v1',
    kind,
    metadata: {
      name: copyName(id, index),
      namespace,
      labels: attemptLabels(id),
      annotations: { 'ket.dev/copy-of': text },
    },
    immutable: true,
  };
  const base64 = (all: readonly (readonly [string, Buffer])[]): Record<string, string> =>
    Object.fromEntries(all.map(([key, value]) => [key, value.toString('base64')]));
  if (kind === 'Secret') return { ...object, type: 'Opaque', data: base64([...values]) };
  const texts = [...values].flatMap(([key, value]): [string, string][] => {
    const decoded = textOf(value);
    return decoded === undefined ? [] : [[key, decoded]];
  });
  const binary = [...values].filter(([, value]) => textOf(value) === undefined);
  return { ...object, data: Object.fromEntries(texts), binaryData: base64(binary) };
}
