import { servingStatus } from './serving.ts';
import type { Answer } from './probe.ts';
import type { Expected, Question } from './question.ts';

/** What was found wrong, in the parts that a message has. */
export interface Fault {
  readonly to: string;
  readonly expected: string;
  readonly seen: string;
  readonly likely: string;
}

/** A fault as a person reads it. `from`: the pod that looked, and where it is. */
export const faultText = (from: string, { to, expected, seen, likely }: Fault): string =>
  `${from} → ${to}: expected ${expected}, seen: ${seen}; likely: ${likely}`;

/** What is wrong with an answer; undefined when it is what the question expects. Pure. */
export function judge(question: Question<{ readonly host: string }>, answer: Answer): Fault | undefined {
  const { to, expects } = question;
  const fault = (seen: string, likely: string): Fault => ({ to, expected: wordsOf(expects), seen, likely });
  if (expects.kind === 'no-connection') return judgeDeny(answer, fault);
  if (question.misdirected !== undefined)
    return fault(
      answer.ok ? `an answer of ${answer.address}, which is not of that Service` : seenOf(answer),
      question.misdirected,
    );
  if (!answer.ok) return fault(seenOf(answer), likelyOf(question, answer));
  switch (expects.kind) {
    case 'addresses':
      return judgeAddresses(expects.addresses, answer, fault);
    case 'connection':
    case 'answer':
      return undefined;
    case 'status':
      return judgeStatus(expects, answer, fault, question.asksFor);
    case 'serving':
      return judgeServing(expects.service, answer, fault);
    case 'reused':
      return judgeReuse(expects, answer, fault);
  }
}

type ToFault = (seen: string, likely: string) => Fault;

/** A name that is not found says nothing about who may connect. */
function judgeDeny(answer: Answer, fault: ToFault): Fault | undefined {
  if (answer.ok)
    return fault(
      `a connection to ${answer.address}`,
      'no NetworkPolicy selects the pods of the service, or one of its rules lets this pod through',
    );
  if (answer.stage === 'connect') return undefined;
  return fault(
    seenOf(answer),
    'the name cannot be looked up from there, so that nothing is known of the port; a policy for egress may lack the DNS',
  );
}

function judgeAddresses(wanted: readonly string[], answer: Answer, fault: ToFault): Fault | undefined {
  const found = answer.addresses.split(' ').filter((text) => text !== '');
  if (wanted.length === 0 ? found.length > 0 : wanted.some((one) => found.includes(one))) return undefined;
  return fault(
    found.length === 0 ? 'no address' : found.join(' '),
    'another Service of that name comes first in the search list, or the DNS still has an old answer',
  );
}

function judgeStatus(
  { status, body }: Extract<Expected, { kind: 'status' }>,
  answer: Answer,
  fault: ToFault,
  asksFor: string | undefined,
): Fault | undefined {
  const said = answer.body.trim().replaceAll(/\s+/g, ' ').slice(0, 200);
  const behind = said === '' ? '' : `: ${said}`;
  if (answer.status !== status)
    return fault(`status ${answer.status}${behind}`, likelyOfStatus(answer.status, asksFor));
  if (body === undefined || answer.body.includes(body)) return undefined;
  return fault(
    `status ${status} without it${behind}`,
    'something else answers there, or it is not ready yet',
  );
}

function likelyOfStatus(status: number, asksFor: string | undefined): string {
  if (status === 404 && asksFor !== undefined)
    return `there is no Ingress for ${asksFor} and that path, or it is of another class than the controller's`;
  if (status === 404) return 'the path is another, or something else answers on that port';
  if (status === 401 || status === 403) return 'the path needs a log-in';
  if (status >= 500) return 'the service is up, and what it needs itself is not';
  if (status >= 300 && status < 400) return 'it sends to another address; redirects are not followed';
  return 'the service answers otherwise than the check expects';
}

function judgeServing(service: string, { status }: Answer, fault: ToFault): Fault | undefined {
  const told = servingStatus[status] ?? `status ${status}`;
  if (told === 'SERVING') return undefined;
  const whole = service === '' ? 'the server' : `its service ${service}`;
  return fault(
    told,
    `${whole} is up and says that it takes no requests now: see its log for what it waits for`,
  );
}

