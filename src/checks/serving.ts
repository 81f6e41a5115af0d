/** The names of `ServingStatus` of the health protocol of gRPC, by their numbers. */
export const servingStatus = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;
