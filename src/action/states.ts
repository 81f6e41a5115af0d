import * as core from '@actions/core';

/** What main tells post, in the runner's files: it is all that is left of a main step that was killed. */
export const states = {
  isPost: (): boolean => core.getState('main') !== '',
  begin(): void {
    core.saveState('main', 'started');
  },
  /** The run's folder, as soon as there is one. */
  folder(folder: string): void {
    core.saveState('folder', folder);
  },
  /** Main came to its end and published what there was. */
  published(): void {
    core.saveState('published', 'true');
  },
  /** Folder of a run whose main step did not come to its end. */
  cutShort(): string | undefined {
    const folder = core.getState('folder');
    return folder === '' || core.getState('published') !== '' ? undefined : folder;
  },
};
