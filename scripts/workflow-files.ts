import fs from 'node:fs';
import path from 'node:path';
import { resolvePlan } from '../src/config/index.ts';
import { workflowOf } from '../src/config/schedule-workflow.ts';

export interface WorkflowFile {
  /** Relative to the repository. */
  readonly name: string;
  readonly text: string;
}

const folders = ['.github/workflows', 'examples/workflows'];

/** Every file that a runner may read: workflows, those in documents and those that ket writes, the Action and its updates. */
export function workflowFiles(root: string): WorkflowFile[] {
  const read = (name: string): WorkflowFile => ({
    name,
    text: fs.readFileSync(path.join(root, name), 'utf8'),
  });
  const inFolder = (folder: string, ending: string): string[] =>
    fs
      .readdirSync(path.join(root, folder))
      .filter((name) => name.endsWith(ending))
      .map((name) => path.posix.join(folder, name));
  const documents = ['README.md', ...inFolder('docs', '.md')].map(read);
  return [
    ...folders.flatMap((folder) => inFolder(folder, '.yml')).map(read),
    ...documents.flatMap(blocks),
    ...scheduled(root),
    read('action.yml'),
    read('.github/dependabot.yml'),
  ];
}

/** What `ket schedule` writes: with all that it may hold, and for a soak that a hosted runner has no time for. */
function scheduled(root: string): WorkflowFile[] {
  const configPath = path.join(root, 'examples', 'fastapi-postgres', 'ket.yaml');
  const plan = resolvePlan({ configPath, tier: 'integration', env: {}, isTTY: false, ci: true });
  const config = 'shop/ket.yaml';
  const input = { plan, cron: '17 3 * * 1-5', config, variables: ['DB_PASSWORD', 'SHOP_TOKEN'] };
  const long = { ...input, plan: { ...plan, soakMs: 8 * 3_600_000 }, config: 'ket.yaml', variables: [] };
  return [
    { name: '.github/workflows/ket-schedule.yml', text: workflowOf(input) },
    { name: '.github/workflows/ket-schedule-long.yml', text: workflowOf(long) },
  ];
}

/** The workflows of a document, each at the lines at which it stands there. */
function blocks({ name, text }: WorkflowFile): WorkflowFile[] {
  return [...text.matchAll(/^```yaml workflow\n([\s\S]*?)^```$/gm)].map(([, block = ''], index) => {
    const before = text.slice(0, text.indexOf(block)).split('\n').length - 1;
    return { name: `${name}.${index + 1}.yml`, text: '\n'.repeat(before) + block };
  });
}
