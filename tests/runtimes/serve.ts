/** A server for one page: gives it files of a folder and takes its report. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import type { OpenBrowser } from './browsers.ts';
import type { Report } from './report.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

/** How long a page may take, in seconds. */
const LIMIT = 360;

export interface Page {
  /** The folders that files are looked for in, the first first. */
  readonly folders: readonly string[];
  /** Pages by their names, before files. */
  readonly pages?: Readonly<Record<string, string>>;
  readonly policy?: string;
  /** Whether the page may share memory with its workers: COOP and COEP. */
  readonly isolated?: boolean;
  readonly backends: readonly string[];
}

/** Opens the page and waits for its report. @throws Error where it reports one, or nothing in time */
export async function reportOf(browser: OpenBrowser, page: Page): Promise<Report> {
  let take: (report: Report & { error?: string }) => void;
  const report = new Promise<Report & { error?: string }>((resolve) => (take = resolve));
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (request.method === 'POST') {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        response.writeHead(204).end();
        take(JSON.parse(body) as Report);
      });
      return;
    }
    const policy = {
      ...(page.policy !== undefined && { 'content-security-policy': page.policy }),
      ...(page.isolated && ISOLATED),
    };
    void fileOf(page, pathname === '/' ? '/index.html' : pathname).then((body) => {
      if (body !== undefined)
        return response.writeHead(200, { 'content-type': typeOf(pathname), ...policy }).end(body);
      if (pathname !== '/favicon.ico') take({ error: `${pathname} is missing` } as unknown as Report);
      return response.writeHead(404).end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the page reported nothing within ${LIMIT} s`)), LIMIT * 1000);
  });
  try {
    const { port } = server.address() as AddressInfo;
    await browser.open(`http://127.0.0.1:${port}/?backends=${page.backends.join()}`);
    const { error, ...rest } = await Promise.race([report, late]);
    if (error !== undefined) throw new Error(`the page says: ${error}`);
    return rest;
  } finally {
    clearTimeout(timer);
    server.closeAllConnections();
    server.close();
  }
}

function typeOf(pathname: string): string {
  return `${TYPES[extname(pathname) || '.html'] ?? 'application/octet-stream'}; charset=utf-8`;
}

async function fileOf({ folders, pages }: Page, pathname: string): Promise<string | Buffer | undefined> {
  if (pages && Object.hasOwn(pages, pathname)) return pages[pathname];
  for (const folder of folders) {
    const body = await readFile(join(folder, pathname)).catch(() => undefined);
    if (body !== undefined) return body;
  }
  return undefined;
}
