/** Firefox, over WebDriver BiDi. */
import { existsSync } from 'node:fs';
import puppeteer, { type Browser } from 'puppeteer-core';
import type { SoftwareGpu } from '../support/software-gpu.ts';
import { Cannot } from './check.ts';

/** Where it lies: FIREFOX, or where Debian, Ubuntu, macOS and Windows have it. */
function findFirefox(): string | undefined {
  const places = [
    process.env.FIREFOX ?? '',
    '/usr/bin/firefox-esr',
    '/usr/bin/firefox',
    '/Applications/Firefox.app/Contents/MacOS/firefox',
    'C:\\Program Files\\Mozilla Firefox\\firefox.exe',
  ];
  return places.find((path) => path !== '' && existsSync(path));
}

/** Firefox as it comes or, given a GPU, with WebGPU switched on, which finds the software GPU where its build can. */
export function launchFirefox(gpu?: SoftwareGpu): Promise<Browser> {
  const executablePath = findFirefox();
  if (executablePath === undefined)
    throw new Cannot('Firefox is not installed (apt-get install firefox-esr, or set FIREFOX to its path)');
  const preferences = { 'dom.webgpu.enabled': true, 'gfx.webgpu.ignore-blocklist': true };
  return puppeteer.launch({
    browser: 'firefox',
    executablePath,
    headless: true,
    env: { ...process.env, ...gpu?.env },
    extraPrefsFirefox: gpu === undefined ? {} : preferences,
  });
}

/** Its name and version. */
export const nameOf = async (firefox: Browser): Promise<string> =>
  (await firefox.version()).replace('firefox/', 'Firefox ');
