import type { ReleasePlan } from '../model/plan.ts';

type Env = Readonly<Record<string, string | undefined>>;
type Values = Record<string, unknown>;

/** What Helm is to read from its standard input. */
type FromInput = Pick<ReleasePlan, 'inline' | 'secrets'>;

/** Whether a release has values that are in no file. */
export const hasInput = ({ inline, secrets }: FromInput): boolean =>
  Object.keys(inline).length > 0 || secrets.length > 0;

/**
 * The values of a release that are in no file, as a document for Helm's standard input: a command line is shown to
 * everybody on the machine, and a file would have to be removed however ket ends. Secrets go before `inline`, and are
 * texts whatever they look like.
 */
export function inputOf({ inline, secrets }: FromInput, env: Env): string {
  const values = structuredClone(inline) as Values;
  for (const { path, variable } of secrets) put(values, path, env[variable] ?? '');
  return JSON.stringify(values);
}

function put(values: Values, [key = '', ...more]: readonly string[], value: string): void {
  if (more.length === 0) {
    own(values, key, value);
    return;
  }
  if (!Object.hasOwn(values, key)) own(values, key, {});
  // That nothing else stands on the way was checked with the file.
  put(values[key] as Values, more, value);
}

/** Also for a key that objects have from elsewhere, such as `__proto__`. */
const own = (values: Values, key: string, value: unknown): void => {
  Object.defineProperty(values, key, { value, enumerable: true, configurable: true, writable: true });
};
