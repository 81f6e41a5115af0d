// mocha under ket: of the files with tests, or of the cases to be retried, those of this shard.
const { spawnSync } = require('node:child_process');
const { globSync, readFileSync } = require('node:fs');

const files = globSync('test/**/*.test.{js,cjs,mjs}').sort();
const list = process.env.KET_RETRY_CASES;
const share = spawnSync(process.env.KET_RUN ?? '/ket/bin/ket-run', ['share'], {
  // A case's name does not tell its file: a retry looks through all files.
  input: list ? readFileSync(list) : files.join('\n'),
  encoding: 'utf8',
  stdio: ['pipe', 'pipe', 'inherit'],
  maxBuffer: 1 << 26,
});
if (share.status !== 0) throw new Error(`ket-run share: ${share.error ?? `exit code ${share.status}`}`);
const mine = share.stdout.split('\n').filter((name) => name !== '');
// Without a file mocha would take all; that none is left for this shard, ket-run has put on record.
if (mine.length === 0) process.exit(0);

// The full title has a space where a line has a dot between suite and test; which dot that is, the line does not tell.
const pattern = (line) => {
  const hook = line.search(/"(before|after) (all|each)" hook/);
  // Matched by the beginning: of a hook its suite, and what is long, since ket clips names at 1024 bytes.
  const end = Math.min(hook < 0 ? line.length : hook, Buffer.byteLength(line) > 1000 ? 300 : line.length);
  const escaped = line.slice(0, end).replace(/[^\w ]/g, (c) => {
    if (c === '.') return '[. ]';
    return c === '\ufffd' ? '[^]' : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `^${escaped}${end < line.length ? '' : '$'}`;
};
if (list) console.error(`mocha: ${mine.length} cases to be retried; if none of them is here, that is an error`);

module.exports = {
  spec: list ? files : mine,
  ...(list ? { grep: mine.map(pattern).join('|'), 'fail-zero': true } : {}),
  timeout: 300_000,
  reporter: 'xunit',
  'reporter-option': [`output=${process.env.KET_RESULTS}/junit.xml`, 'showRelativePaths'],
};
