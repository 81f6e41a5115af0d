/** What a pod may print to make a runner act; for unit tests, and for a pod under a real runner. */

export interface Variant {
  readonly name: string;
  /** Printed in these pieces. */
  readonly pieces: readonly string[];
  /** Whether GitHub's runner acts on it when nobody guards. */
  readonly acts: boolean;
}

/** What must be nowhere afterwards: in no output, environment, path, state or mask. */
export const injected = 'ket-injected';

const acts = (name: string, ...pieces: string[]): Variant => ({ name, pieces, acts: true });
const idle = (name: string, ...pieces: string[]): Variant => ({ name, pieces, acts: false });

export const variants: readonly Variant[] = [
  acts('output', `::set-output name=${injected}::1\n`),
  acts('environment', '::set-env name=KET_INJECTED::1\n'),
  acts('path', `::add-path::/${injected}\n`),
  acts('mask', '::add-mask::e\n'),
  acts('error', `::error::${injected}\n`),
  acts('error at a place', `::error file=a.py,line=1,col=5,endLine=2,title=t::${injected}\n`),
  acts('warning', `::warning::${injected}\n`),
  acts('notice', `::notice::${injected}\n`),
  acts('debug', `::debug::${injected}\n`),
  acts('group', `::group::${injected}\n`),
  acts('end of a group', '::endgroup::\n'),
  acts('state', `::save-state name=${injected}::1\n`),
  acts('echo', '::echo::on\n'),
  acts('matcher', '::add-matcher::.github/m.json\n'),
  acts('matcher removed', '::remove-matcher owner=eslint::\n'),
  acts('stop with a token of its own', `::stop-commands::${injected}\n`),
  acts('capital letters', `::SET-OUTPUT name=${injected}::1\n`),
  acts('escaped lines in it', `::error::a%0A::add-mask::e%0D%0A\n`),
  acts('spaces before', `   ::error::${injected}\n`),
  acts('a tab before', `\t::error::${injected}\n`),
  acts('a no-break space before', `\u00a0::error::${injected}\n`),
  acts('an em space before', `\u2003::error::${injected}\n`),
  acts('an ideographic space before', `\u3000::error::${injected}\n`),
  acts('a next-line control before', `\u0085::error::${injected}\n`),
  acts('a line separator before', `\u2028::error::${injected}\n`),
  acts('vertical tab and form feed before', `\v\f::error::${injected}\n`),
  acts('many spaces before', `${' '.repeat(70_000)}::error::${injected}\n`),
  acts('after a CR', `progress 10%\r::error::${injected}\n`),
  acts('after CR LF', `text\r\n::error::${injected}\r\n`),
  acts('after two CR and LF', `text\r\r\n::error::${injected}\r\r\n`),
  acts('in two pieces', '::set-out', `put name=${injected}::1\n`),
  acts('by the letter', ...Array.from(`::error::${injected}\n`)),
  acts('after a line that came in pieces', 'text without', ' an end', `\n::error::${injected}\n`),
  acts('CR and the rest apart', 'text\r', `::error::${injected}\n`),
  acts('without an end', '\n', `::error::${injected}`, '\n'),
  acts('two on two lines', `::error::${injected}\n::warning::${injected}\n`),
  acts('old form', `##[error]${injected}\n`),
  acts('old form in the midst of a line', `text ##[set-output name=${injected};]1\n`),
  acts('old form, mask', '2026-01-02T03:04:05Z ##[add-mask]e\n'),
  acts('old form, path', `##[add-path]/${injected}\n`),
  acts('old form, group', `##[group]${injected}\n`),
  acts('old form, end of a group', '##[endgroup]\n'),
  acts('old form behind colours', `\u001b[31m##[error]${injected}\u001b[0m\n`),
  acts('old form in pieces', 'text #', '#', `[error]${injected}\n`),
  acts('old form behind a new one that is none', `::unknown::##[error]${injected}\n`),
  idle('colours before', `\u001b[31m::error::${injected}\n`),
  idle('a zero-width space before', `\u200b::error::${injected}\n`),
  idle('text before', `text ::error::${injected}\n`),
  idle('three colons', `:::error::${injected}\n`),
  idle('unknown', `::nothing::${injected}\n`),
  idle('half', `::error ${injected}\n`),
  idle('a guessed token', `::${'0'.repeat(32)}::\n`),
  idle('old form, unknown', `##[section]${injected}\n`),
  idle('behind what a guard may take for a whole line', `${'x'.repeat(65_536)}::error::${injected}\n`),
  acts('old form across the end of that', `${'x'.repeat(65_535)}##[error]${injected}\n`),
];
