type Fields = Readonly<Record<string, unknown>>;

/** What was changed on the way from one manifest to another, a line for each field: `path: from → to`. Pure. */
export function changesOf(before: unknown, after: unknown, path = ''): string[] {
  if (isFields(before) && isFields(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) =>
      changesOf(before[key], after[key], path === '' ? word(key) : `${path}.${word(key)}`),
    );
  }
  const [old, now] = [byKey(before), byKey(after)];
  if (old !== undefined && now !== undefined)
    return [...new Set([...old.keys(), ...now.keys()])].flatMap((key) =>
      changesOf(old.get(key), now.get(key), `${path}[${key}]`),
    );
  const [from, to] = [shown(before), shown(after)];
  return from === to ? [] : [`${path}: ${from} → ${to}`];
}

/** Lists of named things; undefined for any other. */
function byKey(list: unknown): ReadonlyMap<string, unknown> | undefined {
  if (!Array.isArray(list)) return undefined;
  const keys = list.map((item: unknown) =>
    isFields(item) ? (item['mountPath'] ?? item['name']) : undefined,
  );
  const named = keys.every((key) => typeof key === 'string') && new Set(keys).size === keys.length;
  return named ? new Map(list.map((item: unknown, index) => [String(keys[index]), item])) : undefined;
}

const shown = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));

/** A key with a dot or a slash would read as a path of its own. */
const word = (key: string): string => (/^[\w-]+$/.test(key) ? key : JSON.stringify(key));

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
