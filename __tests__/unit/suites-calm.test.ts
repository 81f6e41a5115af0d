import { describe, expect, test } from '@jest/globals';
import { Calm } from '../../src/suites/calm.ts';

/** A clock that moves by hand; whoever sleeps wakes when it has come so far. */
function handClock() {
  const sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  let now = 0;
  return {
    now: () => now,
    monotonic: () => now,
    sleep: (ms: number) => new Promise<void>((wake) => sleepers.push({ at: now + ms, wake })),
    async pass(ms: number) {
      for (const end = now + ms; now < end; now += 50) {
        for (const sleeper of sleepers.splice(0))
          if (sleeper.at <= now) sleeper.wake();
          else sleepers.push(sleeper);
        await new Promise(setImmediate);
      }
    },
  };
}

function stage(isPlaceWanted = () => false) {
  const clock = handClock();
  const calm = new Calm(clock, isPlaceWanted);
  const stop = new AbortController();
  let came: number | undefined;
  return {
    ...{ clock, calm, stop },
    /** A pod without a verdict, until the function is called. */
    pod() {
      const over = Promise.withResolvers<undefined>();
      void calm.ofPod(() => over.promise);
      return () => over.resolve(undefined);
    },
    wait: () => void calm.come(stop.signal).then(() => (came = clock.now())),
    async cameAfter(ms: number) {
      await clock.pass(ms);
      return came;
    },
  };
}

describe('what can wait', () => {
  test('does not, where every pod has its verdict', async () => {
    const at = stage();
    at.pod()();
    await new Promise(setImmediate);
    at.wait();
    expect(await at.cameAfter(50)).toBe(0);
  });

  test('does not beside suites that just run', async () => {
    const at = stage();
    at.pod();
    at.wait();
    expect(await at.cameAfter(50)).toBe(0);
  });

  test('waits until nothing has been urgent for two seconds', async () => {
    const at = stage();
    at.pod();
    const first = at.calm.urgent();
    const second = at.calm.urgent();
    at.wait();
    await at.clock.pass(500);
    first();
    // Again is not twice.
    first();
    await at.clock.pass(500);
    second();
    expect(await at.cameAfter(1900)).toBeUndefined();
    expect(await at.cameAfter(300)).toBeGreaterThanOrEqual(3000);
  });

  test('no longer than the last pod has no verdict', async () => {
    const at = stage();
    const over = at.pod();
    const settled = at.calm.urgent();
    at.wait();
    await at.clock.pass(1000);
    settled();
    over();
    expect(await at.cameAfter(200)).toBeLessThanOrEqual(1150);
  });

  test('no longer than five seconds', async () => {
    const at = stage();
    at.pod();
    at.calm.urgent();
    at.wait();
    expect(await at.cameAfter(4900)).toBeUndefined();
    expect(await at.cameAfter(300)).toBeGreaterThanOrEqual(5000);
  });

  test('not while a suite waits for a place, which it may get from what leaves', async () => {
    let isWanted = false;
    const at = stage(() => isWanted);
    at.pod();
    at.calm.urgent();
    at.wait();
    await at.clock.pass(500);
    isWanted = true;
    expect(await at.cameAfter(200)).toBeLessThanOrEqual(650);
  });

  test('not after a stop', async () => {
    const at = stage();
    at.pod();
    at.calm.urgent();
    at.wait();
    await at.clock.pass(500);
    at.stop.abort(new Error('stop'));
    expect(await at.cameAfter(200)).toBeLessThanOrEqual(650);
  });

  test('a pod whose way broke off is none any more', async () => {
    const at = stage();
    await expect(at.calm.ofPod(() => Promise.reject(new Error('broke')))).rejects.toThrow('broke');
    at.calm.urgent()();
    at.wait();
    expect(await at.cameAfter(50)).toBe(0);
  });
});
