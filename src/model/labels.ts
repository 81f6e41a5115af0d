/** Labels on everything that ket makes in a cluster; deletion selects by them and by exact name. */
export const labels = {
  managedBy: 'app.kubernetes.io/managed-by',
  run: 'ket.dev/run',
  suite: 'ket.dev/suite',
  attempt: 'ket.dev/attempt',
  /** Unix time, s, after which nobody can still need it. */
  expires: 'ket.dev/expires',
} as const;
