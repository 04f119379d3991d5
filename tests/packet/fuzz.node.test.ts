/**
 * Hostile bytes (tests/support/damage.ts), many of them: what is refused is so with a PacketError, soon and in little
 * memory. What they decode to is for decoders.node.test.ts. For longer:
 * `FUZZ_CASES=5000000 FUZZ_SEED=2 npm test -- --node --timeout 7200 fuzz`.
 */
import * as assert from 'uvu/assert';
import { openWasm } from '../../ts/backends/wasm/index.ts';
import { Device } from '../../ts/device.ts';
import { PacketError } from '../../ts/errors.ts';
import { inspect } from '../../ts/inspect.ts';
import { damager } from '../support/damage.ts';
import { share } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';

const CASES = Number(process.env.FUZZ_CASES ?? share(200_000));
/** No case may take longer, in milliseconds; one that does is measured again, since a busy machine stops any. */
const SLOWEST = 50;
const MOST = 10_000;

// one in eight keeps its broken frame
const damaged = damager(Number(process.env.FUZZ_SEED ?? 1), { broken: 8 });

const test = suite('hostile bytes');

test(`${CASES} damaged packets give a PacketError or a vector, soon and in little memory`, async () => {
  const device = new Device({ backend: 'wasm' }, { backend: await openWasm(), reasons: {} });
  const messages = new Set<string>();
  /** Whether the packet decodes. */
  const decodes = async (bytes: Uint8Array): Promise<boolean> => {
    try {
      const { n } = inspect(bytes);
      const vector = await device.decompress(bytes, { maxElements: MOST });
      assert.is(vector.length, n);
      assert.ok(vector.every(Number.isFinite), 'a decoded vector is finite');
      return true;
    } catch (error) {
      if (error instanceof PacketError) {
        messages.add(error.message.replace(/\d+/g, 'N'));
        return false;
      }
      throw new Error(`${String(error)}, from the packet ${Buffer.from(bytes).toString('hex')}`, {
        cause: error,
      });
    }
  };
  const before = process.memoryUsage().rss;
  let accepted = 0;
  for (let i = 0; i < CASES; i++) {
    const bytes = damaged();
    let fastest = Infinity;
    for (let attempt = 0; attempt < 3 && fastest > SLOWEST; attempt++) {
      const start = performance.now();
      const fine = await decodes(bytes);
      fastest = Math.min(fastest, performance.now() - start);
      if (attempt === 0 && fine) accepted++;
    }
    assert.ok(fastest <= SLOWEST, `${fastest} ms for ${Buffer.from(bytes).toString('hex')}`);
  }
  // most are refused, for many reasons, and not all
  assert.ok(accepted > CASES / 100 && accepted < CASES / 2, `${accepted} of ${CASES} were accepted`);
  assert.ok(messages.size > 15, [...messages].join('\n'));
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 2 ** 26, `${grown} bytes more`);
  device.close();
});

test.run();
