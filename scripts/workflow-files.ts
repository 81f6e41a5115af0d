import fs from 'node:fs';
import path from 'node:path';

export interface WorkflowFile {
  /** Relative to the repository. */
  readonly name: string;
  readonly text: string;
}

const folders = ['.github/workflows', 'examples/workflows'];

/** Every file that a runner may read: workflows, those in documents, the Action and its updates. */
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
    read('action.yml'),
    read('.github/dependabot.yml'),
  ];
}

/** The workflows of a document, each at the lines at which it stands there. */
function blocks({ name, text }: WorkflowFile): WorkflowFile[] {
  return [...text.matchAll(/^```yaml workflow\n([\s\S]*?)^```$/gm)].map(([, block = ''], index) => {
    const before = text.slice(0, text.indexOf(block)).split('\n').length - 1;
    return { name: `${name}.${index + 1}.yml`, text: '\n'.repeat(before) + block };
  });
}
