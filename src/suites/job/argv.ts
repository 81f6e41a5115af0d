import { KetError } from '../../model/errors.ts';
import type { SuitePlan } from '../../model/plan.ts';
import type { ImageFacts } from '../../model/run.ts';

/**
 * Runs its first argument within the second (s), the rest as the command, then its third. The end of the command is the
 * end of it all, a signal included; the commands come as arguments, so nothing of them is read twice. The watch over
 * the limit takes its own `sleep` along, so that nothing of it stays: it knows it by `$!`, which is set as it is started
 * and is that of the set-up before; a TERM would be lost on one that has not become `sleep` yet.
 */
const around = `setup=$1; limit=$2; teardown=$3; shift 3
if [ -n "$setup" ]; then
  /bin/sh -c "$setup" & of=$!
  (
    late=0; trap '[ $! = "$of" ] || kill -KILL $!; exit $late' TERM
    sleep "$limit" & wait $!; late=7; kill -TERM "$of"
    sleep 10 & wait $!; kill -KILL "$of"; exit 7
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
  return enclosed(suite, commandOf(suite, image));
}

/** Kubernetes expands `$(NAME)` and turns `$$` into `$` in commands and values; doubled, every dollar sign stays. */
export const literal = (text: string): string => text.replaceAll('$', () => '$$');

/** Command and args of a container, as a Job of the user's own has them. */
interface OwnCommand {
  readonly command?: readonly string[];
  readonly args?: readonly string[];
}

/**
 * The argv of a suite as words of a container's command. `own`: that of the container in the user's Job, which counts
 * where the suite has no command; Kubernetes expands what its author wrote, and nothing else.
 */
export function podArgvOf(
  suite: SuitePlan,
  image: ImageFacts | undefined,
  own: OwnCommand | undefined,
): string[] {
  if (suite.command !== undefined || (own?.command ?? own?.args) === undefined)
    return argvOf(suite, image).map(literal);
  const entry = own?.command ?? entrypointOf(suite, image).map(literal);
  return enclosed(suite, [...entry, ...(own?.args ?? []), ...suite.args.map(literal)], literal);
}

/** Words with the suite's set-up and teardown around them. */
function enclosed(
  { setup = '', teardown = '', setupMs }: SuitePlan,
  words: string[],
  form: (text: string) => string = (text) => text,
): string[] {
  if (setup === '' && teardown === '') return words;
  const seconds = String(Math.ceil(setupMs / 1000));
  return [...['/bin/sh', '-c', around, 'sh', setup, seconds, teardown].map(form), ...words];
}

/** Of an image that has one and is known here. */
function entrypointOf(suite: SuitePlan, image: ImageFacts | undefined): readonly string[] {
  if (image !== undefined && image.entrypoint.length > 0) return image.entrypoint;
  throw noCommand(suite, image);
}

const noCommand = (suite: SuitePlan, image: ImageFacts | undefined): KetError =>
  new KetError(
    'KET_CONFIG',
    image === undefined
      ? `suite ${suite.name} has no command, and the entry point of ${suite.image ?? 'its image'} is not known here`
      : `suite ${suite.name} has no command, and ${suite.image ?? 'its image'} has no entry point`,
    {
      ...(suite.job === undefined ? {} : { where: suite.job.file }),
      next:
        suite.job === undefined
          ? `give suite ${suite.name} a command in ket.yaml`
          : `give container ${suite.job.container} a command in its Job, or list its image in the tier's \`images\``,
    },
  );

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
  if (own.length === 0) throw noCommand(suite, image);
  return own;
}
