import fs from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { KetError } from '../model/errors.ts';
import type { ReleasePlan } from '../model/plan.ts';
import { helmName } from './helm.ts';

/**
 * A release of plain manifests, or of a kustomization, is a chart that ket writes: so they are applied, marked, found again, waited for and
 * removed as those of any other chart are.
 */

/** Writes the chart for the manifests of a release into a new folder, which it gives back. */
export async function writeChart(release: ReleasePlan, chart: string): Promise<string> {
  await writeHead(release, chart);
  for (const [index, file] of (release.manifests ?? []).entries()) {
    const text = await fs.promises.readFile(file, 'utf8');
    if (release.copyOf !== undefined) refuseNamespace(text, file, release.copyOf.suite);
    const name = `${String(index + 1).padStart(3, '0')}-${path.parse(file).name}.yaml`;
    await fs.promises.writeFile(path.join(chart, 'templates', name), literal(text), { mode: 0o600 });
  }
  return chart;
}

/** The same for the text that its kustomization builds. */
export async function writeBuiltChart(release: ReleasePlan, text: string, chart: string): Promise<string> {
  await writeHead(release, chart);
  const file = path.join(chart, 'templates', '001-kustomization.yaml');
  await fs.promises.writeFile(file, literal(text), { mode: 0o600 });
  return chart;
}

async function writeHead(release: ReleasePlan, chart: string): Promise<void> {
  await fs.promises.mkdir(path.join(chart, 'templates'), { recursive: true, mode: 0o700 });
  const head = `apiVersion: v2\nname: ${helmName(release)}\nversion: 0.0.0\n`;
  await fs.promises.writeFile(path.join(chart, 'Chart.yaml'), head, { mode: 0o600 });
}

/** A text that Helm's templates leave as it is. */
export const literal = (text: string): string => text.replaceAll('{{', '{{ "{{" }}');

/** A copy is in another namespace, where what names the first one would not be. */
function refuseNamespace(text: string, file: string, suite: string): void {
  for (const document of parseAllDocuments(text)) {
    const { metadata } = (document.toJS() ?? {}) as { metadata?: { namespace?: unknown } };
    if (metadata?.namespace === undefined) continue;
    throw new KetError(
      'KET_RELEASE',
      `a manifest names its namespace, so suite ${suite} cannot have a copy of it`,
      {
        where: file,
        next: 'leave `namespace` out of the manifests, or share the release: `isolation: shared`',
      },
    );
  }
}
