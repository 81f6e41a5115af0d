import type { TaskContext } from '../model/task.ts';
import type { BuiltImage } from './build.ts';
import type { Delivery } from './deliver.ts';

/** Tells of an image that went to nodes; of one that all of them had, nothing. */
export function tellDelivered(
  context: Pick<TaskContext, 'emit'>,
  task: string,
  { name, bytes }: Pick<BuiltImage, 'name' | 'bytes'>,
  delivery: Delivery,
  shown = name,
): void {
  const stream = delivery.streams.find(({ images }) => images.includes(name));
  if (stream === undefined) return;
  context.emit({
    type: 'delivered',
    task,
    image: shown,
    bytes,
    streamBytes: stream.bytes,
    streamMs: Math.round(stream.ms),
    together: stream.images.length,
    nodes: stream.nodes,
    ...(stream.way === 'stream' ? {} : { way: stream.way }),
  });
}
