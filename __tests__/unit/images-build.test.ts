import { describe, expect, test } from '@jest/globals';
import { buildArgv, buildImage } from '../../src/images/build.ts';
import { buildOutput, type BuildStep } from '../../src/images/build-output.ts';
import { fullReference } from '../../src/images/reference.ts';
import type { ExecRequest } from '../../src/model/deps.ts';
import type { BuildPlan } from '../../src/model/plan.ts';
import { failedWith, fakeDeps, ok, said } from './support/phases.ts';

const image: BuildPlan = {
  name: 'shop:dev',
  context: '/repo',
  dockerfile: '/repo/tests/Dockerfile',
  args: {},
  limitMs: 5000,
};
const success = `#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 120B done
#1 DONE 0.0s
#4 [1/2] FROM docker.io/library/debian:bookworm-slim
#4 CACHED
#5 [tests 2/2] RUN make
#5 0.312 compiling
#5 DONE 2.4s
#6 exporting to image
#6 DONE 0.1s`.split('\n');
const failing = `#5 [2/3] RUN make
#5 0.312 compiling
#5 1.100 oh no
#5 ERROR: process "/bin/sh -c make" did not complete successfully: exit code: 2
------
 > [2/3] RUN make:
1.100 oh no
------
Dockerfile:7
--------------------
   7 | >>> RUN make
--------------------
ERROR: failed to solve: process "/bin/sh -c make" did not complete successfully: exit code: 2`.split('\n');

describe("BuildKit's lines", () => {
  test('steps of the Dockerfile with their time; what is internal is left out', () => {
    const steps: BuildStep[] = [];
    const begun: string[] = [];
    const output = buildOutput(
      (step) => steps.push(step),
      (name) => begun.push(name),
    );
    success.forEach((line) => output.line(line));
    expect(steps).toEqual([
      { name: '[1/2] FROM docker.io/library/debian:bookworm-slim', ms: 0, cached: true },
      { name: '[tests 2/2] RUN make', ms: 2400, cached: false },
    ]);
    expect(begun).toEqual(steps.map((step) => step.name));
  });
  test('the step that failed, its lines and its place', () => {
    const output = buildOutput(() => undefined);
    failing.forEach((line) => output.line(line));
    expect(output.failure()).toEqual({
      step: '[2/3] RUN make',
      where: 'Dockerfile:7',
      message: 'process "/bin/sh -c make" did not complete successfully: exit code: 2',
      lines: ['compiling', 'oh no'],
    });
  });
  test('what was running when the build was cut off', () => {
    const output = buildOutput(() => undefined);
    ['#4 [1/2] FROM x', '#4 DONE 0.1s', '#5 [2/2] RUN sleep 60', '#5 0.1 waiting'].forEach((line) =>
      output.line(line),
    );
    expect(output.failure()).toEqual({ step: '[2/2] RUN sleep 60', lines: ['waiting'] });
  });
});

describe('building', () => {
  const options = (lines: readonly string[] = success) => ({
    docker: 'docker',
    image,
    signal: new AbortController().signal,
    onStep: () => undefined,
    onBegin: () => undefined,
    lines,
  });
  const building = (lines: readonly string[], result = ok) =>
    fakeDeps([
      [
        'buildx build',
        (request: ExecRequest) => {
          for (const line of lines) request.onLine?.(line, 'stderr');
          return result;
        },
      ],
      ['image inspect', said('sha256:abc 1234\n')],
    ]);

  test('argv: what the plan says, nothing of a shell', () =>
    expect(buildArgv('docker', { ...image, target: 'tests', args: { V: '1 2', W: '$(x)' } })).toEqual([
      ...['docker', 'buildx', 'build', '--progress=plain', '--load', '--provenance=false'],
      ...['--file', '/repo/tests/Dockerfile', '--tag', 'shop:dev', '--target', 'tests'],
      ...['--build-arg', 'V=1 2', '--build-arg', 'W=$(x)', '/repo'],
    ]));
  test('a good build gives id and size', () =>
    expect(buildImage(building(success), options())).resolves.toEqual({
      name: 'shop:dev',
      id: 'sha256:abc',
      bytes: 1234,
    }));
  test('a failed one names step, line, last lines and the next step', () =>
    expect(buildImage(building(failing, failedWith('', 1)), options())).rejects.toMatchObject({
      code: 'KET_IMAGE_BUILD',
      message: expect.stringContaining('in the step [2/3] RUN make'),
      where: '/repo/tests/Dockerfile:7',
      details: ['compiling', 'oh no'],
      next: 'try it alone: docker build -f tests/Dockerfile -t shop:dev . (in /repo)',
    }));
  test('one over its limit names what it was doing', () =>
    expect(
      buildImage(building(['#5 [2/2] RUN sleep 60'], { ...ok, code: null, timedOut: true }), options()),
    ).rejects.toThrow('image shop:dev was not built within 5 s, in the step [2/2] RUN sleep 60'));
  test.each([
    ['ERROR: failed to resolve source metadata for docker.io/library/none:1', 'named in FROM'],
    ["docker: 'buildx' is not a docker command.", 'buildx plug-in'],
  ])('the cure of: %s', (line, cure) =>
    expect(buildImage(building([line], failedWith('', 1)), options())).rejects.toMatchObject({
      next: expect.stringContaining(cure),
    }),
  );
  test('an image that is not there after its build is an error', () =>
    expect(
      buildImage(
        fakeDeps([
          ['buildx', ok],
          ['image inspect', failedWith('No such image')],
        ]),
        options(),
      ),
    ).rejects.toMatchObject({ code: 'KET_IMAGE_DELIVERY' }));
});

test.each([
  ['shop:dev', 'docker.io/library/shop:dev'],
  ['shop', 'docker.io/library/shop:latest'],
  ['me/shop:1', 'docker.io/me/shop:1'],
  ['ghcr.io/me/shop:1', 'ghcr.io/me/shop:1'],
  ['localhost/shop:1', 'localhost/shop:1'],
  ['localhost:5000/shop', 'localhost:5000/shop:latest'],
  ['docker.io/library/shop:1', 'docker.io/library/shop:1'],
])('containerd lists %s as %s', (name, full) => expect(fullReference(name)).toBe(full));
