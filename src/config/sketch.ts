import path from 'node:path';
import { stringify } from 'yaml';
import { unitCommand, type Survey } from './survey.ts';

/** The text of a first ket.yaml: commented, and filled with what the folder has. */

/** A Kind config of one node, for a folder that has none. */
export const firstKindConfig = `# One node. The format: https://kind.sigs.k8s.io/docs/user/configuration/
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
  - role: control-plane
`;

export const firstKindConfigPath = 'kind-configs/integration.yaml';

export function sketch(root: string, found: Survey, schemaFile: string): string {
  return `# yaml-language-server: $schema=./${schemaFile}
# The line above lets editors complete and check this file; \`ket init\` wrote the schema beside it.
# ket validate: is all of it right?   ket plan: what would be done?   ket run: do it.
version: 1

tiers:
${unitTier(root, found)}
${integrationTier(found)}`;
}

function unitTier(root: string, found: Survey): string {
  const { command, note } = unitCommand(root, found);
  const results = command.startsWith('mvn') ? 'target/surefire-reports/*.xml' : 'reports/junit.xml';
  return `  # No cluster: the command runs on this machine, in the folder of this file.
  unit:
    suites:
      - name: unit
        command: ${scalar(command)}
        # The JUnit files that it writes${note === undefined ? '' : ` (${note})`}.
        results: [${scalar(results)}]
`;
}

function integrationTier(found: Survey): string {
  const [chart] = found.charts;
  const ready = chart !== undefined || found.dockerfiles.some(isTests);
  const kind = [...found.kindConfigs].sort((a, b) => a.nodes - b.nodes)[0]?.file ?? firstKindConfigPath;
  const images = found.dockerfiles.slice(0, 6).map((file) => ({ file, name: imageName(file) }));
  const tests = images.find(({ file }) => isTests(file))?.name;
  const lines = [
    'integration:',
    ...(ready ? ['  default: true # what `ket run` does when no tier is named'] : []),
    `  cluster: {config: ${scalar(kind)}}`,
    ...section(
      'images',
      images.map(({ file, name }) => [`name: ${name}`, 'build: .', `dockerfile: ${scalar(file)}`]),
    ),
    ...section('releases', chart === undefined ? [] : [releaseLines(chart, found)]),
    '  suites:',
    '    - name: api',
    tests === undefined
      ? '      image: python:3.11-slim # to be changed: the image that has your tests'
      : `      image: ${tests}`,
    '      # Runs in a pod; services are reached by their short names. JUnit goes to /results.',
    '      command: pytest --junitxml=/results/junit.xml',
    ...(chart === undefined ? [] : [`      needs: [${label(path.posix.basename(chart))}]`]),
    '      timeout: 15m',
    '      # retries: 1                      # a suite that passes only then is reported as flaky',
    '      # resources: {limits: {memory: 1Gi}}',
    '      # env: {BASE_URL: "http://api:8080"}',
  ];
  const intro = ready
    ? '# A Kind cluster, made for the run and removed after it.'
    : '# A Kind cluster, made for the run and removed after it: complete this and take the "#" away.';
  return `  ${intro}\n${lines.map((line) => `  ${ready ? '' : '# '}${line}\n`).join('')}`;
}

/** A list of mappings, one key a line. */
function section(key: string, entries: readonly (readonly string[])[]): string[] {
  if (entries.length === 0) return [];
  return [
    `  ${key}:`,
    ...entries.flatMap((lines) => lines.map((line, index) => `    ${index === 0 ? '- ' : '  '}${line}`)),
  ];
}

function releaseLines(chart: string, found: Survey): string[] {
  const values = found.values.filter((file) => /integration|test|ci|dev/.test(path.posix.basename(file)));
  return [
    `name: ${label(path.posix.basename(chart))}`,
    `chart: ${scalar(chart)}`,
    ...(values[0] === undefined ? [] : [`values: [${scalar(values[0])}]`]),
    'timeout: 10m',
  ];
}

const isTests = (dockerfile: string): boolean => /(^|[/.-])(tests?|e2e|spec)([/.-]|$)/i.test(dockerfile);

/** `tests/Dockerfile` is `tests:dev`, the one at the top `app:dev`. */
function imageName(dockerfile: string): string {
  const own = path.posix.basename(dockerfile).replace(/^Dockerfile\.?|\.?Dockerfile$/g, '');
  const folder = path.posix.dirname(dockerfile);
  return `${label([folder === '.' ? '' : folder, own].filter((part) => part !== '').join('-') || 'app')}:dev`;
}

/** A name that Kubernetes and image references take. */
function label(text: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '');
  return name === '' ? 'app' : name;
}

/** A text as YAML takes it inside `[…]` and `{…}`. */
function scalar(text: string): string {
  return /^[\w./*][\w./* =:-]*$/.test(text) && !/: |:$/.test(text)
    ? stringify(text, { lineWidth: 0 }).trim()
    : JSON.stringify(text);
}
