import { initFiles, writeInitFiles } from '../config/init.ts';

/** `ket init`: writes a commented ket.yaml and says what else it wrote. */
export function initCommand(cwd: string): number {
  const files = initFiles(cwd);
  writeInitFiles(cwd, files);
  for (const file of files)
    process.stderr.write(`${file.how === 'add' ? 'added to' : 'wrote'} ${file.path}\n`);
  process.stderr.write('next: ket validate, then ket run\n');
  return 0;
}
