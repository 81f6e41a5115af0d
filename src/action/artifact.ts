import { randomBytes } from 'node:crypto';
import { messageOf } from '../model/errors.ts';
import { actArtifactShim } from './act-artifacts.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface ArtifactOptions {
  /** What the artifact's name begins with; the run's id follows. */
  readonly prefix: string;
  readonly runId: string;
  /** The folder that makeUploadFolder made, and the files in it. */
  readonly root: string;
  readonly files: readonly string[];
  /** The run's folder as people should read it: where the results are if they cannot be uploaded. */
  readonly shownAs: string;
  /** Absent: as long as the repository keeps artifacts. */
  readonly retentionDays?: number;
  /** The environment of this process: the client reads no other. */
  readonly env: Record<string, string | undefined>;
  readonly limitMs?: number;
}

export interface Uploaded {
  readonly name: string;
  readonly id: number;
  /** The page where people download it. */
  readonly url: string;
  readonly bytes: number;
  /** SHA-256 of the zip file. */
  readonly digest?: string;
}

export interface ArtifactEnd {
  /** Absent when nothing was uploaded; then a notice says why. */
  readonly uploaded?: Uploaded;
  readonly notices: readonly string[];
  /**
   * The client may still be at work: nothing stops it, and it throws out of reach when a file is gone that it reads.
   * So remove the copy as the last thing before `process.exit`, which ends the client too.
   */
  readonly unfinished: boolean;
}

export const artifactLimitMs = 10 * 60_000;

/** A name that the server takes. */
export function artifactName(prefix: string, runId: string): string {
  // eslint-disable-next-line no-control-regex -- they have no place in a name
  const safe = (text: string): string => text.replace(/[":<>|*?\\/\u0000-\u001f\u007f]/g, '-').trim();
  // What names the run stays whole.
  return `${safe(prefix).slice(0, 200) || 'ket'}-${safe(runId)}`;
}

/** Days to ask for, with a notice where the repository allows fewer. */
export function retentionOf(asked: number | undefined, env: Env): { days?: number; notice?: string } {
  if (asked === undefined) return {};
  const most = Number.parseInt(env['GITHUB_RETENTION_DAYS'] ?? '', 10);
  if (!(most > 0) || asked <= most) return { days: asked };
  return {
    days: most,
    notice: `the artifact is kept for ${most} days, not ${asked}: the repository allows no more`,
  };
}

/** Why there is nobody to upload to; the client is not even loaded then, which takes 100 MB of memory. */
export function noArtifactService(env: Env): string | undefined {
  for (const name of ['ACTIONS_RUNTIME_TOKEN', 'ACTIONS_RESULTS_URL'])
    if ((env[name] ?? '') === '') return `this runner offers no artifact service (${name} is not set)`;
  const server = env['GITHUB_SERVER_URL'] ?? 'https://github.com';
  const host = URL.parse(server)?.hostname.toLowerCase() ?? server;
  return host === 'github.com' || host.endsWith('.ghe.com') || host.endsWith('.localhost')
    ? undefined
    : `${host} has no artifact service of the kind that is needed`;
}

/**
 * Uploads the copy of a run's folder as one artifact. It never fails: where it cannot, the folder stays and one notice
 * says so. The client prints workflow commands (masks of signed URLs): call it where commands are heeded.
 */
export async function uploadArtifact(options: ArtifactOptions): Promise<ArtifactEnd> {
  const { env } = options;
  const retention = retentionOf(options.retentionDays, env);
  const said = retention.notice === undefined ? [] : [retention.notice];
  const stays = (why: string, unfinished: boolean): ArtifactEnd => ({
    notices: [`the results were not uploaded: ${why}; they are in ${options.shownAs}`],
    unfinished,
  });
  const missing = noArtifactService(env);
  if (missing !== undefined) return stays(missing, false);
  const limitMs = options.limitMs ?? artifactLimitMs;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const seconds = Math.ceil(limitMs / 1000);
    timer = setTimeout(() => {
      reject(new Error(`the server did not take them within ${seconds} s`));
    }, limitMs);
  });
  const crash = crashOfClient();
  const upload = viaShim(env, () => uploadOnce(options, retention.days));
  // It may fail when nobody waits for it any more.
  upload.catch(() => undefined);
  try {
    const uploaded = await Promise.race([upload, late, crash.happened]);
    crash.release();
    return { uploaded, notices: said, unfinished: false };
  } catch (error) {
    return stays(reasonOf(error), true);
  } finally {
    clearTimeout(timer);
  }
}

/** The client throws some errors from within streams, where nobody can catch them; they are no end of ket. */
function crashOfClient(): { readonly happened: Promise<never>; release(): void } {
  let onCrash: ((error: unknown) => void) | undefined;
  const happened = new Promise<never>((_, reject) => {
    onCrash = reject;
    process.on('uncaughtException', reject);
  });
  happened.catch(() => undefined);
  return {
    happened,
    release() {
      if (onCrash !== undefined) process.off('uncaughtException', onCrash);
    },
  };
}

/** The first line of what the client says; its texts go on for paragraphs. */
function reasonOf(error: unknown): string {
  const line =
    messageOf(error)
      .split('\n')
      .find((text) => text.trim() !== '') ?? 'the client does not say why';
  return line.trim().slice(0, 300).replace(/\.$/, '');
}

/** Under act, through the shim, which lives as long as the upload. */
async function viaShim<T>(env: ArtifactOptions['env'], upload: () => Promise<T>): Promise<T> {
  const target = env['ACTIONS_RESULTS_URL'];
  if (env['ACT'] !== 'true' || target === undefined) return upload();
  const shim = await actArtifactShim(target);
  env['ACTIONS_RESULTS_URL'] = shim.url;
  try {
    return await upload();
  } finally {
    env['ACTIONS_RESULTS_URL'] = target;
    await shim.close();
  }
}

async function uploadOnce(options: ArtifactOptions, retentionDays: number | undefined): Promise<Uploaded> {
  const { DefaultArtifactClient } = await import('@actions/artifact');
  const client = new DefaultArtifactClient();
  const send = async (name: string): Promise<Uploaded> => {
    const { id, size, digest } = await client.uploadArtifact(name, [...options.files], options.root, {
      ...(retentionDays === undefined ? {} : { retentionDays }),
    });
    if (id === undefined) throw new Error('the server gave it no id');
    return {
      name,
      id,
      url: urlOf(id, options.env),
      bytes: size ?? 0,
      ...(digest === undefined ? {} : { digest }),
    };
  };
  const name = artifactName(options.prefix, options.runId);
  try {
    return await send(name);
  } catch (error) {
    if (!messageOf(error).includes('(409)')) throw error;
    // Another job has an artifact of this name; it is not ours to overwrite.
    return send(`${name}-${randomBytes(2).toString('hex')}`);
  }
}

function urlOf(id: number, env: Env): string {
  const server = (env['GITHUB_SERVER_URL'] ?? 'https://github.com').replace(/\/+$/, '');
  return `${server}/${env['GITHUB_REPOSITORY'] ?? ''}/actions/runs/${env['GITHUB_RUN_ID'] ?? ''}/artifacts/${id}`;
}
