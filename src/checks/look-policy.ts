import { KetError } from '../model/errors.ts';
import type { Kube } from '../model/kube.ts';
import type { CheckLook, WhoPlan } from '../model/plan.ts';
import { ask } from './ask.ts';
import type { Look } from './look.ts';
import { serviceOf } from './look-simple.ts';
import { judgePolicy, triesOf, whoText, type Tried } from './policy.ts';
import { misdirected } from './service-port.ts';
import type { Standing } from './running.ts';

type Policy = Extract<CheckLook, { kind: 'policy' }>;

/** A connection that is dropped is known by nothing but its silence. */
const tryMs = 2000;

/** `policy`: who of `allow` and `deny` gets through. `standing`: the pod for each of them, in their order. */
export function lookAtPolicy(
  kube: Kube,
  policy: Policy,
  standing: readonly Standing[],
  { enforced, namespaces, domain }: { enforced: boolean; namespaces: readonly string[]; domain: string },
): Look {
  const service = serviceOf(policy.host, namespaces);
  // A short name is another one in the namespace of each pod.
  const host =
    service === undefined ? policy.host : `${service.split('/').reverse().join('.')}.svc.${domain}`;
  const tries = triesOf(policy, host, policy.port);
  return async (signal) => {
    const why = await misdirected(kube, service, policy.port, signal);
    const tried = await Promise.all(
      tries.map(async (one, index): Promise<Tried> => {
        const from = standing[index];
        const [answer] = from === undefined ? [] : await ask(kube, from, [one.question], tryMs, signal);
        // Left out, a deny would hold that nobody has tried.
        if (answer === undefined) throw new KetError('KET_INTERNAL', `no pod stands for ${whoText(one.who)}`);
        const question = why === undefined ? one.question : { ...one.question, misdirected: why };
        return { ...one, question, answer };
      }),
    );
    const faults = judgePolicy(tried, enforced);
    return { faults, ...(service === undefined ? {} : { services: [service] }) };
  };
}

/** Whom the pods stand for, in the order of the tries. */
export const whoTries = ({ allow, deny }: Policy): readonly WhoPlan[] => [...allow, ...deny];
