import type { HostPort } from '../model/plan.ts';
import type { Problem } from './problems.ts';
import { childOf, itemsOf, nameOf, problemAt, valueOf, type Tree } from './tree.ts';

interface Claim extends HostPort {
  readonly part: Tree;
}

/** Ports of this machine that a Kind config claims; 0 and -1 leave the choice to kind. */
export function hostPortsIn(config: Tree): { ports: HostPort[]; problems: Problem[] } {
  const claims: Claim[] = [];
  const claim = (part: Tree | undefined, address: unknown, protocol: unknown): void => {
    const port = valueOf(part);
    if (part === undefined || typeof port !== 'number' || port <= 0) return;
    claims.push({
      port,
      address: typeof address === 'string' && address !== '' ? address : '0.0.0.0',
      protocol: typeof protocol === 'string' ? protocol.toUpperCase() : 'TCP',
      part,
    });
  };
  for (const node of itemsOf(childOf(config, 'nodes')))
    for (const mapping of itemsOf(childOf(node, 'extraPortMappings'))) {
      const of = (key: string): unknown => valueOf(childOf(mapping, key));
      claim(childOf(mapping, 'hostPort'), of('listenAddress'), of('protocol'));
    }
  const networking = childOf(config, 'networking');
  const address = valueOf(childOf(networking, 'apiServerAddress')) ?? '127.0.0.1';
  claim(childOf(networking, 'apiServerPort'), address, 'TCP');
  return {
    ports: claims.map(({ part: _part, ...port }) => port),
    problems: claims.flatMap((one, index) => {
      const other = claims.slice(0, index).find((earlier) => meet(earlier, one));
      if (other === undefined) return [];
      const first = problemAt(other.part, '');
      const where = `"${nameOf(other.part.at)}" in ${first.file}:${first.line}`;
      return [problemAt(one.part, `port ${one.port} of this machine is claimed by ${where} too`)];
    }),
  };
}

/** Whether both cannot be had at once: the address of all addresses is that of its own family. */
function meet(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  if (a.address === b.address) return true;
  const [one, other] = [a.address, b.address].map((address) => address.includes(':'));
  return one === other && [a.address, b.address].some((address) => /^(0\.0\.0\.0|::)$/.test(address));
}
