const project = (name, extra = {}) => ({
  displayName: name,
  testMatch: [`<rootDir>/__tests__/${name}/**/*.test.ts`],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/jest/strip-types.mjs' },
  ...extra,
});

/**
 * `unit` needs nothing; `cluster` needs a machine that can make Kind clusters; `recipes` needs test runners of several
 * languages, and the registries that their packages come from; `images` needs Docker and the same registries.
 */
export default {
  projects: [
    project('unit', { setupFiles: ['<rootDir>/jest/no-network.mjs'] }),
    project('cluster'),
    project('recipes'),
    project('images'),
  ],
};
