import type { Delivery } from './deliver.ts';

/** Images whose builds end within this time go together; the time is short beside any delivery. */
const gatherMs = 50;

/**
 * One delivery at a time: what comes while one is under way waits and then goes together, so that layers which images
 * share are sent once; those that can wait come after all others. What fails together is tried again one by one: it may
 * be the fault of one alone.
 */
export function deliveryQueue<Request>(
  deliver: (batch: readonly Request[]) => Promise<Delivery>,
): (request: Request, canWait?: boolean) => Promise<Delivery> {
  let waiting: {
    readonly request: Request;
    readonly canWait: boolean;
    readonly result: PromiseWithResolvers<Delivery>;
  }[] = [];
  let running = false;
  const alone = async ({ request, result }: (typeof waiting)[number]): Promise<void> => {
    try {
      result.resolve(await deliver([request]));
    } catch (error) {
      result.reject(error);
    }
  };
  const drain = async (): Promise<void> => {
    running = true;
    while (waiting.length > 0) {
      await new Promise((resolve) => setTimeout(resolve, gatherMs));
      const first = waiting.filter(({ canWait }) => !canWait);
      const batch = first.length > 0 ? first : waiting;
      waiting = waiting.filter((one) => !batch.includes(one));
      try {
        const delivery = await deliver(batch.map(({ request }) => request));
        for (const { result } of batch) result.resolve(delivery);
      } catch (error) {
        if (batch.length === 1) batch[0]?.result.reject(error);
        else for (const one of batch) await alone(one);
      }
    }
    running = false;
  };
  return (request, canWait = false) => {
    const result = Promise.withResolvers<Delivery>();
    waiting.push({ request, canWait, result });
    if (!running) void drain();
    return result.promise;
  };
}
