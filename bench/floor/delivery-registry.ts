import crypto from 'node:crypto';
import { bash } from './bash.ts';

/**
 * The least conceivable work by a registry for an image that nodes lack: one is started in the network of the nodes, one
 * `docker push`, and the nodes pull at once. Nothing is looked at before, nothing is proved afterwards; the registry is
 * removed when the time has been taken. The push is tried until the registry is up. `fullName` is the one by which nodes are to have it.
 */
export async function registryFloor(
  { image, fullName, registry }: { image: string; fullName: string; registry: string },
  nodes: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const name = `bench-floor-${crypto.randomBytes(4).toString('hex')}`;
  const script = `set -eo pipefail
docker run --detach --name ${name} --network kind --publish 127.0.0.1::5000 --env REGISTRY_HTTP_ADDR=:5000 ${registry} >&2
port=$(docker port ${name} 5000/tcp)
there=$(docker container inspect --format '{{.NetworkSettings.Networks.kind.IPAddress}}' ${name}):5000/bench
docker tag ${image} "$port/bench"
tries=0
until docker push --quiet "$port/bench" >&2; do
  tries=$((tries + 1))
  test $tries -lt 50
  sleep 0.1
done
for node in ${nodes.join(' ')}; do
  docker exec $node sh -c "ctr --namespace=k8s.io images pull --plain-http $there:latest >/dev/null &&
    ctr --namespace=k8s.io images tag $there:latest ${fullName} >/dev/null" &
  pulls="$pulls $!"
done
for pull in $pulls; do wait $pull; done`;
  try {
    return await bash(script, signal);
  } finally {
    await bash(
      `docker rmi --no-prune "$(docker port ${name} 5000/tcp)/bench"; docker rm --force --volumes ${name}`,
      AbortSignal.timeout(30_000),
    );
  }
}
