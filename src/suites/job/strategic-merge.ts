/**
 * Kubernetes' strategic merge patch, for the Job templates of suites: mappings merge, lists of named things merge by
 * their keys, all other lists are replaced, null removes. As the API server does it, order included
 * (k8s.io/apimachinery, pkg/util/strategicpatch).
 */
type Json = unknown;
type Fields = Record<string, Json>;

/** The key by which the items of a list are told apart; '' for a list of plain values that merges. */
const mergeKeys: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  volumes: 'name',
  imagePullSecrets: 'name',
  schedulingGates: 'name',
  resourceClaims: 'name',
  env: 'name',
  volumeMounts: 'mountPath',
  volumeDevices: 'devicePath',
  ports: 'containerPort',
  hostAliases: 'ip',
  topologySpreadConstraints: 'topologyKey',
  finalizers: '',
};

/** Gives a new value; neither argument is changed. */
export function strategicMerge(original: Json, patch: Json): Json {
  if (!isFields(patch)) return patch;
  if (!isFields(original)) return plain(patch);
  if (patch['$patch'] === 'replace') return plain(patch);
  if (patch['$patch'] === 'delete') return {};
  const merged: Fields = retained(original, patch['$retainKeys']);
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$')) continue;
    const before = merged[key];
    if (value === null) Reflect.deleteProperty(merged, key);
    else if (isFields(value)) merged[key] = strategicMerge(before, value);
    else if (Array.isArray(value) && Object.hasOwn(mergeKeys, key))
      merged[key] = mergeList(Array.isArray(before) ? before : [], value, mergeKeys[key] ?? '');
    else merged[key] = value;
  }
  for (const [key, gone] of Object.entries(patch)) {
    const list = /^\$deleteFromPrimitiveList\/(.+)$/.exec(key)?.[1];
    const before = list === undefined ? undefined : merged[list];
    if (list !== undefined && Array.isArray(before) && Array.isArray(gone))
      merged[list] = before.filter((item) => !gone.includes(item));
  }
  return merged;
}

/** With `$retainKeys` only those stay: a volume of another type is not two types at once. */
function retained(original: Fields, keys: Json): Fields {
  if (!Array.isArray(keys)) return { ...original };
  return Object.fromEntries(Object.entries(original).filter(([key]) => keys.includes(key)));
}

function mergeList(original: readonly Json[], patch: readonly Json[], by: string): Json[] {
  const isDirective = (item: Json): boolean => isFields(item) && Object.hasOwn(item, '$patch');
  const items = patch.filter((item) => !isDirective(item));
  const directives = patch.filter((item): item is Fields => isDirective(item));
  if (directives.some((item) => item['$patch'] === 'replace')) return items.map(plain);
  const keyOf = (item: Json): Json => (by === '' ? item : isFields(item) ? item[by] : undefined);
  const find = (list: readonly Json[], item: Json): number =>
    list.findIndex((other) => keyOf(other) === keyOf(item));
  const kept = original.filter((item) => find(directives, item) < 0);
  const added = items.map((item) => {
    const before = kept[find(kept, item)];
    return before === undefined ? plain(item) : strategicMerge(before, item);
  });
  const others = kept.filter((item) => find(items, item) < 0);
  return inOrder(others, added, (item) => find(original, item));
}

/** What the patch names comes before what it does not, unless both were there and stood the other way round. */
function inOrder(others: readonly Json[], added: readonly Json[], placeOf: (item: Json) => number): Json[] {
  const merged: Json[] = [];
  let [left, right] = [0, 0];
  while (left < others.length || right < added.length) {
    const [other, mine] = [others[left], added[right]];
    const before = placeOf(mine) >= 0 && placeOf(other) >= 0 && placeOf(other) < placeOf(mine);
    if (right >= added.length || (left < others.length && before)) {
      merged.push(other);
      left += 1;
    } else {
      merged.push(mine);
      right += 1;
    }
  }
  return merged;
}

/** What is added has neither directives nor nulls. */
function plain(value: Json): Json {
  if (Array.isArray(value)) return value.map(plain);
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, inner]) => !key.startsWith('$') && inner !== null)
      .map(([key, inner]) => [key, plain(inner)]),
  );
}

const isFields = (value: Json): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
