// mocha under ket: of the files with tests, those of this shard.
const { spawnSync } = require('node:child_process');
const { globSync } = require('node:fs');

const files = globSync('test/**/*.test.{js,cjs,mjs}').sort();
const share = spawnSync(process.env.KET_RUN ?? '/ket/bin/ket-run', ['share'], {
  input: files.join('\n'),
  encoding: 'utf8',
  stdio: ['pipe', 'pipe', 'inherit'],
  maxBuffer: 1 << 26,
});
if (share.status !== 0) throw new Error(`ket-run share: ${share.error ?? `exit code ${share.status}`}`);
const mine = share.stdout.split('\n').filter((file) => file !== '');
// Without a file mocha would take all; that none is left for this shard, ket-run has put on record.
if (mine.length === 0) process.exit(0);

module.exports = {
  spec: mine,
  timeout: 300_000,
  reporter: 'xunit',
  'reporter-option': [`output=${process.env.KET_RESULTS}/junit.xml`, 'showRelativePaths'],
};
