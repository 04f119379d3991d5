/**
 * What a consumer (consumer/golden.mjs) reports of the package in its runtime or bundler, and what is expected of it.
 */
import { goldens } from '../support/golden.ts';

export interface Report {
  /** What `openDevice()` takes there. */
  readonly auto: string;
  /** Why it takes nothing better. */
  readonly reasons: Readonly<Record<string, string>>;
  readonly checked: readonly {
    readonly backend: string;
    readonly detail: string;
    readonly packets: number;
  }[];
  /** What runs under the wasm backend where it is asked for two threads; undefined where it was not. */
  readonly threads?: string;
  /** `a worker` where one made a packet and handed it over; undefined where it was not asked to. */
  readonly inWorker?: string;
  /** What the README's program printed. */
  readonly readme?: string;
}

const PACKETS = goldens.length;

/**
 * A line on what a consumer did. `backends` is what it was told: `webgpu/8` stands for every eighth packet.
 * @throws Error where it checked other backends or fewer packets, or the README's program did not print what it should
 */
export function summary(
  report: Report,
  backends: readonly string[],
  readme: string | undefined = report.readme,
): string {
  const parts = backends.map((wanted, i) => {
    const [name, share = 1] = wanted.split('/');
    const packets = Math.ceil(PACKETS / Number(share));
    const checked = report.checked[i] ?? {};
    if (checked.backend !== name || checked.packets !== packets)
      throw new Error(`expected ${packets} packets on ${name}, checked ${JSON.stringify(checked)}`);
    const under = name === 'js' ? '' : ` (${checked.detail})`;
    return `${name}${under} ${packets}`;
  });
  // the device in use, then the inspection
  if (!/^"?(webgpu|wasm|js)\b[^]*compressor"?: ?['"]topK['"]/.test(readme ?? ''))
    throw new Error(`the README's program printed ${JSON.stringify(readme)}`);
  const threads = /\b2 threads$/.test(report.threads ?? '') ? '; 2 threads' : '';
  if (report.threads !== undefined && threads === '' && !/one thread: ./.test(report.threads))
    throw new Error(`of two threads, the device says ${JSON.stringify(report.threads)}`);
  if (backends.includes('wasm') && report.inWorker === undefined)
    throw new Error('no worker has made a packet');
  const worker = report.inWorker === 'a worker' ? '; in a worker' : '';
  return `${parts.join(', ')} packets${threads}${worker}; README on ${report.auto}`;
}
