/** `fewbits plan`: what a run needs of its links, its broker and its server. */
import { sizeOf, type Plan, type PlanOptions } from '../../mqtt/plan.ts';
import { command, type Command, type ValuesOf } from '../command.ts';
import { JSON_REPORT } from '../options.ts';
import { integerOf, positiveOf, rateOf, required, UsageError } from '../usage.ts';

const OPTIONS = {
  workers: { type: 'string', value: 'N', about: 'workers of the run; required' },
  params: { type: 'string', value: 'N', about: 'elements of the model; required' },
  link: { type: 'string', value: 'RATE', about: 'of each worker, such as 50Mbps; required' },
  'bits-up': { type: 'string', value: 'B', about: 'bits an element from a worker (1)' },
  'bits-down': { type: 'string', value: 'B', about: 'bits an element to a worker (1)' },
  compute: { type: 'string', value: 'SECONDS', about: 'of a step, or of a local step (0)' },
  'local-steps': { type: 'string', value: 'H', about: 'that workers train alone between two exchanges (1)' },
  fragments: { type: 'string', value: 'F', about: 'that the model is exchanged in, spread over these (1)' },
  delay: { type: 'string', value: 'STEPS', about: 'local steps that go on while a fragment travels (0)' },
  'server-link': { type: 'string', value: 'RATE', about: 'of broker and server (10Gbps)' },
  decode: { type: 'string', value: 'N', about: 'elements a second that the server decodes (2e8)' },
  ...JSON_REPORT,
} as const;

export const plan: Command = command({
  forms: [['fewbits plan --params 25.6e6 --workers 100 --link 50Mbps', 'what a run needs of its links']],
  options: OPTIONS,
  takesFile: false,
  run: (values) => size(values),
});

async function size(values: ValuesOf<typeof OPTIONS>): Promise<void> {
  const optional = (name: 'bits-up' | 'bits-down' | 'compute' | 'decode'): number | undefined =>
    values[name] === undefined ? undefined : positiveOf(name, values[name]);
  const count = (name: 'local-steps' | 'fragments' | 'delay', least: number): number | undefined =>
    values[name] === undefined ? undefined : integerOf(name, values[name], least, 2 ** 31);
  const localSteps = count('local-steps', 1) ?? 1;
  const fragments = count('fragments', 1) ?? 1;
  const delay = count('delay', 0) ?? 0;
  if (fragments > localSteps)
    throw new UsageError(
      `--fragments expected at most as many as --local-steps, ${localSteps}, got ${fragments}`,
    );
  if (delay > Math.floor(localSteps / fragments))
    throw new UsageError(
      `--delay expected at most the ${Math.floor(localSteps / fragments)} local steps from one fragment to the next, got ${delay}`,
    );
  const options: PlanOptions = {
    ...{ localSteps, fragments, delay },
    params: positiveOf('params', required(values.params, 'plan expected --params, 25.6e6 for example')),
    workers: integerOf('workers', required(values.workers, 'plan expected --workers'), 1, 1e7),
    link: rateOf('link', required(values.link, 'plan expected --link, 50Mbps for example')),
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
  const bytesOf = (bytes: number): string =>
    bytes < 1e6
      ? `${(bytes / 1e3).toFixed(1)} kB`
      : bytes < 1e9
        ? `${(bytes / 1e6).toFixed(2)} MB`
        : `${(bytes / 1e9).toFixed(2)} GB`;
  const time = (value: number): string =>
    value < 1 ? `${(value * 1e3).toFixed(1)} ms` : `${value.toFixed(2)} s`;
  const lines: [string, string][] = [
    ['a worker sends', `${bytesOf(sized.bytesUp)} a step`],
    ['a worker receives', `${bytesOf(sized.bytesDown)} a step, in ${sized.parts} MQTT messages both ways`],
    ...(fragments > 1 || delay > 0 ? exchangeLines(sized, options, { bytesOf, time }) : []),
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
    ["the server's memory", bytesOf(sized.serverMemory)],
    [
      'servers',
      sized.shards === 1
        ? 'one is enough'
        : `${sized.shards} shards, so that they take no longer than a worker`,
    ],
  ];
  for (const [what, value] of lines) console.log(`${what.padEnd(26)}${value}`);
}

/** What fragments make of the link's peak. */
function exchangeLines(
  { exchange }: Plan,
  { localSteps = 1, fragments = 1, delay = 0 }: PlanOptions,
  { bytesOf, time }: Readonly<Record<'bytesOf' | 'time', (value: number) => string>>,
): [string, string][] {
  const { bytesUp, bytesDown, seconds, waits, peakBits } = exchange;
  const needs = Number.isFinite(peakBits)
    ? `; ${(peakBits / 1e6).toPrecision(3)} Mbit/s so that none waits`
    : '';
  return [
    [
      'a fragment',
      `${bytesOf(bytesUp)} up and ${bytesOf(bytesDown)} down, every ${localSteps / fragments} local steps`,
    ],
    [
      'its time on the link',
      `${time(seconds)}, of which a worker waits ${time(waits)} with a delay of ${delay}${needs}`,
    ],
  ];
}
