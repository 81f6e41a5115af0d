import type { EventBody } from '../model/events.ts';
import type { Masker } from '../model/mask.ts';
import type { Plan } from '../model/plan.ts';
import type { Secrets } from '../suites/job/secrets.ts';

/** Words that ket's own paths are made of: events name files by them. */
const ownPaths = ['suites/attempt-1/results/junit.xml', 'suites/attempt-1/console.log'];

/**
 * Masks what the run learns of secrets on its way, and tells `others` who mask for themselves. A value that is part of
 * a name in the plan (a database called as its release) is no secret, and to mask it would make nonsense of the
 * report; that is said, and also which values are too short.
 */
export function learnSecrets(
  masker: Masker,
  plan: Plan,
  emit: (event: EventBody) => void,
  others: (secrets: Secrets) => void = () => undefined,
): (secrets: Secrets) => void {
  const open = [
    ...ownPaths,
    plan.tier,
    ...plan.suites.map(({ name }) => name),
    ...plan.images.map(({ name }) => name),
    ...plan.releases.flatMap(({ name, namespace }) => [name, namespace]),
  ];
  const known = new Set<string>();
  return (secrets) => {
    const fresh = [...secrets].filter(([name, value]) => !known.has(`${name}\n${value}`));
    for (const [name, value] of fresh) known.add(`${name}\n${value}`);
    const isOpen = (value: string): boolean => open.some((text) => text.includes(value.trim()));
    const [openOnes, hidden] = [fresh.filter(([, v]) => isOpen(v)), fresh.filter(([, v]) => !isOpen(v))];
    const refused = masker.refused.length;
    masker.add(hidden, open);
    others(new Map(hidden));
    for (const name of masker.refused.slice(refused))
      emit({ type: 'notice', level: 'warning', text: `the secret ${name} is too short to be masked` });
    for (const [name, value] of openOnes)
      if (value.trim() !== '')
        emit({
          type: 'notice',
          level: 'info',
          text: `the value of ${name} is not masked: it is part of a name in the plan`,
        });
  };
}
