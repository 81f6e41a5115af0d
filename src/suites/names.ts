import { createHash } from 'node:crypto';
import { labels } from '../model/labels.ts';

export interface AttemptId {
  readonly run: string;
  readonly suite: string;
  /** 1, 2, 3 … */
  readonly attempt: number;
}

/** At most `max` characters; what is cut is replaced by a hash, so that different names stay different. */
export function shorten(name: string, max: number): string {
  if (name.length <= max) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 6);
  return `${name.slice(0, max - 7).replace(/-+$/, '')}-${hash}`;
}

/** Name of the attempt's namespace, and of its objects where it stands in its release's namespace (DNS label, RFC 1123). */
export const attemptName = (id: AttemptId): string => shorten(`ket-${id.run}-${id.suite}-${id.attempt}`, 63);

/** Unique to an attempt and usable as a name in databases: letters, digits and `_`, at most 63. */
export const suiteId = (id: AttemptId): string => attemptName(id).replaceAll('-', '_');

export const attemptLabels = (id: AttemptId): Record<string, string> => ({
  [labels.managedBy]: 'ket',
  [labels.run]: id.run,
  [labels.suite]: id.suite,
  [labels.attempt]: String(id.attempt),
});

/** Selects exactly the objects of one attempt. */
export const attemptSelector = (id: AttemptId): string =>
  `${labels.run}=${id.run},${labels.suite}=${id.suite},${labels.attempt}=${id.attempt}`;
