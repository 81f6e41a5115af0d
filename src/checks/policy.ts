import type { CheckLook, WhoPlan } from '../model/plan.ts';
import { faultText, judge, type Fault } from './judge.ts';
import type { Answer } from './probe.ts';
import type { Question } from './question.ts';

type Policy = Extract<CheckLook, { kind: 'policy' }>;

/** A pod that tries, and what must become of it. */
export interface Try {
  readonly who: WhoPlan;
  readonly question: Question;
}

/** A Try with what came of it. */
export interface Tried extends Try {
  readonly answer: Answer;
}

/** All tries of a policy on one and the same path: `to` is a name that means the same in every namespace. Pure. */
export function triesOf({ allow, deny }: Policy, host: string, port: number): Try[] {
  const tries = (who: readonly WhoPlan[], kind: 'connection' | 'no-connection'): Try[] =>
    who.map((one) => ({
      who: one,
      question: { probe: { kind: 'tcp', host, port }, to: `${host}:${port}`, expects: { kind } },
    }));
  return [...tries(allow, 'connection'), ...tries(deny, 'no-connection')];
}

/** `a pod with app=web in namespace shop`. */
export function whoText({ labels, namespace }: WhoPlan): string {
  const list = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return `a pod ${list.length === 0 ? 'without labels' : `with ${list.join(', ')}`} in namespace ${namespace}`;
}

/**
 * What is wrong, in the words of a message; empty: the policy is as declared. A deny counts only when somebody gets
 * through to the same port: else the service is dead, or its name wrong. `enforced` is what became of a policy of
 * ket's own on a pod of its own: where that stopped nobody, no policy does.
 */
export function judgePolicy(tried: readonly Tried[], enforced: boolean): string[] {
  const faults = tried.flatMap((one): { one: Tried; fault: Fault }[] => {
    const fault = judge(one.question, one.answer);
    return fault === undefined ? [] : [{ one, fault }];
  });
  const texts = faults.map(({ one, fault }) => {
    const closed = !enforced && one.question.expects.kind === 'no-connection' && one.answer.ok;
    const likely = closed
      ? 'the network plugin of this cluster does not enforce NetworkPolicies'
      : fault.likely;
    return faultText(whoText(one.who), { ...fault, likely });
  });
  const denies = tried.filter(({ question }) => question.expects.kind === 'no-connection');
  const proved = tried.some(
    ({ question, answer }) =>
      question.expects.kind === 'connection' && answer.ok && question.misdirected === undefined,
  );
  if (denies.length > 0 && !proved)
    texts.push(
      'nobody got through to that port, so it is not known whether the policy or a dead service keeps others out',
    );
  if (!enforced && denies.length > 0)
    texts.push(
      "this cluster does not enforce policies: one of ket's own, which denies everything, stopped nobody",
    );
  return texts;
}
