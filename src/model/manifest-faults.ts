/** What is wrong with one manifest for a release in this namespace; empty when nothing is, or it is no mapping. */
export function manifestFaults(manifest: unknown, namespace: string): string[] {
  if (!isRecord(manifest)) return [];
  const { kind, apiVersion } = manifest;
  const metadata = isRecord(manifest['metadata']) ? manifest['metadata'] : {};
  const name = typeof metadata['name'] === 'string' ? metadata['name'] : '';
  const lacking = [
    ...(typeof apiVersion === 'string' ? [] : ['apiVersion']),
    ...(typeof kind === 'string' ? [] : ['kind']),
    ...(name !== '' || kind === 'List' ? [] : ['metadata.name']),
  ];
  if (lacking.length > 0)
    return [`is no manifest: ${lacking.map((key) => `"${key}"`).join(' and ')} lacking`];
  if (kind === 'Namespace' && name === namespace)
    return [`ket makes namespace ${name} itself; leave this manifest out`];
  const own = metadata['namespace'];
  if (own !== undefined && own !== namespace)
    return [
      `${String(kind)} ${name} is in namespace ${JSON.stringify(own)}, and its release in ${namespace}; leave "namespace" out, or give the release this one`,
    ];
  return [];
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
