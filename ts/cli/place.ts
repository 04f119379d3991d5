/** The runtime and the platform that the command, or the page which uses its parts, runs on: for reports. */
import { runtime } from '../runtime.ts';

interface Globals {
  readonly process?: { readonly platform?: string; readonly arch?: string };
  readonly navigator?: { readonly userAgent?: string };
}

/** The runtime and the machine, for people; in a page what the browser calls itself, and nothing of the machine. */
export function place(): { readonly runtime: string; readonly platform: string } {
  const { process, navigator } = globalThis as Globals;
  const { name, version } = runtime();
  if (name === '') return { runtime: navigator?.userAgent ?? 'an unknown runtime', platform: '' };
  return { runtime: `${name} ${version}`.trim(), platform: `${process?.platform} ${process?.arch}` };
}
