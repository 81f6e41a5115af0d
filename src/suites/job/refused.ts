import { KetError, messageOf } from '../../model/errors.ts';
import { KubeError } from '../../kube/error.ts';
import type { InfraClass } from '../../model/outcome.ts';

/** Why an attempt's objects could not be made: the API server said no, was not to be had, or the request is wrong. */
export function whyRefused(error: unknown): { readonly infraClass: InfraClass; readonly message: string } {
  return { infraClass: classOf(error), message: messageOf(error) };
}

function classOf(error: unknown): InfraClass {
  if (error instanceof KubeError) {
    if (error.status === 0 || error.status >= 500) return 'lost-contact';
    if (error.status === 403) return /exceeded quota/.test(error.message) ? 'quota' : 'denied';
    return error.status === 401 ? 'denied' : 'configuration';
  }
  return error instanceof KetError && error.code === 'KET_CONFIG' ? 'configuration' : 'lost-contact';
}
