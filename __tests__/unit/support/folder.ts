import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const made: string[] = [];

/** A new folder that `removeFolders` takes away. */
export function folder(): string {
  const name = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-unit-'));
  made.push(name);
  return name;
}

export function removeFolders(): void {
  for (const name of made.splice(0)) fs.rmSync(name, { recursive: true, force: true });
}
