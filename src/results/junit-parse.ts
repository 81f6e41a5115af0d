import type { XmlElement } from './xml-read.ts';
import { XmlRefused, type XmlHandlers } from './xml-read.ts';
import { durationMs, messageLimit, type JUnitCase, type JUnitTry } from './junit-case.ts';
import { clip, clipMiddle } from './text.ts';

const limits = { name: 1024, detail: 16 * 1024, output: 8 * 1024, property: 1024, properties: 50, tries: 20 };

type TryElement = 'failure' | 'error' | 'flakyFailure' | 'flakyError' | 'rerunFailure' | 'rerunError';

const tryElements: ReadonlySet<string> = new Set<TryElement>([
  'failure',
  'error',
  'flakyFailure',
  'flakyError',
  'rerunFailure',
  'rerunError',
]);

interface OpenSuite {
  readonly name: string;
  /** Failures and errors that its attributes claim. */
  readonly claimed: number;
  /** Cases that its attributes claim. */
  readonly tests: number;
  cases: number;
  bad: number;
  flaky: number;
  readonly own: OpenCase;
}

/** A case, or a suite's own findings, while its element is open. */
interface OpenCase {
  readonly attributes: XmlElement['attributes'];
  readonly tries: { element: TryElement; message: string; type: string; detail: string }[];
  skipped: { message: string; type: string } | undefined;
  out: string;
  err: string;
  readonly properties: { name: string; value: string }[];
}

function openCase(attributes: XmlElement['attributes']): OpenCase {
  return { attributes, tries: [], skipped: undefined, out: '', err: '', properties: [] };
}

/**
 * The dialects of JUnit XML, as one: cases are the `<testcase>` elements at any depth; attributes with totals never
 * enter the counts, since they disagree with the cases in several runners' files. They serve as a check only.
 */
export class JUnitParser implements XmlHandlers {
  readonly problems: string[] = [];
  readonly #suites: OpenSuite[] = [];
  readonly #cases: OpenCase[] = [];
  readonly #path: string[] = [];
  readonly #onCase: (found: JUnitCase) => void;
  #text = '';

  constructor(onCase: (found: JUnitCase) => void) {
    this.#onCase = onCase;
  }

  open({ name, attributes }: XmlElement, depth: number): void {
    if (depth === 0 && name !== 'testsuite' && name !== 'testsuites')
      throw new XmlRefused(`its root element is <${clip(name, 80)}>, so it is no JUnit file`);
    this.#path.push(name);
    this.#text = '';
    if (name === 'testsuite' || name === 'testsuites') this.#openSuite(attributes);
    else if (name === 'testcase') this.#cases.push(openCase(attributes));
    else this.#openInside(name, attributes);
  }

  text(text: string): void {
    // No runner writes text between cases. What looks like it is a broken file, e.g. of two writers at once, and may
    // have been a case.
    const inside = this.#path.at(-1);
    if ((inside === 'testsuite' || inside === 'testsuites') && text.trim() !== '')
      throw new XmlRefused('it has text between its test cases');
    if (this.#text.length < 2 * limits.detail) this.#text += text;
    else this.#text = clipMiddle(this.#text + text, 2 * limits.detail);
  }

  close(name: string): void {
    this.#path.pop();
    const text = this.#text;
    this.#text = '';
    if (name === 'testsuite' || name === 'testsuites') this.#closeSuite();
    else if (name === 'testcase') this.#closeCase();
    else this.#closeInside(name, text);
  }

  #openSuite(attributes: XmlElement['attributes']): void {
    const count = (value: string | undefined): number => (/^\d{1,9}$/.test(value ?? '') ? Number(value) : 0);
    this.#suites.push({
      name: clip(attributes['name'] ?? '', limits.name),
      claimed: count(attributes['failures']) + count(attributes['errors']),
      tests: count(attributes['tests']),
      cases: 0,
      bad: 0,
      flaky: 0,
      own: openCase({}),
    });
  }

  /** What is open and can hold a failure: the case, or else the suite (a suite that could not even start). */
  #holder(): OpenCase | undefined {
    return this.#cases.at(-1) ?? this.#suites.at(-1)?.own;
  }

  #openInside(name: string, attributes: XmlElement['attributes']): void {
    const holder = this.#holder();
    if (holder === undefined) return;
    const message = clip(attributes['message'] ?? '', messageLimit);
    const type = clip(attributes['type'] ?? '', limits.name);
    if (tryElements.has(name)) holder.tries.push({ element: name as TryElement, message, type, detail: '' });
    else if (name === 'skipped') holder.skipped ??= { message, type };
    else if (name === 'property' && holder.properties.length < limits.properties)
      holder.properties.push({
        name: clip(attributes['name'] ?? '', limits.property),
        value: clip(attributes['value'] ?? '', limits.property),
      });
  }

  #closeInside(name: string, text: string): void {
    const holder = this.#holder();
    if (holder === undefined) return;
    const inside = this.#path.at(-1) ?? '';
    const last = holder.tries.at(-1);
    if (tryElements.has(name) && last !== undefined) last.detail ||= clipMiddle(text, limits.detail);
    else if (name === 'stackTrace' && tryElements.has(inside) && last !== undefined)
      last.detail = clipMiddle(text, limits.detail);
    else if (name === 'skipped' && holder.skipped !== undefined)
      holder.skipped.message ||= clip(text.trim(), messageLimit);
    else if (name === 'property' && holder.properties.length > 0) {
      const property = holder.properties.at(-1);
      if (property !== undefined) property.value ||= clip(text, limits.property);
    } else if (inside === 'testcase' && name === 'system-out') holder.out = clipMiddle(text, limits.output);
    else if (inside === 'testcase' && name === 'system-err') holder.err = clipMiddle(text, limits.output);
  }

  #closeCase(): void {
    const open = this.#cases.pop();
    if (open !== undefined) this.#give(open, open.attributes['name'] ?? '');
  }

  #closeSuite(): void {
    const suite = this.#suites.at(-1);
    if (suite === undefined) return;
    if (suite.own.tries.some((t) => t.element === 'failure' || t.element === 'error'))
      this.#give(suite.own, suite.name === '' ? '(the suite itself)' : suite.name);
    else if (suite.claimed > 0 && suite.bad === 0 && suite.flaky === 0) {
      const message = `the file claims ${suite.claimed} failed or broken case(s) here, and lists none`;
      this.problems.push(suite.name === '' ? message : `${suite.name}: ${message}`);
      suite.own.tries.push({ element: 'error', message, type: 'incomplete', detail: '' });
      this.#give(
        suite.own,
        suite.name === '' ? '(failures not listed)' : `${suite.name} (failures not listed)`,
      );
    }
    const outer = this.#suites.at(-2);
    if (suite.tests > suite.cases && suite.own.tries.length === 0)
      this.problems.push(
        `${suite.name}: the file claims ${suite.tests} cases here, and lists ${suite.cases}`,
      );
    this.#suites.pop();
    if (outer === undefined) return;
    outer.cases += Math.max(suite.cases, suite.tests);
    outer.bad += suite.bad;
    outer.flaky += suite.flaky;
  }

  #give(open: OpenCase, name: string): void {
    const found = finish(
      open,
      clip(name, limits.name),
      this.#suites.map((s) => s.name).filter((n) => n !== ''),
    );
    const suite = this.#suites.at(-1);
    if (suite !== undefined) {
      suite.cases++;
      if (found.status === 'failed' || found.status === 'error') suite.bad++;
      if (found.flaky.length > 0) suite.flaky++;
    }
    this.#onCase(found);
  }
}

