import fs from 'node:fs';
import type { V1ConfigMap, V1Secret } from '@kubernetes/client-node';
import { KetError, messageOf } from '../model/errors.ts';
import type { Kube, Wire } from '../model/kube.ts';
import type { AuthorityPlan, CheckPlan, TlsPlan } from '../model/plan.ts';
import { askGrpc } from './ask-grpc.ts';
import { askHttp } from './ask-http.ts';
import { connectFrom } from './connection.ts';
import { faultText, judge } from './judge.ts';
import type { Look } from './look.ts';
import { serviceOf, tryMs } from './look-simple.ts';
import type { Dial } from './piped.ts';
import type { Answer } from './probe.ts';
import type { PipedLook, Question } from './question.ts';
import { standingText, type Standing } from './running.ts';
import { misdirected } from './service-port.ts';
import type { Trust } from './tls.ts';

/** HTTP, HTTPS or the health of a gRPC server, from a pod of each place. */
export function lookOverPipe(
  kube: Kube,
  seekers: readonly Standing[],
  look: PipedLook,
  { namespaces, limitMs }: CheckPlan,
): Look {
  const { host, port } = look;
  const service = serviceOf(host, namespaces);
  const of = service === undefined ? {} : { service };
  const question = { ...questionOf(look), ...of };
  return async (signal) => {
    const why = await misdirected(kube, service, port, signal);
    const asked = why === undefined ? question : { ...question, misdirected: why };
    const trust = look.tls === undefined ? undefined : await trustOf(kube, look.tls, signal);
    const looked = await Promise.all(
      seekers.map(async (from) => {
        const dial: Dial = (target) => connectFrom(kube, from, target);
        const { answer, note } = await askOver(dial, look, trust, Math.min(tryMs, limitMs), signal);
        const fault = judge(asked, answer);
        const accepted = note === undefined ? [] : [`it accepts ${note} (\`insecure: true\`)`];
        return { faults: fault === undefined ? [] : [faultText(standingText(from), fault)], notes: accepted };
      }),
    );
    const faults = looked.flatMap((one) => one.faults);
    return {
      faults,
      notes: [...new Set(looked.flatMap((one) => one.notes))],
      ...(service === undefined || faults.length === 0 ? {} : { services: [service] }),
    };
  };
}

function askOver(
  dial: Dial,
  look: PipedLook,
  trust: Trust | undefined,
  limitMs: number,
  signal: AbortSignal,
): Promise<{ readonly answer: Answer; readonly note?: string }> {
  const { host, port } = look;
  const secure = trust === undefined ? {} : { trust };
  if (look.kind === 'grpc')
    return askGrpc(dial, { host, port, service: look.service, ...secure }, limitMs, signal);
  const { path, asksFor = host } = look;
  return askHttp(dial, { host, port, path, asksFor, ...secure }, limitMs, signal);
}

function questionOf(look: PipedLook): Question<{ readonly host: string }> {
  const { host, port } = look;
  if (look.kind === 'grpc')
    return {
      probe: { host },
      to: `${look.tls === undefined ? 'grpc' : 'grpcs'}://${host}:${String(port)}`,
      expects: { kind: 'serving', service: look.service },
    };
  return {
    probe: { host },
    to: `${look.tls === undefined ? 'http' : 'https'}://${host}:${String(port)}${look.path}${look.asksFor === undefined ? '' : ` for ${look.asksFor}`}`,
    expects: { kind: 'status', status: look.status, ...(look.body === undefined ? {} : { body: look.body }) },
    ...(look.asksFor === undefined ? {} : { asksFor: look.asksFor }),
  };
}

async function trustOf(kube: Kube, { ca, insecure }: TlsPlan, signal: AbortSignal): Promise<Trust> {
  return { insecure, ...(ca === undefined ? {} : { ca: await authorityOf(kube, ca, signal) }) };
}

/** Read at each look: a Secret may come, or change, later. */
async function authorityOf(kube: Kube, ca: AuthorityPlan, signal: AbortSignal): Promise<string> {
  if ('file' in ca) {
    try {
      return pemOf(fs.readFileSync(ca.file, 'utf8'), ca.file);
    } catch (error) {
      if (error instanceof KetError) throw error;
      throw new KetError('KET_CHECK', `\`ca\` cannot be read: ${messageOf(error)}`);
    }
  }
  const { kind, namespace, name, key } = ca;
  const what = `key ${key} of ${kind} ${namespace}/${name}`;
  const object = await kube.get<Wire<V1Secret & V1ConfigMap>>(
    { apiVersion: 'v1', kind, namespace, name },
    signal,
  );
  const value = object?.data?.[key];
  if (value === undefined)
    throw new KetError(
      'KET_CHECK',
      `\`ca\`: there is no ${object === undefined ? `${kind} ${namespace}/${name}` : what}`,
    );
  return pemOf(kind === 'Secret' ? Buffer.from(value, 'base64').toString('utf8') : value, what);
}

/** Node would take anything for a list of no authorities. */
function pemOf(text: string, what: string): string {
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw new KetError('KET_CHECK', `\`ca\`: no certificate (PEM) in ${what}`);
}
