/**
 * What `KET_UNAVAILABLE_FILE` names in the pod: which releases are unavailable now, `{"releases": {"shop": "why"}}`. Not there until one is; empty of
 * releases when all are back. ket-run knows the name.
 */
export const unavailableFile = '/ket/state/unavailable.json';
