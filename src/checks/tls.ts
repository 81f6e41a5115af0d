import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { messageOf } from '../model/errors.ts';

/** What a check holds of the certificate of a server. */
export interface Trust {
  /** PEM of the authorities that count; those that Node has unless given. */
  readonly ca?: string;
  /** Whatever is wrong with it is said and accepted. */
  readonly insecure: boolean;
}

/** Why there is no connection that can be trusted. */
export class TlsFault extends Error {
  readonly error: 'expired' | 'not-yet' | 'wrong-name' | 'unknown-authority' | 'not-tls' | 'other';

  constructor(error: TlsFault['error'], message: string) {
    super(message);
    this.error = error;
  }
}

/**
 * TLS over a connection to `host`, whose name the certificate must have. `note`: what was wrong and accepted. Rejects
 * with a TlsFault, or with the signal's reason.
 */
export async function secured(
  raw: Duplex,
  {
    host,
    trust,
    protocols,
    signal,
  }: { host: string; trust: Trust; protocols: string[]; signal: AbortSignal },
): Promise<{ readonly socket: tls.TLSSocket; readonly note?: string }> {
  const socket = tls.connect({
    socket: raw,
    ...(/^[\d.]+$|:/.test(host) ? { host } : { servername: host, host }),
    ...(trust.ca === undefined ? {} : { ca: trust.ca }),
    ALPNProtocols: protocols,
    // Judged below, with the names and dates of the certificate for the message.
    rejectUnauthorized: false,
  });
  const stop = (): void => void socket.destroy(signal.reason as Error);
  signal.addEventListener('abort', stop, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve);
      socket.once('error', reject);
      socket.once('close', () =>
        reject(new Error('the connection was closed in the middle of the handshake')),
      );
    });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw handshakeFault(error);
  } finally {
    signal.removeEventListener('abort', stop);
  }
  socket.on('error', () => undefined);
  const fault = certificateFault(socket.authorizationError, socket.getPeerCertificate(), host);
  if (fault === undefined) return { socket };
  if (trust.insecure) return { socket, note: fault.message };
  socket.destroy();
  throw fault;
}

function handshakeFault(error: unknown): TlsFault {
  const { code = '' } = error as NodeJS.ErrnoException;
  const text = messageOf(error).replace(/^[0-9A-F]+:error:\w+:/, '');
  // What OpenSSL says of the first bytes of another protocol.
  const other = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|RECORD_TOO_SMALL|BAD_RECORD_TYPE/.test(code);
  return other
    ? new TlsFault('not-tls', 'an answer that is not TLS')
    : new TlsFault('other', `no TLS: ${text.split('\n')[0]?.slice(0, 200) ?? ''}`);
}

const unknownAuthority = [
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
];

/** What is wrong with a certificate, as Node found it out; undefined when nothing is. */
function certificateFault(
  found: Error | string | null | undefined,
  certificate: tls.PeerCertificate,
  host: string,
): TlsFault | undefined {
  // It is a code where OpenSSL found it, and an error where the name did not fit.
  const code = typeof found === 'string' ? found : ((found as NodeJS.ErrnoException | undefined)?.code ?? '');
  if (found === null || found === undefined) return undefined;
  const { subject, issuer, subjectaltname = '', valid_from: from, valid_to: to } = certificate;
  if (code === 'CERT_HAS_EXPIRED') return new TlsFault('expired', `a certificate that expired on ${to}`);
  if (code === 'CERT_NOT_YET_VALID')
    return new TlsFault('not-yet', `a certificate that is valid from ${from} only`);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names =
      subjectaltname === '' ? nameOf(subject) : subjectaltname.replaceAll(/(DNS|IP Address):/g, '');
    return new TlsFault('wrong-name', `a certificate for ${names}, not for ${host}`);
  }
  if (unknownAuthority.includes(code))
    return new TlsFault('unknown-authority', `a certificate of an unknown authority, ${nameOf(issuer)}`);
  return new TlsFault('other', `a certificate that is not accepted: ${code}`);
}

const nameOf = (one: tls.Certificate | undefined): string =>
  [one?.CN ?? one?.O ?? 'without a name'].flat().join(', ');
