import { closest } from 'fastest-levenshtein';
import { KetError } from '../model/errors.ts';
import {
  compareVersions,
  kubernetesOf,
  minorOf,
  type KindRelease,
  type NodeImage,
  type VersionTable,
} from './table.ts';
import { versions } from './versions.ts';

/** What is asked for; what is absent is chosen from the table. */
export interface AskedVersions {
  /** With the leading v, as all versions here. */
  readonly kind?: string | undefined;
  /** A minor version or a full one. */
  readonly kubernetes?: string | undefined;
  /** An image that somebody named counts as an explicit permission, whatever the table says. */
  readonly nodeImage?: string | undefined;
  /** Images that go before the table's, each for the version that its tag names; the first that fits. */
  readonly nodeImages?: readonly string[] | undefined;
  readonly helm?: string | undefined;
  readonly allowUnlisted?: boolean | undefined;
}

export interface ChosenVersions {
  readonly kind: string;
  /** Undefined: kind's own default, which only an unlisted kind gets. */
  readonly nodeImage?: string;
  /** As far as the image tells it. */
  readonly kubernetes?: string;
  /** The newest listed one of the same minor version. */
  readonly kubectl?: string;
  /** An unlisted one can only come from PATH. */
  readonly helm: string;
  /** What the user should know of the choice. */
  readonly notices: readonly string[];
}

/** The versions that a run uses, or a KetError that says what there is. Nothing that was asked for is swapped. */
export function chooseVersions(asked: AskedVersions, table: VersionTable = versions): ChosenVersions {
  const nodeImage = asked.nodeImage ?? ownImage(asked, table);
  const pair = nodeImage === undefined ? chooseListed(asked, table) : explicitImage(asked, nodeImage, table);
  const kubernetes = kubernetesOf(pair.nodeImage);
  const kubectl =
    kubernetes === undefined
      ? undefined
      : table.kubectl.find(({ version }) => minorOf(version) === minorOf(kubernetes))?.version;
  return {
    kind: pair.kind,
    ...(pair.nodeImage === undefined ? {} : { nodeImage: pair.nodeImage }),
    ...(kubernetes === undefined ? {} : { kubernetes }),
    ...(kubectl === undefined ? {} : { kubectl }),
    helm: asked.helm ?? table.defaults.helm,
    notices: pair.notices,
  };
}

interface Pair {
  readonly kind: string;
  readonly nodeImage?: string;
  readonly notices: readonly string[];
}

/** Of the machine's own images that of the version asked for; a kind that is asked for alone brings its own version. */
function ownImage(
  { kind, kubernetes, nodeImages = [] }: AskedVersions,
  table: VersionTable,
): string | undefined {
  const wanted = kubernetes ?? (kind === undefined ? table.defaults.kubernetes : undefined);
  if (wanted === undefined) return undefined;
  return nodeImages.find((image) => {
    const version = kubernetesOf(image);
    return version !== undefined && fits(version, wanted);
  });
}

function explicitImage(asked: AskedVersions, nodeImage: string, table: VersionTable): Pair {
  const { kubernetes } = asked;
  const own = kubernetesOf(nodeImage);
  if (kubernetes !== undefined && own !== undefined && !fits(own, kubernetes))
    throw new KetError(
      'KET_CONFIG',
      `Kubernetes ${kubernetes} is asked for, and the node image is of ${own}`,
      {
        where: nodeImage,
        next: 'ask for one of them only',
      },
    );
  return { kind: asked.kind ?? table.defaults.kind, nodeImage, notices: [] };
}

function chooseListed(asked: AskedVersions, table: VersionTable): Pair {
  const { kind, kubernetes } = asked;
  if (kind === undefined) return byKubernetes(kubernetes ?? table.defaults.kubernetes, asked, table);
  const release = table.kind.find(({ version }) => version === kind);
  if (release === undefined) return unlistedKind(kind, asked, table);
  const image = kubernetes === undefined ? release.images[0] : imageOf(release, kubernetes);
  if (image !== undefined) return { kind, nodeImage: image.image, notices: [] };
  return unlistedKubernetes(release, kubernetes ?? '', asked, table);
}

