import { KetError } from '../model/errors.ts';
import type { SuitePlan } from '../model/plan.ts';
import type { ImageFacts } from '../model/run.ts';

/**
 * Runs its first argument within the second (s), the rest as the command, then its third. The end of the command is the
 * end of it all, a signal included; the commands come as arguments, so nothing of them is read twice. The watch over
 * the limit takes its own `sleep` along, so that nothing of it stays.
 */
const around = `setup=$1; limit=$2; teardown=$3; shift 3
if [ -n "$setup" ]; then
  /bin/sh -c "$setup" & of=$!
  (
    late=0; trap 'kill "$s"; exit $late' TERM
    sleep "$limit" & s=$!; wait "$s"; late=7; kill -TERM "$of"
    sleep 10 & s=$!; wait "$s"; kill -KILL "$of"; exit 7
  ) >/dev/null 2>&1 & watch=$!
  { wait "$of"; } 2>/dev/null; code=$?
  { kill "$watch"; wait "$watch"; } 2>/dev/null
  if [ $? -eq 7 ]; then echo "ket: the set-up was stopped at its limit of $limit s" >&2; exit 124; fi
  if [ "$code" -ne 0 ]; then echo "ket: the set-up ended with exit code $code" >&2; exit "$code"; fi
fi
"$@"; code=$?
if [ -n "$teardown" ]; then
  /bin/sh -c "$teardown" || echo "ket: the teardown ended with exit code $?" >&2
fi
if [ "$code" -gt 128 ]; then kill -"$((code - 128))" $$; fi
exit "$code"`;

/** The argv of a suite, with its set-up and teardown around the command. */
export function argvOf(suite: SuitePlan, image: ImageFacts | undefined): string[] {
  const { setup = '', teardown = '' } = suite;
  const command = commandOf(suite, image);
  if (setup === '' && teardown === '') return command;
  const seconds = String(Math.ceil(suite.setupMs / 1000));
  return ['/bin/sh', '-c', around, 'sh', setup, seconds, teardown, ...command];
}

/** Of its command; of the image's own entry point when it has none. */
function commandOf(suite: SuitePlan, image: ImageFacts | undefined): string[] {
  const { command, args } = suite;
  // `"$@"` hands the extra words over without a second round of quoting.
  if (typeof command === 'string')
    return args.length === 0
      ? ['/bin/sh', '-c', command]
      : ['/bin/sh', '-c', `${command} "$@"`, 'sh', ...args];
  if (command !== undefined) return [...command, ...args];
  const own = image === undefined ? [] : [...image.entrypoint, ...(args.length > 0 ? args : image.cmd)];
  if (own.length === 0)
    throw new KetError(
      'KET_CONFIG',
      image === undefined
        ? `suite ${suite.name} has no command, and the entry point of ${suite.image ?? 'its image'} is not known here`
        : `suite ${suite.name} has no command, and ${suite.image ?? 'its image'} has no entry point`,
      { next: `give suite ${suite.name} a command in ket.yaml` },
    );
  return own;
}
