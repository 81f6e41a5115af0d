import { KubeError, parseStatus } from './error.ts';

/**
 * Exit code out of the status frame (remotecommand v4 and later: a Status object; exit codes other than 0 come as a
 * cause of a NonZeroExitCode). Anything else means that the command was not run, or that its end is not known.
 */
export function exitCodeOf(frame: Buffer, where: string): number {
  const status = parseStatus(frame.toString('utf8'));
  if (status.status === 'Success') return 0;
  if (status.reason === 'NonZeroExitCode') {
    const cause = status.details?.causes?.find(({ reason }) => reason === 'ExitCode');
    const code = Number(cause?.message);
    if (Number.isInteger(code) && code !== 0) return code;
  }
  throw new KubeError(`the command could not be run: ${status.message ?? 'no message'}`, {
    status: status.code ?? 0,
    reason: status.reason ?? 'ExecFailed',
    where,
  });
}