/** The count is the server's: the client's own would not show what is between them. */
function judgeReuse(
  { requests, connections }: Extract<Expected, { kind: 'reused' }>,
  answer: Answer,
  fault: ToFault,
): Fault | undefined {
  const [, sockets, counted] = /^sockets (\d+) requests (\d+)$/.exec(answer.body.trim()) ?? [];
  if (sockets === undefined || counted === undefined)
    return fault(
      `an answer that is no count: ${answer.body.slice(0, 80)}`,
      'something else answered than the pod of ket',
    );
  if (answer.requests !== requests || Number(counted) !== requests)
    return fault(
      `${counted} requests counted of ${answer.requests} sent`,
      'requests were lost or repeated on the way',
    );
  if (Number(sockets) <= connections) return undefined;
  return fault(
    `${sockets} sockets`,
    answer.opened > connections
      ? 'the client opens new connections: it does not keep them, or something on the way closes them'
      : 'something on the way, such as a proxy or a mesh, opens connections of its own',
  );
}

function wordsOf(expects: Expected): string {
  switch (expects.kind) {
    case 'addresses':
      return expects.addresses.length === 0 ? 'an address' : expects.addresses.join(' ');
    case 'connection':
      return 'a connection';
    case 'no-connection':
      return 'no connection';
    case 'answer':
      return 'an HTTP answer';
    case 'status':
      return `status ${expects.status}${expects.body === undefined ? '' : ` and a body with ${JSON.stringify(expects.body)}`}`;
    case 'serving':
      return `SERVING${expects.service === '' ? '' : ` of ${expects.service}`}`;
    case 'reused':
      return `${expects.requests} requests over at most ${expects.connections} sockets`;
  }
}

function likelyOfTls(error: string | null): string {
  switch (error) {
    case 'expired':
      return 'it was not renewed, or the server still uses the old one: it may have to be restarted';
    case 'not-yet':
      return 'the clocks of who issued it and of this machine differ';
    case 'wrong-name':
      return 'the name of the Service lacks among the names (SAN) of the certificate';
    case 'unknown-authority':
      return 'give the check `ca`, the certificate of the authority that issued it, or `insecure: true`';
    case 'not-tls':
      return 'the port speaks no TLS: write http://, or leave out `tls`';
    default:
      return 'the server wants another version or a certificate of its clients: see its log';
  }
}

function seenOf({ stage, error, address, text, ms }: Answer): string {
  const by = address === '' ? '' : ` by ${address}`;
  if (stage === 'dns') {
    if (error === 'not-found') return 'no such name';
    return error === 'timeout'
      ? `no answer of the DNS within ${ms} ms`
      : `no answer of the DNS (${text ?? ''})`;
  }
  if (error === 'refused') return `refused${by}`;
  if (error === 'reset') return `the connection was reset${by}`;
  if (error === 'unreachable') return `no way to it (${text ?? ''})${address === '' ? '' : `: ${address}`}`;
  if (stage === 'connect' && error === 'timeout') return `no answer${by} within ${ms} ms`;
  return text ?? 'an error without a word';
}

function likelyOf({ service, probe }: Question<{ readonly host: string }>, { stage, error }: Answer): string {
  const name = service === undefined ? 'the service' : `Service ${service}`;
  if (stage === 'dns')
    return error === 'not-found'
      ? `there is no Service ${probe.host} in the namespaces that are searched`
      : 'the DNS of the cluster does not answer: see the pods of kube-dns in kube-system';
  if (stage === 'connect') {
    if (error === 'refused')
      return `nothing listens on that port in the pods of ${name}, its targetPort is another, or it has no ready pod`;
    if (error === 'timeout') return `a NetworkPolicy drops it, or ${name} has no such port`;
    return 'the network of the nodes: see the pods of its plugin in kube-system';
  }
  if (stage === 'tls') return likelyOfTls(error);
  if (stage === 'grpc') {
    if (error === 'unimplemented')
      return 'the server does not register the health service (grpc.health.v1): add it there, or use `tcp`';
    if (error === 'not-found') return '`service` is written otherwise there, or is not registered';
    if (error === 'not-grpc')
      return 'the port speaks another protocol, or TLS where `tls: true` lacks, or none where it is set';
  }
  if (error === 'not-http') return 'the port speaks another protocol, such as TLS or gRPC';
  if (error === 'timeout')
    return `${name} takes the connection and does not answer: it hangs, or is overloaded`;
  return `${name} closed the connection: it crashed, or the port speaks another protocol`;
}
