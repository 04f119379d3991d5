/** The consumer of workerd: as its test handler, for random numbers and work that waits belong to an event there. */
import { checkAll } from './golden.mjs';
import goldens from './goldens.json';
import { readme } from './readme-in-a-function.mjs';

export default {
  async test() {
    const report = await checkAll(goldens, ['wasm', 'js']);
    const lines = [];
    const { log } = console;
    console.log = (...values) => lines.push(values.map((value) => JSON.stringify(value)).join(' '));
    await readme();
    console.log = log;
    console.log(JSON.stringify({ ...report, inWorker: 'none here', readme: lines.join('\n') }));
  },
};
