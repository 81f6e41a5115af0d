import type { ErrorInfo } from '../model/errors.ts';

/** A request that cannot be served as it stands is 2, everything else that ended a command before its time 3. */
export function exitCodeOfError({ code }: ErrorInfo): 2 | 3 {
  const ofRequest: readonly ErrorInfo['code'][] = [
    ...(['KET_CONFIG', 'KET_USAGE', 'KET_PREREQUISITE', 'KET_TOOL', 'KET_RIGHTS'] as const),
  ];
  return ofRequest.includes(code) ? 2 : 3;
}

/** An error as a person reads it: what, where, the lines that show why, the next step. */
export function renderError(info: ErrorInfo): string {
  return [
    `ket: ${info.message} [${info.code}]`,
    ...(info.where === undefined ? [] : [`  where: ${info.where}`]),
    ...(info.details ?? []).map((line) => `  | ${line}`),
    ...(info.next === undefined ? [] : [`  next: ${info.next}`]),
    '',
  ].join('\n');
}
