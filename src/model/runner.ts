/**
 * What a GitHub runner hands to an Action but not to a `run:` step: tokens of its services, the Action's inputs and
 * state. And the files by which a step changes later ones. Nothing that ket starts has a right to them, least of all
 * the tests.
 */
export const ofTheRunner = /^(ACTIONS_|INPUT_|STATE_)|^GITHUB_(ENV|OUTPUT|PATH|STATE|STEP_SUMMARY)$/;
