import fs from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

/** What a template says that asks the cluster for objects, or for what it has. */
const asks = /\blookup\b|\.Capabilities\b/;

/**
 * Whether a chart, or one within it, asks the cluster while it is rendered: then what it says without a cluster is not
 * its last word. `chart` is a folder or an archive; one that holds archives again is taken to ask.
 */
export function asksCluster(chart: string): boolean {
  if (!fs.statSync(chart).isDirectory()) return archiveAsks(chart);
  return fs.readdirSync(chart, { recursive: true, withFileTypes: true }).some((entry) => {
    if (!entry.isFile()) return false;
    const file = path.join(entry.parentPath, entry.name);
    const within = path.relative(chart, file).split(path.sep);
    if (within.includes('charts') && /\.t?gz$/.test(entry.name)) return archiveAsks(file);
    return within.includes('templates') && asks.test(fs.readFileSync(file, 'utf8'));
  });
}

/** An archive is not compressed again: its files stand in it as they are. */
function archiveAsks(file: string): boolean {
  const text = gunzipSync(fs.readFileSync(file)).toString('latin1');
  return asks.test(text) || /\/charts\/[^/\0]+\.tgz\0/.test(text);
}
