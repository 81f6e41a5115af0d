import { isGiven, type Draft } from './draft.ts';
import type { Path } from './overlay.ts';
import { unknownName } from './select.ts';

/** The part of the rule in compose.ts that is about suites. */
export function composeSuites(draft: Draft): void {
  const { inputs, set, resolve } = draft;
  const list = [...draft.tier, 'suites'];
  const names = draft.names('suites');
  const index = whichSuite(draft, names);
  if (index !== undefined) {
    const at = [...list, index];
    const { secrets, 'results-path': results } = inputs;
    if (index === names.length) makeNew(draft, at);
    set('test-command', [...at, 'command'], inputs['test-command']);
    set('image', [...at, 'image'], inputs.image);
    // In a cluster they are folders of the container.
    const paths = draft.hasCluster ? results : results.map(resolve);
    set('results-path', [...at, 'results'], paths.length > 0 ? paths : undefined);
    set('secrets', [...at, 'secrets'], secrets.length > 0 ? secrets : undefined);
  }
  const count = Math.max(names.length, (index ?? -1) + 1);
  for (let each = 0; each < count; each++) {
    set('timeout', [...list, each, 'timeout'], inputs.timeout);
    set('retries', [...list, each, 'retries'], inputs.retries);
  }
}

/** The index of the suite that is meant: the number of those there are when it is new. */
function whichSuite(draft: Draft, names: readonly (string | undefined)[]): number | undefined {
  const { inputs, refuse } = draft;
  const { suites } = inputs;
  const first = (['test-command', 'image', 'results-path', 'secrets'] as const).find((one) =>
    isGiven(inputs, one),
  );
  const makes = first === 'test-command' || first === 'image';
  const several = suites.length > 1;
  const tooMany = `is meant for one suite, and suites names ${suites.length}: ${suites.join(', ')}`;
  if (draft.alone) {
    if (!makes && !draft.hasCluster)
      refuse('test-command', 'is required without a ket.yaml: nothing else says what to run');
    else if (several) refuse(first ?? 'suites', tooMany);
    else return 0;
    return undefined;
  }
  const known = names.filter((name) => name !== undefined);
  const missing = suites.filter((name) => !names.includes(name));
  if (missing.length > 0 && (several || !makes)) {
    for (const name of missing) refuse('suites', unknownName('suite', name, known), known);
    return undefined;
  }
  if (first === undefined) return undefined;
  if (several) refuse(first, tooMany);
  else if (missing.length > 0) return names.length;
  else if (suites[0] !== undefined) return names.indexOf(suites[0]);
  else if (names.length === 1) return 0;
  else if (names.length > 1)
    refuse(first, 'is meant for one suite, and the tier has several; say which with suites', known);
  return undefined;
}

function makeNew({ inputs, context, alone, hasCluster, set, claim }: Draft, at: Path): void {
  const [name] = inputs.suites;
  // In a cluster a suite without an image is the likeliest mistake, and one without a command is none.
  const cause = hasCluster ? 'image' : 'test-command';
  claim(cause, at);
  set(name === undefined ? cause : 'suites', [...at, 'name'], name ?? 'tests');
  // The paths of a ket.yaml begin at its folder; what inputs say begins where their own paths do.
  if (!alone && !hasCluster) set('working-directory', [...at, 'workingDir'], context.folder);
}
