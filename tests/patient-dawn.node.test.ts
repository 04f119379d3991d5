/** What tests do with Dawn's callbacks is done with no other's. */
import * as assert from 'uvu/assert';
import { isOfAddon } from './support/patient-dawn.ts';
import { suite } from './support/suite.ts';

const test = suite('a patient Dawn');

test('turns of the event loop are no addon’s', async () => {
  const given: ((...args: never[]) => void)[] = [() => undefined, function named() {}, (() => 1).bind(null)];
  await new Promise<void>((resolve) => {
    given.push(resolve);
    resolve();
  });
  assert.equal(given.map(isOfAddon), [false, false, false, false]);
  const before = performance.now();
  for (let turn = 0; turn < 2000; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(performance.now() - before < 1000, 'two thousand turns take well below two seconds');
});

test.run();
