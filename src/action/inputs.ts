import * as core from '@actions/core';
import { parseInputs, type Inputs } from '../config/index.ts';

/**
 * The inputs of this step, checked. Every `INPUT_…` of the environment is looked at, so that one which does not exist
 * is found; the runner itself only warns of it. Throws one KetError that names each wrong input.
 */
export function readInputs(): Inputs {
  const names = Object.keys(process.env)
    .filter((key) => key.startsWith('INPUT_'))
    .map((key) => key.slice('INPUT_'.length).toLowerCase());
  const inputs = parseInputs(Object.fromEntries(names.map((name) => [name, core.getInput(name)])));
  // A token that is not the job's own is not masked by the runner where it came by a step's output.
  if (inputs.token !== undefined) core.setSecret(inputs.token);
  return inputs;
}
