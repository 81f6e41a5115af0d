import { describe, expect, test } from '@jest/globals';
import { chooseVersions, type AskedVersions, type ChosenVersions } from '../../src/tools/choose.ts';
import { kubernetesOf } from '../../src/tools/table.ts';
import { versions } from '../../src/tools/versions.ts';

/** Choices over the real table are checked by what they name; each image must be the listed one. */
const chosen = (asked: AskedVersions): string => {
  const { kind, nodeImage, kubernetes, kubectl, helm } = chooseVersions(asked);
  expect(kubernetes).toBe(kubernetesOf(nodeImage));
  return `${kind} ${kubernetes ?? '-'} ${kubectl ?? '-'} ${helm}`;
};

describe('what is chosen', () => {
  test.each<[string, AskedVersions, string]>([
    ['nothing is asked', {}, 'v0.30.0 v1.34.0 v1.34.4 v4.2.4'],
    ['a kind: its own default image', { kind: 'v0.31.0' }, 'v0.31.0 v1.35.0 v1.35.3 v4.2.4'],
    ['a minor version that the default kind has', { kubernetes: 'v1.33' }, 'v0.30.0 v1.33.4 v1.33.8 v4.2.4'],
    ['one that only newer kinds have', { kubernetes: '1.35' }, 'v0.32.0 v1.35.5 v1.35.3 v4.2.4'],
    ['one that only an older kind has', { kubernetes: '1.29' }, 'v0.27.0 v1.29.14 v1.29.3 v4.2.4'],
    ['a full version', { kubernetes: 'v1.35.0' }, 'v0.31.0 v1.35.0 v1.35.3 v4.2.4'],
    ['both', { kind: 'v0.31.0', kubernetes: 'v1.34' }, 'v0.31.0 v1.34.3 v1.34.4 v4.2.4'],
    ['a Helm that is not listed', { helm: 'v4.3.1' }, 'v0.30.0 v1.34.0 v1.34.4 v4.3.1'],
  ])('%s', (_what, asked, expected) => expect(chosen(asked)).toBe(expected));

  test('an image comes with its digest', () =>
    expect(chooseVersions({ kind: 'v0.30.0' }).nodeImage).toBe(
      'kindest/node:v1.34.0@sha256:7416a61b42b1662ca6ca89f02028ac133a309a2a30ba309614e8ec94d976dc5a',
    ));
});

describe('what is refused', () => {
  test.each<[string, AskedVersions, string, string]>([
    ['an unlisted kind', { kind: 'v0.33.0' }, 'kind v0.33.0 is not in', 'v0.32.0'],
    ['another patch version', { kind: 'v0.30.1' }, '(did you mean v0.30.0?)', 'listed: v0.32.0'],
    [
      'a pair of a kind and a minor version that another kind has',
      { kind: 'v0.30.0', kubernetes: 'v1.35' },
      'kind v0.30.0 has no listed node image of Kubernetes v1.35; kind v0.32.0 and v0.31.0 have it',
      'listed: v1.34.0, v1.33.4',
    ],
    [
      'a patch version that is not listed',
      { kind: 'v0.30.0', kubernetes: 'v1.34.9' },
      '(did you mean v1.34.0?)',
      'listed: v1.34.0',
    ],
    ['a version that no kind has', { kubernetes: 'v1.40' }, 'Kubernetes v1.40 is not in', 'listed: v1.36.1'],
  ])('%s', (_what, asked, message, detail) => {
    const error = failure(asked);
    expect(error).toMatchObject({ code: 'KET_CONFIG' });
    expect(error.message).toContain(message);
    expect(error.details.join()).toContain(detail);
    expect(error.next).toContain('allowUnlisted');
  });

  test('an image and a version that contradict each other', () =>
    expect(failure({ kubernetes: '1.33', nodeImage: 'a/node:v1.34.0' }).message).toBe(
      'Kubernetes 1.33 is asked for, and the node image is of v1.34.0',
    ));
});

describe('what is allowed explicitly', () => {
  test.each<[string, AskedVersions, Partial<ChosenVersions>, string | undefined]>([
    [
      'a named image, whatever the kind',
      { kind: 'v0.33.0', nodeImage: 'a/node:v1.34.0' },
      { kind: 'v0.33.0', nodeImage: 'a/node:v1.34.0', kubernetes: 'v1.34.0' },
      undefined,
    ],
    [
      'a named image with the version it has',
      { nodeImage: 'a/node:v1.34.0', kubernetes: 'v1.34' },
      { kind: 'v0.30.0', nodeImage: 'a/node:v1.34.0' },
      undefined,
    ],
    [
      'an unlisted kind',
      { kind: 'v0.33.0', allowUnlisted: true },
      { kind: 'v0.33.0' },
      'it can only come from PATH',
    ],
    [
      'an unlisted full version',
      { kind: 'v0.30.0', kubernetes: 'v1.34.9', allowUnlisted: true },
      { kind: 'v0.30.0', nodeImage: 'kindest/node:v1.34.9' },
      'without a digest',
    ],
    [
      'a version that no kind has',
      { kubernetes: 'v1.40.0', allowUnlisted: true },
      { kind: 'v0.30.0', nodeImage: 'kindest/node:v1.40.0' },
      'without a digest',
    ],
  ])('%s', (_what, asked, expected, notice) => {
    const choice = chooseVersions(asked);
    expect(choice).toMatchObject(expected);
    if (notice === undefined) expect(choice.notices).toEqual([]);
    else expect(choice.notices.join()).toContain(notice);
  });

  test('what is listed is taken as listed all the same', () =>
    expect(chooseVersions({ kubernetes: '1.33', allowUnlisted: true })).toEqual(
      chooseVersions({ kubernetes: '1.33' }),
    ));

  test('a minor version that no list has names no image', () =>
    expect(failure({ kubernetes: 'v1.40', allowUnlisted: true }).next).toContain('v1.40.0'));
});

test('every image can be chosen by its kind and version', () => {
  for (const { version: kind, images } of versions.kind)
    for (const { kubernetes, image } of images)
      expect(chooseVersions({ kind, kubernetes }).nodeImage).toBe(image);
});

function failure(asked: AskedVersions): { message: string; details: string[]; next: string } {
  try {
    chooseVersions(asked);
  } catch (error) {
    return error as ReturnType<typeof failure>;
  }
  throw new Error('nothing was refused');
}
