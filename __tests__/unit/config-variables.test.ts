import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse, stringify } from 'yaml';
import { kindConfigOf, type KindConfig } from '../../src/config/kind-config.ts';
import { resolvePlan } from '../../src/config/plan.ts';
import { checkConfig } from '../../src/config/load.ts';
import { renderProblems } from '../../src/config/problems.ts';
import { parseSource } from '../../src/config/source.ts';
import { fill, type Environment } from '../../src/config/variables.ts';
import { KetError } from '../../src/model/errors.ts';
import { folderWith, goodFiles, placed, said, unmarked } from './config-cases.ts';

const env = { PORT: '8080', NAME: 'shop', EMPTY: '', LIST: '[a, b]', LINES: 'a\nb: c', FLAG: 'true' };
const head = 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n';
const read = (text: string, given?: Environment): KindConfig =>
  kindConfigOf([{ source: parseSource(text, 'kind.yaml'), folder: '/repo' }], given);

describe('a text with variables', () => {
  test.each([
    ['${NAME}', 'shop'],
    ['a-${NAME}-${PORT}.b', 'a-shop-8080.b'],
    ['${NAME:-other}', 'shop'],
    ['${NONE:-other}', 'other'],
    ['${NONE:-}', ''],
    ['${EMPTY:-other}', 'other'],
    ['${NONE:-a:-b $$ c}', 'a:-b $$ c'],
    ['${NONE:-a\nb}', 'a\nb'],
    ['$${NAME}', '${NAME}'],
    ['$$${NAME}', '$shop'],
    ['$$$$', '$$'],
    ['$NAME $1 $ $(a) }{', '$NAME $1 $ $(a) }{'],
  ])('%j is %j', (text, filled) => {
    expect(fill(text, env)).toMatchObject({ text: filled, open: false, faults: [] });
  });

  test.each([
    ['${NONE}', 'the variable NONE is not set: set it, or say with ${NONE:-VALUE} what it is otherwise'],
    ['${EMPTY}', 'the variable EMPTY is not set: set it, or say with ${EMPTY:-VALUE} what it is otherwise'],
    ['${}', '"${}" is neither ${NAME} nor ${NAME:-default}; write $${ where no variable is meant'],
    ['${1A}', '"${1A}" is neither ${NAME} nor ${NAME:-default}; write $${ where no variable is meant'],
    ['${A-b}', '"${A-b}" is neither ${NAME} nor ${NAME:-default}; write $${ where no variable is meant'],
    [
      '${ NAME }',
      '"${ NAME }" is neither ${NAME} nor ${NAME:-default}; write $${ where no variable is meant',
    ],
    [
      '${ACTIONS_RUNTIME_TOKEN:-x}',
      'the variable ACTIONS_RUNTIME_TOKEN is for the runner alone and is not filled in',
    ],
    ['${NAME', 'a variable begins here that no "}" ends; write $${ where no variable is meant'],
    ['${A:-${NAME}}', '"${A:-${NAME}" has a variable in the default of another, which is not filled in'],
    [
      '${toString}',
      'the variable toString is not set: set it, or say with ${toString:-VALUE} what it is otherwise',
    ],
  ])('%j is refused', (text, message) => {
    expect(fill(text, env).faults.map((fault) => fault.message)).toEqual([message]);
  });

  test('without an environment a default counts, and what has none stays open', () => {
    expect(fill('${A:-b}')).toEqual({ text: 'b', variables: true, open: false, faults: [] });
    expect(fill('x-${A}')).toEqual({ text: 'x-${A}', variables: true, open: true, faults: [] });
  });

  test('any text, with its dollars doubled, is itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (text, known) => {
        expect(fill(text.replaceAll('$', '$$$$'), known ? env : undefined)).toEqual({
          text,
          variables: false,
          open: false,
          faults: [],
        });
      }),
    );
  });

  test('any value comes in as it is, and is not read again', () => {
    const value = fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom('${NAME}', '$$', '$&', "$'", '${'));
    fc.assert(
      fc.property(value, (V) => {
        expect(fill('a ${V} b${V}', { V }).text).toBe(`a ${V} b${V}`);
      }),
    );
  });
});

