/** Which JavaScript runtime this is: most of them also say that they are Node. */

interface Globals {
  readonly navigator?: { readonly userAgent?: string };
  readonly process?: { readonly versions?: Readonly<Record<string, string | undefined>> };
}

/** The runtime's name and version; both empty in browsers and wherever else nothing is said. */
export function runtime(): { readonly name: string; readonly version: string } {
  const { navigator, process } = globalThis as Globals;
  if (navigator?.userAgent === 'Cloudflare-Workers') return { name: 'workerd', version: '' };
  const { bun, deno, node } = process?.versions ?? {};
  if (bun !== undefined) return { name: 'Bun', version: bun };
  if (deno !== undefined) return { name: 'Deno', version: deno };
  return node === undefined ? { name: '', version: '' } : { name: 'Node', version: node };
}
