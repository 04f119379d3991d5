/** python/fewbits.py where one piece, block or batch of its vectorised work ends and the next begins. */
import { readFileSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import type { Compressor } from '../../ts/compressors/compressor.ts';
import { writeIndexList } from '../../ts/compressors/index-list.ts';
import { PacketError } from '../../ts/errors.ts';
import * as fewbits from '../../ts/index.ts';
import { goldens } from '../support/golden.ts';
import { input, whole, words } from '../support/inputs.ts';
import { decodeInPython } from '../support/python-decoder.ts';
import { skip } from '../support/require.ts';
import { assertWords } from '../support/same-words.ts';
import { suite } from '../support/suite.ts';
import { device, pythonFor } from './interpreter.ts';

const test = suite('python, borders');
const python = pythonFor(test);

test('CRC-32C of every length around a border is that of the plain loop, in one part or in several', async () => {
  if (python.missing) return skip(python.missing);
  const said = await python.script(
    'table = fewbits._byte_table().tolist()',
    'data = np.random.default_rng(1).integers(0, 256, 4 * (2 * fewbits.PIECE + 6000), np.uint8).tobytes()',
    'registers = [0xFFFFFFFF]',
    'for byte in data: registers.append((registers[-1] >> 8) ^ table[(registers[-1] ^ byte) & 255])',
    'near, reach = fewbits._DISTANCES[0], fewbits._DISTANCES[-1]',
    'borders = [reach, reach + near, fewbits.PIECE, fewbits.PIECE + reach, 2 * fewbits.PIECE + 2]',
    'lengths = [*range(70), *(4 * border + i for border in borders for i in range(-9, 10)), len(data)]',
    'wrong = [n for n in lengths if fewbits._crc32c(data[:n]) != registers[n] ^ 0xFFFFFFFF]',
    "whole = np.frombuffer(data, '<u4').copy()",
    'whole[0] ^= 0xFFFFFFFF',
    'for cut in (1, reach - 1, reach, reach + 1, fewbits.PIECE, fewbits.PIECE + reach):',
    '    parts = [whole[:cut], whole[cut:cut], whole[cut : cut + 1], whole[cut + 1 :]]',
    "    if fewbits._remainder(parts) != registers[-1]: wrong.append(f'parts at {cut}')",
    "print(wrong, len(lengths), hex(fewbits._crc32c(b'123456789')))",
  );
  assert.is(said, '[] 166 0xe3069283');
});

test('codes of each width lie as a plain loop lays them, and come back', async () => {
  if (python.missing) return skip(python.missing);
  const said = await python.script(
    'wrong = []',
    'for width in range(1, 17):',
    '    for count in (1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 1001):',
    '        kind = np.uint8 if width <= 8 else np.uint16',
    '        codes = np.random.default_rng(count).integers(0, 2**width, count, kind)',
    '        whole = sum(int(code) << (i * width) for i, code in enumerate(codes))',
    "        plain = np.frombuffer(whole.to_bytes(4 * -(-count * width // 32), 'little'), '<u4')",
    '        packed = fewbits._pack_codes(codes.copy(), width)',
    '        for first in range(0, count, 8):',
    '            some = fewbits._unpack_codes(plain, first, count - first, width)',
    '            if not np.array_equal(some, codes[first:]): wrong.append((width, count, first))',
    '        if not np.array_equal(packed, plain): wrong.append((width, count))',
    'print(wrong)',
  );
  assert.is(said, '[]');
});

/** Lists of k around a block and around a batch of blocks, of gaps of all magnitudes. */
function* lists(): Generator<{ n: number; indices: Uint32Array }> {
  const next = words(5);
  for (const k of [1, 127, 128, 129, 255, 257, 128 * 256 - 1, 128 * 256, 128 * 256 + 1, 70_003])
    for (const bits of [0, 1, 5, 31]) {
      // a gap of `bits` bits in each block, or in all where that leaves room
      const wide = Math.floor(2 ** 32 / k) > 2 ** (bits + 1) ? 1 : 128 * 1024;
      let at = -1;
      const indices: number[] = [];
      for (let j = 0; j < k; j++) {
        at += 1 + (j % wide === 0 ? next() % 2 ** bits : next() % 2);
        indices.push(at);
      }
      if (at < 2 ** 32 - 1) yield { n: at + 1 + (bits % 2), indices: Uint32Array.from(indices) };
    }
}

test('index lists around a block and a batch of blocks go both ways', async () => {
  if (python.missing) return skip(python.missing);
  const made = [...lists()].map(({ n, indices }, i) => {
    const packet = writeIndexList(indices, n, i);
    writeFileSync(python.at(`list${i}`), packet);
    return { indices, packet };
  });
  await python.script(
    `for i in range(${made.length}):`,
    "    packet = open(f'list{i}', 'rb').read()",
    '    indices, n, tag = fewbits.read_index_list(packet, 2**32)',
    "    indices.astype('<u4').tofile(f'indices{i}')",
    "    open(f'again{i}', 'wb').write(fewbits.write_index_list(indices, n, tag))",
  );
  assert.ok(made.length > 30, `only ${made.length} lists`);
  for (const [i, { indices, packet }] of made.entries()) {
    const read = new Uint32Array(new Uint8Array(readFileSync(python.at(`indices${i}`))).buffer);
    assertWords(read, indices, `list ${i}`);
    assert.ok(readFileSync(python.at(`again${i}`)).equals(packet), `list ${i}: packets differ`);
  }
});

test('a damaged list of several batches is refused where JavaScript refuses it, else the same', async () => {
  if (python.missing) return skip(python.missing);
  const [n, cases] = [400_000, whole ? 120 : 24];
  writeFileSync(python.at('packet'), await device.compress(fewbits.topK({ k: 40_000 }), input('normal', n)));
  await python.script(
    "import random, struct; draw, packet = random.Random(3), open('packet', 'rb').read()",
    'parts = {part["name"]: part for part in fewbits.inspect(packet)["sections"]}',
    `for i in range(${cases}):`,
    '    bad, part = bytearray(packet), parts[("head", "low", "unary")[i % 3]]',
    '    for _ in range(draw.randint(1, 2)):',
    '        bad[part["offset"] + draw.randrange(part["bytes"])] ^= 1 << draw.randrange(8)',
    '    bad[-4:] = struct.pack("<I", fewbits._crc32c(bytes(bad[:-4])))',
    "    open(f'bad{i}', 'wb').write(bad)",
  );
  const packets = Array.from({ length: cases }, (_, i) => new Uint8Array(readFileSync(python.at(`bad${i}`))));
  const found = await decodeInPython(python.interpreter, packets, n);
  let refused = 0;
  for (const [i, packet] of packets.entries()) {
    const expected = await device.decompress(packet).catch((error: unknown) => {
      if (!(error instanceof PacketError)) throw error;
      return undefined;
    });
    const seen = found[i];
    assert.is(seen === undefined, expected === undefined, `packet ${i}: one of the two refuses it`);
    if (seen === undefined || expected === undefined) refused++;
    else assertWords(seen, new Uint32Array(expected.buffer), `packet ${i}`);
  }
  assert.ok(refused > cases / 6 && refused < cases - cases / 6, `${refused} of ${cases} are refused`);
});

/** More than four pieces of 2^16, from which on the k-th largest is looked for beside a sample, and several chunks. */
const LONG = 2 ** 18 * 2 + 77;

/** What a sample of every eighth element says nothing of, or the wrong thing. */
const UNLIKE: [label: string, value: (i: number) => number][] = [
  ['the sample holds the largest', (i) => (i % 8 === 0 ? 100 + (i % 1009) : (i % 997) / 1000)],
  ['the sample holds the least', (i) => (i % 8 === 0 ? 0 : 1 + (i % 997))],
  ['one magnitude', (i) => (i % 3 ? -2 : 2)],
  ['few that are not zero', (i) => (i % 1000 === 1 ? i + 1 : 0)],
  ['ascending', (i) => i],
];

test('top-k keeps what JavaScript keeps, also where the sample is unlike the whole', async () => {
  if (python.missing) return skip(python.missing);
  for (const [label, value] of UNLIKE) {
    const x = Float32Array.from({ length: LONG }, (_, i) => value(i));
    writeFileSync(python.at('x'), new Uint8Array(x.buffer));
    const ks = [1, 600, 5000, LONG >> 3, LONG >> 1, LONG - 1, LONG];
    await python.script(
      "x = np.fromfile('x', '<f4')",
      `for k in ${JSON.stringify(ks)}: open(f'k{k}', 'wb').write(fewbits.compress_top_k(x, k))`,
    );
    for (const k of ks) {
      const packet = await device.compress(fewbits.topK({ k }), x);
      assert.ok(readFileSync(python.at(`k${k}`)).equals(packet), `${label}, k = ${k}: packets differ`);
    }
  }
});

const { flattenedOneBit, maskEncoded, qsgd, quantized, randomK, scaledSign } = fewbits;
/** A compressor, and the call that is the same in Python, where it has the encoder. */
const PIECEWISE: [compressor: Compressor, call?: string][] = [
  [scaledSign(), 'scaled_sign(x)'],
  [scaledSign({ block: 1000 }), 'scaled_sign(x, 1000)'],
  [scaledSign({ block: 100_001 }), 'scaled_sign(x, 100_001)'],
  [quantized({ bits: 4 }), 'quantized(x, 4)'],
  [quantized({ bits: 11 }), 'quantized(x, 11)'],
  [flattenedOneBit({ seed: 3, lambda: 'max' }), "flattened_one_bit(x, 3, lambda_='max')"],
  [
    flattenedOneBit({ seed: 3, scale: 'drive', block: 'whole' }),
    "flattened_one_bit(x, 3, scale='drive', block='whole')",
  ],
  [fewbits.topK({ ratio: 0.6, values: 'float16' }), "top_k(x, ratio=0.6, values='float16')"],
  [fewbits.float32(), 'float32(x)'],
  [randomK({ ratio: 0.01, seed: 4 })],
  [maskEncoded({ ratio: 0.01, bits: 3 })],
  [qsgd({ levels: 7, seed: 5 })],
  [fewbits.ditheredSign({ seed: 6 })],
];

test('what is worked on piece by piece is as in JavaScript, to a new array and into a given one', async () => {
  if (python.missing) return skip(python.missing);
  const x = input('normal', LONG, 7);
  writeFileSync(python.at('x'), new Uint8Array(x.buffer));
  for (const [i, [compressor]] of PIECEWISE.entries())
    writeFileSync(python.at(`p${i}`), await device.compress(compressor, x));
  const calls = PIECEWISE.map(([, call]) =>
    call === undefined ? 'None' : `lambda: fewbits.compress_${call}`,
  );
  const said = await python.script(
    "x = np.fromfile('x', '<f4')",
    `for i, call in enumerate((${calls.join(', ')})):`,
    "    packet = open(f'p{i}', 'rb').read()",
    "    if call is not None and call() != packet: print('packet', i)",
    '    y, into = fewbits.decompress(packet), np.full(x.size, np.nan, np.float32)',
    '    assert fewbits.decompress(packet, into=into) is into',
    "    if not np.array_equal(y.view(np.uint32), into.view(np.uint32)): print('into', i)",
    "    y.tofile(f'y{i}')",
  );
  assert.is(said, '');
  for (const i of PIECEWISE.keys()) {
    const y = new Float32Array(new Uint8Array(readFileSync(python.at(`y${i}`))).buffer);
    const packet = new Uint8Array(readFileSync(python.at(`p${i}`)));
    assertWords(y, await device.decompress(packet), `packet ${i}`);
  }
});

test('a packet that is refused leaves "into" as it is, and wrong arrays are refused', async () => {
  if (python.missing) return skip(python.missing);
  goldens.forEach(({ packet }, i) => writeFileSync(python.at(`golden${i}`), packet));
  const said = await python.script(
    'import random, struct; draw, refused = random.Random(1), 0',
    `for i in range(0, ${goldens.length}, ${whole ? 1 : 5}):`,
    "    packet = open(f'golden{i}', 'rb').read()",
    '    n = fewbits.inspect(packet)["n"]',
    '    into = np.full(n, 7, np.float32)',
    '    for _ in range(10 if n < 1000 else 1):',
    '        bad = bytearray(packet)',
    '        bad[draw.randrange(16, len(bad))] ^= 1 << draw.randrange(8)',
    '        bad[-4:] = struct.pack("<I", fewbits._crc32c(bytes(bad[:-4])))',
    '        into.fill(7)',
    '        try: fewbits.decompress(bytes(bad), into=into)',
    '        except fewbits.PacketError:',
    '            refused += 1',
    '            assert np.all(into == 7), i',
    'print(refused > 100)',
    'packet = fewbits.compress_float32(np.ones(4))',
    'frozen = np.zeros(4, np.float32); frozen.flags.writeable = False',
    "for into in ([0] * 4, np.zeros(4), np.zeros((2, 2), 'f4'), np.zeros(8, 'f4')[::2], frozen, np.zeros(5, 'f4')):",
    '    try: fewbits.decompress(packet, into=into)',
    '    except (TypeError, ValueError) as error: print(type(error).__name__, error)',
  );
  assert.equal(said.split('\n'), [
    'True',
    ...Array<string>(5).fill(
      'TypeError "into" expected a writeable, contiguous array of float32 of one dimension',
    ),
    'ValueError "into" expected 4 elements, as the packet has, got 5',
  ]);
});

test.run();
