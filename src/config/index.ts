/** What the front doors use of the configuration. */
export { checkConfig, loadConfig, type CheckedConfig, type LoadedConfig } from './load.ts';
export { readKindConfig, type KindConfig } from './kind-config.ts';
export { resolvePlan, type PlanInput, type PlanOverrides } from './plan.ts';
export { resolvePlans, type PlansInput, type TierPlan } from './plans.ts';
export { problemsError, renderProblem, renderProblems, type Problem } from './problems.ts';
export { jsonSchema } from './schema.ts';
export { inputNames, type InputName, type Inputs } from './inputs.ts';
export { parseInputs } from './parse-inputs.ts';
export { checkSecrets, planFromInputs, type InputsPlace } from './from-inputs.ts';
export { outputNames, outputTexts, type OutputName, type Outputs } from './outputs.ts';
export { initFiles, writeInitFiles, type InitFile } from './init.ts';
