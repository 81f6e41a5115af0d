import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { workflowFiles } from './workflow-files.ts';

/**
 * actionlint and zizmor over every workflow that there is: the project's own, the examples, those in the documents, and
 * action.yml itself. Both must have nothing to say, and both must find what is wrong with a bad workflow, so that a
 * checker that looks at nothing is not taken for a good result.
 */
const root = path.join(import.meta.dirname, '..');
const cache = path.join(root, '.cache');
const actionlintVersion = '1.7.12';
const requirements = path.join(root, 'scripts', 'requirements', 'zizmor.txt');

const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-workflows-'));
process.once('exit', () => fs.rmSync(copy, { recursive: true, force: true }));

interface Said {
  readonly code: number | null;
  readonly text: string;
}

const actionlint = installActionlint();
const zizmor = installZizmor();
const good = layOut();
const bad = layOutBad();

const faults = [
  ...quiet('actionlint', runActionlint(good)),
  ...quiet('zizmor', runZizmor(good)),
  ...finds('actionlint', runActionlint([bad]), [
    '"nope" is not defined in action',
    'title" is potentially untrusted',
  ]),
  ...finds('zizmor', runZizmor([bad]), ['template-injection', 'excessive-permissions', 'unpinned-uses']),
];
process.stderr.write(
  faults.length > 0
    ? `${faults.join('\n\n')}\n`
    : `actionlint and zizmor: ${good.length} files, no findings\n`,
);
process.exitCode = faults.length > 0 ? 1 : 0;

function quiet(name: string, { code, text }: Said): string[] {
  return code === 0 ? [] : [`${name} ended with ${String(code)}:\n${text}`];
}

function finds(name: string, { code, text }: Said, words: readonly string[]): string[] {
  const missed = words.filter((word) => !text.includes(word));
  if (code !== 0 && missed.length === 0) return [];
  return [`${name} did not find in a bad workflow: ${missed.join('; ')}\n${text}`];
}

/**
 * A copy of the files at their own places. The Action is named by its place there, because actionlint reads the inputs
 * and outputs of local actions only.
 */
function layOut(): string[] {
  fs.mkdirSync(path.join(copy, '.git'));
  fs.mkdirSync(path.join(copy, '.github', 'workflows'), { recursive: true });
  fs.symlinkSync(path.join(root, 'dist'), path.join(copy, 'dist'));
  const files = workflowFiles(root);
  for (const { name, text } of files) {
    const file = path.join(copy, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  }
  return files.map(({ name }) => name);
}

function layOutBad(): string {
  const name = '.github/workflows/bad.yml';
  fs.writeFileSync(
    path.join(copy, name),
    [
      ...['on: pull_request', 'permissions: write-all', 'jobs:', '  a:', '    runs-on: ubuntu-latest'],
      ...['    steps:', '      - uses: actions/checkout@v6', '      - uses: ./', '        with: { nope: 1 }'],
      "      - run: echo '${{ github.event.pull_request.title }}'",
      '',
    ].join('\n'),
  );
  return name;
}

function runActionlint(names: readonly string[]): Said {
  // With shellcheck the result would depend on whether the machine has it.
  const flags = ['-no-color', '-shellcheck=', '-pyflakes=', '-config-file', config('actionlint.yaml')];
  const workflows = names.filter(isWorkflow).map(localAction);
  return run(actionlint, [...flags, ...workflows]);
}

function runZizmor(names: readonly string[]): Said {
  const flags = ['--offline', '--persona=auditor', '--no-progress', '--quiet', '--color=never'];
  return run(zizmor, [...flags, '--strict-collection', '--config', config('zizmor.yml'), ...names]);
}

function config(name: string): string {
  return path.join(root, '.github', name);
}

function isWorkflow(name: string): boolean {
  return name !== 'action.yml' && !name.endsWith('/dependabot.yml');
}

/** The same workflow beside it, with `./` in place of the published Action. */
function localAction(name: string): string {
  const text = fs.readFileSync(path.join(copy, name), 'utf8');
  const local = `${name}.local.yml`;
  fs.writeFileSync(path.join(copy, local), text.replaceAll(/\borg\/ket-action@[\w.]+/g, './'));
  return local;
}

function run(program: string, args: readonly string[]): Said {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: copy,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { code: status, text: `${stdout}${stderr}${error?.message ?? ''}`.replaceAll('.local.yml', '') };
}

/** By Go, which checks the module against its public log of sums. */
function installActionlint(): string {
  const file = path.join(cache, 'bin', `actionlint-${actionlintVersion}`);
  if (fs.existsSync(file)) return file;
  const made = path.join(copy, 'bin');
  const module = `github.com/rhysd/actionlint/cmd/actionlint@v${actionlintVersion}`;
  install('go', ['install', '-trimpath', module], { GOBIN: made, GOFLAGS: '', CGO_ENABLED: '0' });
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.copyFileSync(path.join(made, 'actionlint'), `${file}.${process.pid}`);
  fs.renameSync(`${file}.${process.pid}`, file);
  return file;
}

/** From PyPI, by the sums of its wheels. */
function installZizmor(): string {
  const sum = createHash('sha256').update(fs.readFileSync(requirements)).digest('hex').slice(0, 16);
  const venv = path.join(cache, `zizmor-${sum}`);
  const done = path.join(venv, 'complete');
  if (!fs.existsSync(done)) {
    fs.rmSync(venv, { recursive: true, force: true });
    install('python3', ['-m', 'venv', venv], {});
    install(
      path.join(venv, 'bin', 'python'),
      // Its wheel asks for a newer Python than the project does, but holds a program that uses none.
      [
        ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--ignore-requires-python'],
        ...['--require-hashes', '--no-deps', '--only-binary', ':all:', '-r', requirements],
      ],
      {},
    );
    fs.writeFileSync(done, '');
  }
  return path.join(venv, 'bin', 'zizmor');
}

function install(program: string, args: readonly string[], env: Readonly<Record<string, string>>): void {
  try {
    execFileSync(program, args, {
      cwd: copy,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: 5 * 60_000,
    });
  } catch (error) {
    process.stderr.write(
      `${program} ${args.join(' ')}\n${String(error)}\nThis needs Go 1.25 or newer, python3 with venv, and their package registries.\n`,
    );
    process.exit(1);
  }
}
