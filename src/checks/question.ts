import type { CheckLook, TlsPlan } from '../model/plan.ts';
import type { Probe } from './probe.ts';

/** A probe with what must come of it. `P`: what is asked, of which a message needs the host. */
export interface Question<P extends { readonly host: string } = Probe> {
  readonly probe: P;
  /** Whom it asks, as a message names him: `shop-db:5432`. */
  readonly to: string;
  readonly expects: Expected;
  /** The Service behind it, `shop/shop-db`, as far as that is known. */
  readonly service?: string;
  /** The host that is asked for, where it is not that of the address. */
  readonly asksFor?: string;
  /** Why nothing of the Service can answer there: whatever does is something else. */
  readonly misdirected?: string;
}

export type Expected =
  /** Any of these; more are no fault. */
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  | { readonly kind: 'connection' }
  /** The port is closed to this pod, and open to another one that is asked for it. */
  | { readonly kind: 'no-connection' }
  /** An answer, with whatever status. */
  | { readonly kind: 'answer' }
  | { readonly kind: 'status'; readonly status: number; readonly body?: string }
  /** That of the health protocol of gRPC, 1. */
  | { readonly kind: 'serving'; readonly service: string }
  /** So many requests over no more than so many sockets, as the server counts them. */
  | { readonly kind: 'reused'; readonly requests: number; readonly connections: number };

type HttpLook = Extract<CheckLook, { kind: 'http' }>;

/** What ket itself speaks, over a connection that a pod makes: TLS, gRPC, and HTTP for the host of another address. */
export type PipedLook =
  | (HttpLook & { readonly tls: TlsPlan })
  | (HttpLook & { readonly asksFor: string })
  | Extract<CheckLook, { kind: 'grpc' }>;

export const isPiped = (look: CheckLook): look is PipedLook =>
  look.kind === 'grpc' || (look.kind === 'http' && (look.tls !== undefined || look.asksFor !== undefined));
