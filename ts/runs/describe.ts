/** What a run is, for who wants to join it and has only its name. */
import { PacketError } from '../errors.ts';
import { wallClock, type OpenLink } from './link.ts';
import { drawToken } from './post.ts';
import { openLink } from './retained.ts';
import { unpackJson } from './wire/json.ts';
import type { Description } from './description.ts';
import { topicsOf } from './topics.ts';

/**
 * Waits for a run's server, and says what the run is.
 * @throws LinkError where the transport refuses the connection or the subscription
 * @throws Error where no server has said so within `timeout` milliseconds (60,000 if left out), or the transport cannot
 * be reached
 */
export async function describeRun(
  broker: OpenLink,
  run: string,
  { prefix, timeout = 60_000 }: { readonly prefix?: string; readonly timeout?: number } = {},
): Promise<Description> {
  const topics = topicsOf(run, prefix);
  // a will of a name that nobody has, since this connection only looks
  const link = await openLink(broker, topics.here(`looking-${drawToken()}`), wallClock);
  try {
    return await new Promise<Description>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no server of the run ${run} within ${timeout / 1000} s`)),
        timeout,
      );
      link.listen({
        message(_, payload) {
          if (payload.length === 0) return;
          try {
            const description = unpackJson<Description>(payload);
            if (description.format !== 1) throw new PacketError('a description of another format', 0);
            clearTimeout(timer);
            resolve(description as Description);
          } catch (error) {
            clearTimeout(timer);
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        },
        up() {},
        failed(error) {
          clearTimeout(timer);
          reject(error);
        },
      });
      link.subscribe([topics.server]).catch((error: unknown) => {
        clearTimeout(timer);
        reject(error instanceof Error ? error : new Error(String(error)));
      });
    });
  } finally {
    await link.close();
  }
}
