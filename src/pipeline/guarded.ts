import { messageOf } from '../model/errors.ts';
import type { EventBody } from '../model/events.ts';

/** Does what must never end a run: an error of it is said, and that is all. */
export async function guarded(
  what: string,
  emit: (event: EventBody) => void,
  body: () => Promise<void>,
): Promise<void> {
  try {
    await body();
  } catch (error) {
    emit({ type: 'notice', level: 'warning', text: `${what}: ${messageOf(error)}` });
  }
}
