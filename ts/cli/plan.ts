/** `fewbits plan`: what a run needs of its links, its broker and its server. */
import { sizeOf, type PlanOptions } from '../mqtt/plan.ts';
import type { RunValues } from './run-options.ts';
import { integerOf, positiveOf, rateOf, required } from './usage.ts';

export async function plan(values: RunValues): Promise<void> {
  const optional = (name: 'bits-up' | 'bits-down' | 'compute' | 'decode'): number | undefined =>
    values[name] === undefined ? undefined : positiveOf(name, values[name]);
  const options: PlanOptions = {
    params: positiveOf('params', required(values.params, 'plan expected --params, 25.6e6 say')),
    workers: integerOf('workers', required(values.workers, 'plan expected --workers'), 1, 1e7),
    link: rateOf('link', required(values.link, 'plan expected --link, 50Mbps say')),
    bitsUp: optional('bits-up'),
    bitsDown: optional('bits-down'),
    compute: optional('compute'),
    decode: optional('decode'),
    serverLink:
      values['server-link'] === undefined ? undefined : rateOf('server-link', values['server-link']),
  };
  const sized = sizeOf(options);
  if (values.json) return console.log(JSON.stringify(sized, undefined, 2));
  const { seconds } = sized;
  const size = (bytes: number): string =>
    bytes < 1e6
      ? `${(bytes / 1e3).toFixed(1)} kB`
      : bytes < 1e9
        ? `${(bytes / 1e6).toFixed(2)} MB`
        : `${(bytes / 1e9).toFixed(2)} GB`;
  const time = (value: number): string =>
    value < 1 ? `${(value * 1e3).toFixed(1)} ms` : `${value.toFixed(2)} s`;
  const lines: [string, string][] = [
    ['a worker sends', `${size(sized.bytesUp)} a step`],
    ['a worker receives', `${size(sized.bytesDown)} a step, in ${sized.parts} MQTT messages both ways`],
    ['computing', time(seconds.compute)],
    ["a worker's link", time(seconds.workerLink)],
    ["broker and server's link", time(seconds.brokerLink)],
    ['decoding and adding', time(seconds.decode)],
    [
      'a step',
      `${time(seconds.step)}, where nothing overlaps: ${(1 / seconds.step).toPrecision(3)} a second`,
    ],
    [
      'through the broker',
      `${sized.messages.toPrecision(3)} messages a second, ${(sized.brokerBits / 1e6).toPrecision(3)} Mbit/s out`,
    ],
    ["the server's memory", size(sized.serverMemory)],
    [
      'servers',
      sized.shards === 1
        ? 'one is enough'
        : `${sized.shards} shards, so that they take no longer than a worker`,
    ],
  ];
  for (const [what, value] of lines) console.log(`${what.padEnd(26)}${value}`);
}
