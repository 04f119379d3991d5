/** The consumer of Node, Deno and Bun: backends as arguments, the report as a line of JSON. */
import { readFileSync } from 'node:fs';
import { checkAll } from './golden.mjs';

const goldens = JSON.parse(readFileSync(new URL('./goldens.json', import.meta.url), 'utf8'));
console.log(JSON.stringify(await checkAll(goldens, process.argv.slice(2))));