/** Words for "was not executed" in a `status` or `result` attribute. */
const notExecuted = /^(disabled|not[-_ ]?run|ignored|skipped|suppressed|pending)$/i;

function finish(open: OpenCase, name: string, suites: readonly string[]): JUnitCase {
  const { attributes } = open;
  const of = (...elements: readonly TryElement[]): JUnitTry[] =>
    open.tries.filter((t) => elements.includes(t.element)).map(tryOf);
  const first = [...of('error'), ...of('failure')];
  // Further failed tries without a first one are no known dialect; they do not make a pass.
  const main = first.length > 0 ? first : of('rerunError', 'rerunFailure');
  const failed = main[0];
  const passedLater =
    failed === undefined ? of('flakyFailure', 'flakyError', 'rerunFailure', 'rerunError') : [];
  const skipped =
    failed === undefined &&
    (open.skipped !== undefined ||
      notExecuted.test(attributes['status'] ?? '') ||
      notExecuted.test(attributes['result'] ?? ''));
  const message = failed === undefined ? open.skipped?.message : messageOfAll(main);
  const type = failed === undefined ? open.skipped?.type : failed.type;
  const detail = main
    .map((t) => t.detail ?? '')
    .filter((d) => d !== '')
    .join('\n\n');
  const ms = durationMs(attributes['time']);
  const line = /^\d{1,9}$/.test(attributes['line'] ?? '') ? Number(attributes['line']) : undefined;
  const text = (value: string | undefined): string | undefined =>
    value === undefined || value === '' ? undefined : clip(value, limits.name);
  return {
    name,
    ...present('classname', text(attributes['classname'])),
    ...present('file', text(attributes['file'])),
    ...present('line', line),
    suites,
    status:
      failed === undefined ? (skipped ? 'skipped' : 'passed') : failed.kind === 'error' ? 'error' : 'failed',
    ...present('ms', ms),
    ...present('message', message === '' ? undefined : message),
    ...present('type', type === '' ? undefined : type),
    ...present('detail', detail === '' ? undefined : clipMiddle(detail, limits.detail)),
    flaky: passedLater.slice(0, limits.tries),
    reruns:
      failed === undefined
        ? []
        : [
            ...main.slice(1),
            ...(first.length > 0 ? of('rerunFailure', 'rerunError', 'flakyFailure', 'flakyError') : []),
          ].slice(0, limits.tries),
    ...present('systemOut', open.out === '' ? undefined : open.out),
    ...present('systemErr', open.err === '' ? undefined : open.err),
    properties: open.properties,
  };
}

function present<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

/** Some runners put nothing, or a word that says nothing, into `message`, and the failure into the text. */
const saysNothing = /^(|failed|failure|error)$/i;

function tryOf(t: OpenCase['tries'][number]): JUnitTry {
  const message =
    saysNothing.test(t.message.trim()) && t.detail.trim() !== '' ? t.detail.trim() : t.message.trim();
  return {
    kind: t.element.endsWith('rror') ? 'error' : 'failure',
    ...present('message', message === '' ? undefined : clip(message, messageLimit)),
    ...present('type', t.type === '' ? undefined : t.type),
    ...present('detail', t.detail.trim() === '' ? undefined : t.detail),
  };
}

/** pytest and others give a case several failures, e.g. of the test and of its tear-down. */
function messageOfAll(tries: readonly JUnitTry[]): string {
  return clip(
    tries
      .map((t) => t.message ?? '')
      .filter((m) => m !== '')
      .join('\n'),
    messageLimit,
  );
}
