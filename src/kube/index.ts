export { connect } from './connect.ts';
export type { ConnectDeps, ConnectOptions } from './connect.ts';
export { KubeError } from './error.ts';