/** No kind is asked for: the default release if it has an image of that version, else the newest that has. */
function byKubernetes(kubernetes: string, asked: AskedVersions, table: VersionTable): Pair {
  const standard = table.kind.find(({ version }) => version === table.defaults.kind);
  for (const release of [...(standard === undefined ? [] : [standard]), ...table.kind]) {
    const image = imageOf(release, kubernetes);
    if (image !== undefined) return { kind: release.version, nodeImage: image.image, notices: [] };
  }
  const [newest] = table.kind;
  if (newest === undefined) throw new Error('the version table lists no kind');
  if (asked.allowUnlisted === true) return unlistedKubernetes(standard ?? newest, kubernetes, asked, table);
  const all = [...new Set(table.kind.flatMap(({ images }) => images.map((image) => image.kubernetes)))];
  throw notListed(
    `Kubernetes ${kubernetes} is not in ket's version table`,
    kubernetes,
    all.sort(newestFirst),
  );
}

function unlistedKind(kind: string, asked: AskedVersions, table: VersionTable): Pair {
  const listed = table.kind.map(({ version }) => version);
  if (asked.allowUnlisted !== true)
    throw notListed(`kind ${kind} is not in ket's version table`, kind, listed);
  const notices = [`kind ${kind} is not in ket's version table: it can only come from PATH`];
  if (asked.kubernetes === undefined)
    return { kind, notices: [...notices, `kind ${kind} chooses the node image itself`] };
  const image = unpinnedImage(asked.kubernetes);
  return { kind, nodeImage: image, notices: [...notices, unpinned(image)] };
}

function unlistedKubernetes(
  release: KindRelease,
  kubernetes: string,
  asked: AskedVersions,
  table: VersionTable,
): Pair {
  const kind = release.version;
  if (asked.allowUnlisted === true) {
    const image = unpinnedImage(kubernetes);
    return { kind, nodeImage: image, notices: [unpinned(image)] };
  }
  const others = table.kind.filter((other) => imageOf(other, kubernetes) !== undefined);
  const have = release.images.map((image) => image.kubernetes);
  const also =
    others.length === 0
      ? ''
      : `; kind ${others.map(({ version }) => version).join(' and ')} ${others.length === 1 ? 'has' : 'have'} it`;
  throw notListed(
    `kind ${kind} has no listed node image of Kubernetes ${kubernetes}${also}`,
    kubernetes,
    have,
  );
}

/** The newest image of a minor version, or exactly the one of a full version. */
function imageOf(release: KindRelease, kubernetes: string): NodeImage | undefined {
  return release.images.find((image) => fits(image.kubernetes, kubernetes));
}

/** Whether a full version is what was asked for, which may be a minor one. */
function fits(version: string, asked: string): boolean {
  const full = /^v?\d+\.\d+\.\d+/.test(asked);
  return full ? compareVersions(version, asked) === 0 : minorOf(version) === minorOf(asked);
}

function unpinnedImage(kubernetes: string): string {
  if (/^v?\d+\.\d+\.\d+/.test(kubernetes)) return `kindest/node:v${kubernetes.replace(/^v/, '')}`;
  throw new KetError(
    'KET_CONFIG',
    `Kubernetes ${kubernetes} is not in ket's version table, and names no image without its patch number`,
    {
      next: `write the full version, e.g. ${kubernetes}.0; or name the image: nodeImage in ket.yaml, --node-image or KET_NODE_IMAGE`,
    },
  );
}

const unpinned = (image: string): string =>
  `${image} is not in ket's version table: it is used as its tag says, without a digest`;

const newestFirst = (a: string, b: string): number => compareVersions(b, a);

function notListed(what: string, asked: string, listed: readonly string[]): KetError {
  const [first] = listed;
  const near = first === undefined ? undefined : nearest(asked, listed);
  return new KetError('KET_CONFIG', `${what}${near === undefined ? '' : ` (did you mean ${near}?)`}`, {
    details: [`listed: ${listed.join(', ')}`],
    next:
      'ask for a listed version; or name the node image itself (nodeImage in ket.yaml, --node-image or ' +
      'KET_NODE_IMAGE); or allow what is not listed with "tools: {allowUnlisted: true}" in ket.yaml',
  });
}

/** A version of the same minor is what was meant, whatever its spelling; else the one that is spelled most alike. */
function nearest(asked: string, listed: readonly string[]): string {
  return listed.find((version) => minorOf(version) === minorOf(asked)) ?? closest(asked, [...listed]);
}
