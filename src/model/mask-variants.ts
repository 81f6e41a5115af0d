/**
 * The forms in which a secret shows up in logs and files: as it is, by the line, and as tools write it down in JSON,
 * XML, URLs, base64 and hex. Nothing here is lossy: a text that was cut within a secret is not found.
 */

/** What a text becomes on its way into one of ket's own sinks. */
export type Escape = (text: string) => string;

/** Fewer characters than this occur everywhere by chance. */
export const shortest = 4;

const characters = (text: string): number => Array.from(text).length;
const longEnough = (text: string): boolean => characters(text) >= shortest;

/** Whether a value can be masked at all. */
export function maskable(value: string): boolean {
  return longEnough(value.trim());
}

/** Every form of a value; none for one that is too short. */
export function variantsOf(value: string, escapes: readonly Escape[] = []): Set<string> {
  const found = new Set<string>();
  if (!maskable(value)) return found;
  const whole = value.toWellFormed();
  const trimmed = whole.trim();
  const lines = trimmed.split(/\r\n|\n|\r/).map((line) => line.trim());
  for (const text of [whole, trimmed, ...lines.filter(longEnough)])
    for (const form of textForms(text, escapes)) found.add(form);
  const unix = trimmed.replace(/\r\n?/g, '\n');
  for (const text of new Set([whole, trimmed, unix, unix.replaceAll('\n', '\r\n')])) {
    const bytes = Buffer.from(text, 'utf8');
    const hex = bytes.toString('hex');
    for (const form of [hex, hex.toUpperCase(), ...base64Forms(bytes)]) found.add(form);
  }
  for (const form of found) if (form.length < shortest) found.delete(form);
  return found;
}

function textForms(text: string, escapes: readonly Escape[]): string[] {
  const json = jsonForms(text);
  const once = json[0] ?? text;
  const shown = [text, once].flatMap((form) => [
    ...xmlForms(form),
    ...escapes.flatMap((escape) => escaped(form, escape)),
  ]);
  // JSON within JSON: a log line of a program, as a message in events.ndjson.
  return [text, ...json, ...json.flatMap(jsonForms), ...urlForms(text), ...shown];
}

/** As it is escaped at the beginning of a text and in the midst of one: some escapes tell these apart. */
function escaped(text: string, escape: Escape): string[] {
  const around = escape(`x${text}x`);
  return [escape(text), around.slice(around.indexOf('x') + 1, around.lastIndexOf('x'))];
}

const unicode = (char: string, upper: boolean): string => {
  const code = char.charCodeAt(0).toString(16).padStart(4, '0');
  return `\\u${upper ? code.toUpperCase() : code}`;
};

/** As the JSON writers of JavaScript, Python, Go, PHP and .NET do; the first is JavaScript's. */
function jsonForms(text: string): string[] {
  const plain = JSON.stringify(text).slice(1, -1);
  // eslint-disable-next-line no-control-regex -- everything that is not ASCII
  const ascii = (upper: boolean): string => plain.replace(/[^\u0000-\u007f]/g, (c) => unicode(c, upper));
  return [
    plain,
    ascii(false),
    ascii(true),
    plain.replace(/[<>&\u2028\u2029]/g, (c) => unicode(c, false)),
    plain.replaceAll('/', '\\/'),
    ascii(false).replaceAll('/', '\\/'),
    ascii(true)
      .replaceAll('\\"', unicode('"', true))
      .replace(/[<>&'+`]/g, (c) => unicode(c, true)),
  ];
}

/** Writers agree about `&`, `<` and `>`, and differ about quotes. */
function xmlForms(text: string): string[] {
  const base = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const double = base.replaceAll('"', '&quot;');
  return [
    base,
    double,
    ...['&apos;', '&#39;', '&#x27;'].map((quote) => double.replaceAll("'", quote)),
    base.replaceAll('"', '&#34;').replaceAll("'", '&#39;'),
  ];
}

/** What each kind of percent-encoding leaves as it is, besides letters, digits, `-`, `.` and `_`. */
const leftAsItIs = ["!~*'()", '~', '*', '~/', '~$&+,;=', '~$&+:=@', ";,/?:@&=+$!~*'()#", "!$%&'()*+,~"];

function urlForms(text: string): string[] {
  const bytes = Array.from(Buffer.from(text, 'utf8'));
  return leftAsItIs.flatMap((kept) => {
    const percent = (upper: boolean, space: string): string =>
      bytes
        .map((byte) => {
          const char = String.fromCharCode(byte);
          if (byte === 0x20) return space;
          if (/[A-Za-z0-9._-]/.test(char) || kept.includes(char)) return char;
          const hex = byte.toString(16).padStart(2, '0');
          return `%${upper ? hex.toUpperCase() : hex}`;
        })
        .join('');
    return [percent(true, '%20'), percent(false, '%20'), percent(true, '+'), percent(false, '+')];
  });
}

/** Columns at which tools break base64. */
const wraps = [76, 64];

/**
 * A value within something that is encoded begins at one of three places of a group, so its characters differ; those
 * that hold bits of a neighbour too (at most one at each end) are not known and not looked for.
 */
function base64Forms(bytes: Buffer): string[] {
  const forms = [0, 1, 2].flatMap((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    const from = Math.ceil((shift * 8) / 6);
    const core = text.slice(from, Math.floor(((shift + bytes.length) * 8) / 6));
    return [core, text.slice(from), text.slice(from).replaceAll('=', '')];
  });
  const alone = forms[0] ?? '';
  for (const width of wraps)
    for (let at = 0; alone.length > width && at < alone.length; at += width)
      forms.push(alone.slice(at, at + width));
  return forms.flatMap((form) => [
    form,
    form.replaceAll('+', '-').replaceAll('/', '_'),
    form.replaceAll('/', '\\/'),
    ...['%2B %2F %3D', '%2b %2f %3d'].map((codes) => {
      const [plus = '', slash = '', pad = ''] = codes.split(' ');
      return form.replaceAll('+', plus).replaceAll('/', slash).replaceAll('=', pad);
    }),
  ]);
}
