const project = (name, extra = {}) => ({
  displayName: name,
  testMatch: [`<rootDir>/__tests__/${name}/**/*.test.ts`],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/jest/strip-types.mjs' },
  ...extra,
});

/** `unit` needs nothing; `cluster` needs a machine that can make Kind clusters. */
export default {
  projects: [project('unit', { setupFiles: ['<rootDir>/jest/no-network.mjs'] }), project('cluster')],
};
