import { describe, expect, test } from '@jest/globals';
import { addressesOf, mappedIn, mappedPortsTask, variableOf } from '../../src/cluster/mapped-ports.ts';
import type { ExecRequest, ExecResult } from '../../src/model/deps.ts';
import type { EventBody } from '../../src/model/events.ts';
import type { ClusterPlan } from '../../src/model/plan.ts';
import type { ClusterHandle, Tools } from '../../src/model/run.ts';
import type { Task, TaskContext } from '../../src/model/task.ts';

const at = (ip: string, port: string): { HostIp: string; HostPort: string } => ({
  HostIp: ip,
  HostPort: port,
});

test('the ports of all nodes, each once', () => {
  const web = { containerPort: 80, hostPort: 0 };
  const nodes = [
    { role: 'control-plane', extraPortMappings: [web, { containerPort: 53, protocol: 'UDP' }] },
    { role: 'worker', extraPortMappings: [web, { containerPort: 443, protocol: 'tcp' }] },
    { role: 'worker' },
  ];
  expect(mappedIn({ kindConfig: { nodes } })).toEqual(['80/tcp', '53/udp', '443/tcp']);
  expect(mappedIn({ kindConfig: {} })).toEqual([]);
});

test.each([
  ['80/tcp', 'KET_MAPPED_80'],
  ['53/udp', 'KET_MAPPED_53_UDP'],
] as const)('%s is in %s', (port, variable) => expect(variableOf(port)).toBe(variable));

describe('an address that a client of this machine can use', () => {
  test.each([
    [[at('127.0.0.1', '8080')], '127.0.0.1:8080'],
    [[at('127.0.0.2', '8080')], '127.0.0.2:8080'],
    [[at('0.0.0.0', '8080'), at('::', '8080')], '127.0.0.1:8080'],
    [[at('::', '8080'), at('0.0.0.0', '8081')], '127.0.0.1:8081'],
    [[at('', '8080')], '127.0.0.1:8080'],
    [[at('::', '8080')], '[::1]:8080'],
    [[at('fd00::1', '8080')], '[fd00::1]:8080'],
  ])('%j: %s', (bindings, address) =>
    expect(addressesOf(['80/tcp'], [{ '6443/tcp': [at('127.0.0.1', '1')] }, { '80/tcp': bindings }])).toEqual(
      {
        env: { KET_MAPPED_80: address },
        missing: [],
      },
    ),
  );

  test('the first node that has the port counts', () =>
    expect(
      addressesOf(['80/tcp'], [{ '80/tcp': null }, { '80/tcp': [at('', '1')] }, { '80/tcp': [at('', '2')] }]),
    ).toEqual({ env: { KET_MAPPED_80: '127.0.0.1:1' }, missing: [] }));

  test('what no node has is missing', () =>
    expect(addressesOf(['80/tcp', '443/tcp'], [{ '80/tcp': null }, {}])).toEqual({
      env: {},
      missing: ['80/tcp', '443/tcp'],
    }));
});

describe('the task', () => {
  const asked: ExecRequest[] = [];
  const run = async (
    answer: Partial<ExecResult>,
  ): Promise<{ env: Readonly<Record<string, string>>; events: EventBody[] }> => {
    const events: EventBody[] = [];
    const tools = { id: 'tools' } as Task<Tools>;
    const cluster = { id: 'cluster' } as Task<ClusterHandle>;
    const kindConfig = { nodes: [{ extraPortMappings: [{ containerPort: 80 }, { containerPort: 443 }] }] };
    const context = {
      output: (task: Task) => (task === tools ? { docker: '/bin/docker' } : { nodes: ['n1', 'n2'] }),
      emit: (event: EventBody) => void events.push(event),
      signal: new AbortController().signal,
      deps: {
        exec: (request: ExecRequest) => {
          asked.push(request);
          return Promise.resolve({
            code: 0,
            signal: null,
            timedOut: false,
            stdout: '',
            stderr: '',
            ...answer,
          });
        },
      },
    } as unknown as TaskContext;
    const task = mappedPortsTask({ kindConfig } as unknown as ClusterPlan, tools, cluster);
    return { env: await task.run(context), events };
  };

  test('asks Docker for all nodes at once', async () => {
    const stdout = '{"443/tcp":[{"HostIp":"127.0.0.1","HostPort":"2"}],"80/tcp":null}\n{"80/tcp":null}\n';
    expect(await run({ stdout })).toEqual({
      env: { KET_MAPPED_443: '127.0.0.1:2' },
      events: [
        {
          ...{ type: 'notice', level: 'warning' },
          text: 'the nodes do not have what the Kind config maps: 80/tcp; KET_MAPPED_80 is not set',
        },
      ],
    });
    const format = '{{json .NetworkSettings.Ports}}';
    const argv = ['/bin/docker', 'container', 'inspect', '--format', format, 'n1', 'n2'];
    expect(asked.at(-1)).toMatchObject({ argv });
  });

  test('fails with the words of Docker', async () =>
    expect(run({ code: 1, stderr: 'No such container: n2\n' })).rejects.toThrow(
      'Docker does not tell the ports of the nodes: No such container: n2',
    ));
});
