import fs from 'node:fs';
import path from 'node:path';
import { KetError } from '../model/errors.ts';
import { eventsIn } from '../pipeline/event-file.ts';
import { writeReports } from '../report/write-reports.ts';

/** `ket report`: rebuilds the files of a run from its folder and event log. */
export async function reportCommand(target: string): Promise<number> {
  const file =
    fs.statSync(target, { throwIfNoEntry: false })?.isDirectory() === true
      ? path.join(target, 'events.ndjson')
      : target;
  if (!fs.existsSync(file))
    throw new KetError('KET_USAGE', 'there is no event log', {
      where: file,
      next: 'name the folder of a run, or its events.ndjson',
    });
  const folder = path.dirname(fs.realpathSync(file));
  const odd = await writeReports(folder, eventsIn(file));
  for (const text of odd) process.stderr.write(`warning: ${text}\n`);
  process.stderr.write(`summary.md, junit.xml and timings.json are written in ${folder}\n`);
  return 0;
}
