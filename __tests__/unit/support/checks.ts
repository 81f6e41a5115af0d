import type { Answer } from '../../../src/checks/probe.ts';

/** An answer of `ket-run probe` that found nothing wrong. */
export const anAnswer = (over: Partial<Answer> = {}): Answer => ({
  id: 0,
  ok: true,
  ms: 3,
  stage: null,
  error: null,
  text: null,
  addresses: '',
  address: '10.96.3.7',
  status: 0,
  body: '',
  requests: 0,
  opened: 0,
  ...over,
});

/** One that ended at a step with an error. */
export const aFailure = (
  stage: 'dns' | 'connect' | 'http',
  error: string,
  over: Partial<Answer> = {},
): Answer => anAnswer({ ok: false, stage, error, text: `text of ${error}`, ...over });
