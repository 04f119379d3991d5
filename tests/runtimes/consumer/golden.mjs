/**
 * What every runtime and bundler is asked: each golden packet of tests/vectors made and read by the package, as a user
 * imports it. Nothing here knows where it runs.
 */
import * as fewbits from 'fewbits';
import { foSgd } from 'fewbits/algorithms';
import { fwht } from 'fewbits/kernels';
import * as sparse from 'fewbits/sparse';

/**
 * `backends` are names; `webgpu/8` takes every eighth packet, for where each call takes long.
 * @returns what `openDevice()` takes here, and for each backend that was asked for what runs underneath
 */
export async function checkAll(goldens, backends) {
  const device = await fewbits.openDevice();
  const { backend: auto, reasons } = device;
  device.close();
  if (typeof foSgd !== 'function') throw new Error('fewbits/algorithms has no foSgd');
  const checked = [];
  for (const wanted of backends) {
    const [backend, share = 1] = wanted.split('/');
    const some = goldens.filter((_, i) => i % share === 0);
    checked.push(await check(some, backend));
    // workerd compiles no bytes, and this entry has nothing else
    if (backend === 'wasm' && globalThis.navigator?.userAgent !== 'Cloudflare-Workers')
      await checkSparse(some);
  }
  const threads = backends.includes('wasm') ? await checkThreads() : undefined;
  return { auto, reasons, checked, threads };
}

/** Two threads, or one where memory cannot be shared: the same packets. What runs underneath. */
async function checkThreads() {
  const [one, two] = await Promise.all(
    [1, 2].map((threads) => fewbits.openDevice({ backend: 'wasm', threads })),
  );
  const x = Float32Array.from({ length: 2 ** 18 + 5 }, (_, i) => Math.sin(i));
  for (const compressor of [fewbits.topK({ ratio: 0.01 }), fewbits.flattenedOneBit({ seed: 1 })])
    same(await two.compress(compressor, x), await one.compress(compressor, x), `threads: ${compressor.name}`);
  const { detail } = two;
  one.close();
  two.close();
  return detail;
}

async function checkSparse(goldens) {
  const device = await sparse.openDevice();
  const own = goldens.filter(({ compressor }) => compressor in sparse);
  if (own.length === 0) throw new Error('no golden packet is of fewbits/sparse');
  await compare(own, device, sparse, 'fewbits/sparse');
  device.close();
}

async function check(goldens, backend) {
  const device = await fewbits.openDevice({ backend });
  const { detail } = device;
  try {
    await compare(goldens, device, fewbits, backend);
    const sums = await fwht(device, new Float32Array([1, 2, 3, 4]));
    if (sums.join() !== '10,-2,-4,0') throw new Error(`fwht on ${backend} gives ${sums.join()}`);
  } finally {
    device.close();
  }
  return { backend, detail, packets: goldens.length };
}

async function compare(goldens, device, factories, where) {
  for (const golden of goldens) {
    const { name, compressor, options, draw, x, packet, vector } = golden;
    // no compressor makes index lists, which are messages of algorithms, and mask-encoded packets that keep all
    if (compressor !== 'indexList' && !(compressor === 'maskEncoded' && options.ratio === 1)) {
      const made = await device.compress(compressorOf(golden, factories), floats(x), draw);
      same(made, bytes(packet), `${name}: the packet on ${where}`);
    }
    const decoded = await device.decompress(bytes(packet));
    same(new Uint8Array(decoded.buffer), bytes(vector), `${name}: the vector on ${where}`);
  }
}

function compressorOf({ compressor, options, plan }, factories) {
  if (plan === undefined) return factories[compressor](options);
  const rules = plan.rules.map(({ match, source, together, ...rule }) => ({
    match: match ?? new RegExp(source),
    compressor: compressorOf(rule, factories),
    together,
  }));
  return factories.plan(rules, plan.layout, plan.options);
}

function bytes(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

function floats(base64) {
  return new Float32Array(bytes(base64).buffer);
}

function same(actual, expected, what) {
  if (actual.length !== expected.length)
    throw new Error(`${what} has ${actual.length} bytes, expected ${expected.length}`);
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  if (at >= 0) throw new Error(`${what} differs at byte ${at}: ${actual[at]}, expected ${expected[at]}`);
}
