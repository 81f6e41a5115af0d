import path from 'node:path';
import { isGiven, type Draft } from './draft.ts';
import { isRemoteChart } from './files.ts';
import { labelProblem } from './names.ts';
import type { Path } from './overlay.ts';
import { unknownName } from './select.ts';

/** The part of the rule in compose.ts that is about releases. */
export function composeReleases(draft: Draft): void {
  const { inputs, set, resolve } = draft;
  const list = [...draft.tier, 'releases'];
  const names = draft.names('releases');
  const index = whichRelease(draft, names);
  if (index !== undefined) {
    const { chart, values } = inputs;
    const at = [...list, index];
    if (index === names.length) nameNew(draft, at, chart ?? '');
    set('chart', [...at, 'chart'], chart === undefined || isRemoteChart(chart) ? chart : resolve(chart));
    set('values', [...at, 'values'], values.length > 0 ? values.map(resolve) : undefined);
    set('namespace', [...at, 'namespace'], inputs.namespace);
  }
  const count = Math.max(names.length, (index ?? -1) + 1);
  for (let each = 0; each < count; each++)
    set('release-timeout', [...list, each, 'timeout'], inputs['release-timeout']);
}

/** The index of the release that is meant: the number of those there are when it is new. */
function whichRelease({ inputs, refuse }: Draft, names: readonly (string | undefined)[]): number | undefined {
  const name = inputs['release-name'];
  const first = (['chart', 'values', 'namespace'] as const).find((one) => isGiven(inputs, one));
  const known = names.filter((each) => each !== undefined);
  if (first === undefined) {
    if (name !== undefined)
      refuse('release-name', 'says whose chart, values or namespace is meant, and none of them is given');
    return undefined;
  }
  const found = name === undefined ? -1 : names.indexOf(name);
  if (found >= 0) return found;
  if (name === undefined && names.length === 1) return 0;
  if (name === undefined && names.length > 1) {
    refuse(first, 'is meant for one release, and the tier has several; say which with release-name', known);
    return undefined;
  }
  if (first === 'chart') return names.length;
  if (name === undefined) refuse(first, 'is meant for a release, and there is none; give chart');
  else refuse('release-name', `${unknownName('release', name, known)}; chart would add it`, known);
  return undefined;
}

/** A release is called as its chart unless it is named: `charts/shop`, `shop-1.2.0.tgz`, `oci://…/shop`. */
function nameNew({ inputs, resolve, set, refuse }: Draft, at: Path, chart: string): void {
  const wanted = inputs['release-name'];
  const last = isRemoteChart(chart) ? path.posix.basename(chart) : path.basename(resolve(chart));
  const own = last.replace(/(-v?\d+\.\d+\.\d+[^/]*)?\.tgz$/, '');
  if (wanted !== undefined) set('release-name', [...at, 'name'], wanted);
  else if (labelProblem(own, 53) === undefined) set('chart', [...at, 'name'], own);
  else refuse('release-name', `is required, because "${own}", as the chart is called, cannot be its name`);
}
