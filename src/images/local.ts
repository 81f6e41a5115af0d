import type { Deps } from '../model/deps.ts';
import { fullReference } from './reference.ts';

/** An image that Docker has. */
export interface LocalImage {
  /** Docker's id: the digest of the config, or of the manifest where Docker uses the containerd image store. */
  readonly id: string;
  readonly bytes: number;
}

const format = '{{.Id}}\t{{.Size}}\t{{json .RepoTags}}\t{{json .RepoDigests}}';

/** Of these images those that Docker has, by the names that were asked for; one question for all. */
export async function localImages(
  deps: Pick<Deps, 'exec'>,
  docker: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, LocalImage>> {
  if (names.length === 0) return new Map();
  const argv = [docker, 'image', 'inspect', '--format', format, ...names];
  // It ends with 1 when one is not there, and tells of the others.
  const { stdout } = await deps.exec({ argv, limitMs: 30_000, signal });
  const byReference = new Map<string, LocalImage>();
  for (const line of stdout.split('\n')) {
    const [id = '', size = '', tags = '', digests = ''] = line.split('\t');
    if (id === '') continue;
    for (const name of [...namesIn(tags), ...namesIn(digests)])
      byReference.set(withoutTagBeforeDigest(fullReference(name)), { id, bytes: Number(size) });
  }
  return new Map(
    names.flatMap((name) => {
      const image = byReference.get(withoutTagBeforeDigest(fullReference(name)));
      return image === undefined ? [] : [[name, image] as const];
    }),
  );
}

/** `shop:1@sha256:…` is looked for by its digest alone. */
const withoutTagBeforeDigest = (reference: string): string => reference.replace(/:[^:/@]+@/, '@');

function namesIn(json: string): string[] {
  const names: unknown = json === '' ? [] : JSON.parse(json);
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
}
