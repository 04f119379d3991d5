/** Where the command writes: through links, to pipes and devices, and over its own input only if it is told to. */
import { execSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import * as assert from 'uvu/assert';
import { main, type Outcome } from '../support/command.ts';
import { input } from '../support/inputs.ts';
import { suite } from '../support/suite.ts';
import { folderFor } from './folder.ts';

const test = suite('command line, outputs');
const { at, fewbits, save } = folderFor(test);

test('what is at the output is written to: links stay, pipes and devices get the bytes', async () => {
  save('g.npy', input('normal', 100));
  const compress = (...more: string[]): Promise<Outcome> =>
    fewbits('compress', 'g.npy', '-c', 'scaled-sign', ...more);
  await compress('-o', 'plain.fb');
  const packet = readFileSync(at('plain.fb'));

  writeFileSync(at('target'), 'old');
  chmodSync(at('target'), 0o640);
  symlinkSync('target', at('link.fb'));
  await compress('-o', 'link.fb');
  assert.ok(lstatSync(at('link.fb')).isSymbolicLink());
  assert.equal(readFileSync(at('target')), packet);
  assert.is(statSync(at('target')).mode & 0o777, 0o640);
  symlinkSync('not-yet', at('dangling.fb'));
  await compress('-o', 'dangling.fb');
  assert.equal(readFileSync(at('not-yet')), packet);

  if (process.platform === 'win32') return;
  const device = await compress('-o', '/dev/null');
  assert.is(device.status, 0, device.stderr);
  assert.ok(statSync('/dev/null').isCharacterDevice());
  assert.not.ok(existsSync('/dev/null.json'));
  const shell = (line: string): Buffer => execSync(line, { cwd: at(''), stdio: ['ignore', 'pipe', 'pipe'] });
  const command = `'${process.execPath}' '${main}'`;
  shell(`mkfifo pipe; cat pipe > piped & ${command} compress g.npy -c scaled-sign -o pipe; wait`);
  assert.ok(lstatSync(at('pipe')).isFIFO());
  assert.equal(readFileSync(at('piped')), packet);
  // standard output holds the packet alone
  assert.equal(shell(`${command} compress g.npy -c scaled-sign -o /dev/stdout`), packet);
  assert.equal(shell(`${command} compress g.npy -c scaled-sign -o /dev/stdout | cat`), packet);
  // and a pipe is read
  shell(`cat g.npy | ${command} compress /dev/stdin -c scaled-sign -o read.fb`);
  assert.equal(readFileSync(at('read.fb')), packet);
});

test('nothing is written over its own input, by whatever name, but with --force', async () => {
  save('own.npy', input('normal', 100));
  symlinkSync('own.npy', at('own-link'));
  linkSync(at('own.npy'), at('own-hard'));
  const before = readFileSync(at('own.npy'));
  for (const output of ['own.npy', './own.npy', 'own-link', 'own-hard'])
    for (const args of [
      ['-o', output],
      ['-o', 'else.fb', '--map', output],
    ]) {
      const { status, stderr } = await fewbits('compress', 'own.npy', '-c', 'float32', ...args);
      assert.is(status, 2, output);
      assert.match(stderr, /is the input own\.npy; --force writes over it/);
    }
  const both = await fewbits('compress', 'own.npy', '-c', 'float32', '-o', 'x.fb', '--map', 'x.fb');
  assert.match(both.stderr, /x\.fb would be written twice/);
  assert.equal(readFileSync(at('own.npy')), before);
  await fewbits('compress', 'own.npy', '-c', 'float32', '-o', 'own.fb');
  const packet = await fewbits('decompress', 'own.fb', '-o', 'own.fb');
  assert.match(packet.stderr, /own\.fb is the input/);
  assert.is((await fewbits('decompress', 'own.fb', '-o', 'own.fb', '--force')).status, 0);
  assert.equal(readFileSync(at('own.fb')), before);
});

test.run();
