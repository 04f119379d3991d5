/** One of the files with the digits, from the server that a page came from (page.ts). */
export async function fetchDigits(name: string): Promise<Uint8Array> {
  const response = await fetch(`mnist/${name}`);
  if (!response.ok) throw new Error(`${name}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}