describe('variables of a Kind config', () => {
  /** The text, with « at each problem, and what is said. */
  test.each<[string, ...string[]]>([
    [
      'name: «${NONE}',
      'the variable NONE is not set: set it, or say with ${NONE:-VALUE} what it is otherwise',
    ],
    [
      'name: "a ${NAME} $${X} «${1}"',
      '"${1}" is neither ${NAME} nor ${NAME:-default}; write $${ where no variable is meant',
    ],
    [
      'kubeadmConfigPatches:\n- |\n  kind: X\n  a: ${NAME}\n  b: «${NONE} and «${OTHER}\n',
      'the variable NONE is not set: set it, or say with ${NONE:-VALUE} what it is otherwise',
      'the variable OTHER is not set: set it, or say with ${OTHER:-VALUE} what it is otherwise',
    ],
    ['nodes:\n- labels:\n    «${NAME}: x', '"${NAME}" is a key; variables are filled in in values only'],
    [
      'nodes:\n- extraPortMappings:\n  - hostPort: «${NAME}',
      '"nodes[0].extraPortMappings[0].hostPort" must be a whole number, not "shop", which "${NAME}" comes to',
    ],
    [
      'featureGates:\n  A: «${PORT}',
      '"featureGates.A" must be true or false, not "8080", which "${PORT}" comes to',
    ],
    ['nodes: «${LIST}', '"nodes" must be a list, not "[a, b]"'],
    ['nodes:\n- role: «${NAME}', 'node 1 has no role that kind knows'],
  ])('%j is refused where it stands', (marked, ...problems) => {
    const { text, places } = unmarked(head + marked);
    const found = read(text, env).problems;
    expect(found.map(said)).toEqual(problems);
    expect(found.map(placed)).toEqual(places);
  });

  test('each becomes what its place needs', () => {
    const { data, problems, hostPorts } = read(
      `${head}name: \${PORT}
featureGates: {A: "\${FLAG}", B: "\${OFF:-no}"}
runtimeConfig: {api/alpha: "\${FLAG}"}
nodes:
- labels:
    port: \${PORT}
    version: \${V:-1.10}
    name: the \${NAME}
  extraPortMappings:
  - containerPort: \${CONTAINER:-80}
    hostPort: \${PORT}
  - {containerPort: "8\${EIGHTY:-1}", hostPort: "\${OTHER:-0}"}
  extraMounts:
  - hostPath: \${DATA:-data}/x
    containerPath: /\${NAME}
    readOnly: \${FLAG}
fresh:
  port: \${PORT}
  flag: \${FLAG}
  text: "\${PORT}"
  part: \${PORT}\${PORT}
  list: \${LIST}
  lines: \${LINES}
`,
      env,
    );
    expect(problems).toEqual([]);
    expect(data).toEqual({
      kind: 'Cluster',
      apiVersion: 'kind.x-k8s.io/v1alpha4',
      name: '8080',
      featureGates: { A: true, B: false },
      runtimeConfig: { 'api/alpha': 'true' },
      nodes: [
        {
          labels: { port: '8080', version: '1.10', name: 'the shop' },
          extraPortMappings: [
            { containerPort: 80, hostPort: 8080 },
            { containerPort: 81, hostPort: 0 },
          ],
          extraMounts: [{ hostPath: '/repo/data/x', containerPath: '/shop', readOnly: true }],
        },
      ],
      fresh: { port: 8080, flag: true, text: '8080', part: '80808080', list: '[a, b]', lines: 'a\nb: c' },
    });
    expect(hostPorts).toEqual([{ port: 8080, address: '0.0.0.0', protocol: 'TCP' }]);
  });

  test('where no run is meant, what is not known is not judged, and its form is', () => {
    const body =
      'nodes:\n- role: ${ROLE}\n  extraMounts: [{hostPath: "${DIR}"}]\n  extraPortMappings:\n  - hostPort: ${PORT}';
    expect(read(head + body).problems).toEqual([]);
    expect(read(`${head}name: \${A b}`).problems).toHaveLength(1);
  });

  test('no value changes what the file is made of', () => {
    const text = `${head}name: \${V}\nnodes:\n- labels: {a: "\${V}"}\n  image: x\${V}\nfresh:\n  one: \${V}\n  two: "\${V}"\n`;
    const value = fc.oneof(
      fc.string({ minLength: 1 }),
      fc.constantFrom(
        'a: b',
        '[a]',
        '{a: b}',
        '- a',
        '"',
        '*a',
        '&a b',
        '!!x',
        '# c',
        '|\n a',
        '---',
        '<<',
        '1e3',
        '~',
      ),
      fc.jsonValue().map((json) => stringify(json)),
    );
    fc.assert(
      fc.property(value, (V) => {
        const { data, problems } = read(text, { V });
        expect(problems).toEqual([]);
        const { one } = data['fresh'] as Record<string, unknown>;
        expect(data).toEqual({
          kind: 'Cluster',
          apiVersion: 'kind.x-k8s.io/v1alpha4',
          name: V,
          nodes: [{ labels: { a: V }, image: `x${V}` }],
          fresh: { one, two: V },
        });
        if (one !== V) {
          expect(['number', 'boolean']).toContain(typeof one);
          expect(one).toBe(parse(V));
        }
        // What kind reads says the same again.
        expect(parse(stringify(data))).toEqual(data);
      }),
      { numRuns: 300 },
    );
  });
});

describe('in a plan', () => {
  const cwd = folderWith({
    ...goodFiles,
    'kind/one.yaml': `${head}name: \${CLUSTER}\nnodes:\n- extraMounts: [{hostPath: data, containerPath: /d}]\n`,
    'ket.yaml': `
tiers:
  a: {cluster: {config: kind/one.yaml}, suites: [{name: s, image: "i:1"}]}
  b: {cluster: {config: kind.yaml}, suites: [{name: s, image: "i:1"}]}
`,
  });
  const plan = (tier: string, given: Environment): ReturnType<typeof resolvePlan> =>
    resolvePlan({ tier, env: given, isTTY: false, ci: false, cwd });

  test('an unknown one is an error of the tier that runs, with its place and the cure', () => {
    let thrown: unknown;
    try {
      plan('a', {});
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(KetError);
    expect(thrown).toMatchObject({
      code: 'KET_CONFIG',
      where: 'kind/one.yaml:3:7',
      details: [
        'kind/one.yaml:3:7: the variable CLUSTER is not set: set it, or say with ${CLUSTER:-VALUE} what it is otherwise',
      ],
    });
    expect(plan('b', {}).tier).toBe('b');
    expect(renderProblems(checkConfig('ket.yaml', cwd).problems)).toEqual([]);
  });

  test('a known one is in what kind gets', () => {
    expect(plan('a', { CLUSTER: 'mine' }).cluster).toMatchObject({
      configName: 'mine',
      kindConfig: { name: 'mine', nodes: [{ extraMounts: [{ hostPath: `${cwd}/kind/data` }] }] },
    });
  });
});
