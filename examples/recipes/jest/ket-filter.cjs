// jest under ket: of the files with tests, or of those with cases to be retried, those of this shard.
const { spawnSync } = require('node:child_process');
const { readFileSync, statSync } = require('node:fs');
const path = require('node:path');

const list = process.env.KET_RETRY_CASES;
const cases = list ? readFileSync(list, 'utf8').split('\n').filter(Boolean) : [];

module.exports = async (files) => {
  // As jest-junit names them.
  const all = files.map((file) => path.relative(process.cwd(), file));
  const names = list ? all.filter((name) => cases.some((line) => line.startsWith(`${name}.`))) : all;
  if (list && names.length === 0) throw new Error(`none of the ${cases.length} cases to be retried is here`);
  const share = spawnSync(process.env.KET_RUN ?? '/ket/bin/ket-run', ['share'], {
    input: names.join('\n'),
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
    maxBuffer: 1 << 26,
  });
  if (share.status !== 0) throw new Error(`ket-run share: ${share.error ?? `exit code ${share.status}`}`);
  const mine = new Set(share.stdout.split('\n'));
  // jest before 30 wants `{ test: file }` of each.
  return { filtered: files.filter((_, i) => mine.has(all[i])) };
};

// For --testNamePattern, the cases to be retried; '' where only all cases of their files are sure to have them.
module.exports.pattern = () => {
  const names = new Set(cases.flatMap(namesIn));
  const inexact = [...names].some(
    // ket clips a name at 1024 bytes; what failed outside of tests has a name of jest-junit's.
    (name) => Buffer.byteLength(name) > 1000 || name.startsWith('Test execution failure: '),
  );
  const pattern = names.size === 0 || inexact ? '' : `^\\s*(${[...names].map(escaped).join('|')})$`;
  // An argument has a limit of 128 KiB.
  return pattern.length > 100_000 ? '' : pattern;
};

// A line is `file.name`, and both may have dots.
const namesIn = (line) =>
  [...line.matchAll(/\./g)]
    .filter(({ index }) => statSync(line.slice(0, index), { throwIfNoEntry: false })?.isFile())
    .map(({ index }) => line.slice(index + 1));

// U+FFFD: what cannot stand in a line or in XML.
const escaped = (name) =>
  name.replace(/[^\w ]/g, (c) =>
    c === '\ufffd' ? '[^]' : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
