import type { RunView } from './model.ts';

/** More names than this are no help. */
const most = 10;

/** A line for each release whose data several suites share: what one of them does to it, the others see. */
export function sharesTexts(view: RunView): string[] {
  return (view.started?.shares ?? []).map(({ release, suites }) => {
    const more = suites.length > most ? ` and ${suites.length - most} more` : '';
    return `release ${release} is shared by ${suites.slice(0, most).join(', ')}${more}`;
  });
}
