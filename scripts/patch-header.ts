/** Reads the lines `# key: value` at the head of a patch; one that lacks is an error that names `file`. */
export const patchHeader =
  (file: string, text: string) =>
  (key: string): string => {
    const found = new RegExp(`^# ${key}: (.+)$`, 'm').exec(text)?.[1];
    if (found === undefined) throw new Error(`${file} has no line "# ${key}: …"`);
    return found;
  };
