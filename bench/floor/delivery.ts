import { bash } from './bash.ts';

/**
 * The least conceivable work for an image that nodes lack: one `docker save`, and its bytes into the import of each
 * node, by a shell and `tee`. Nothing is looked at before, nothing is proved afterwards.
 */
export async function floor(image: string, nodes: readonly string[], signal: AbortSignal): Promise<number> {
  const into = (node: string): string =>
    `docker exec --interactive ${node} ctr --namespace=k8s.io images import -`;
  const [last = '', ...others] = nodes;
  const branches = others.map((node) => `>(${into(node)} >/dev/null)`).join(' ');
  // bash ends before what stands in >( ) does, unless it is waited for by something that both hold open.
  const script = `set -o pipefail; { docker save ${image} | tee ${branches} | ${into(last)} >/dev/null; } 3>&1 | cat`;
  return bash(script, signal);
}
