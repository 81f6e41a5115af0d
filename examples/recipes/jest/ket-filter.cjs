// jest under ket: of the files with tests, those of this shard.
const { spawnSync } = require('node:child_process');
const path = require('node:path');

module.exports = async (files) => {
  // As jest-junit names them.
  const names = files.map((file) => path.relative(process.cwd(), file));
  const share = spawnSync(process.env.KET_RUN ?? '/ket/bin/ket-run', ['share'], {
    input: names.join('\n'),
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
    maxBuffer: 1 << 26,
  });
  if (share.status !== 0) throw new Error(`ket-run share: ${share.error ?? `exit code ${share.status}`}`);
  const mine = new Set(share.stdout.split('\n'));
  // jest before 30 wants `{ test: file }` of each.
  return { filtered: files.filter((_, i) => mine.has(names[i])) };
};
