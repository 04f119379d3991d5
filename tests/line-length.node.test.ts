/** Comments and Markdown end at column 120, files of code at line 400; code ends where the formatter puts it. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { suite } from './support/suite.ts';

const WIDTH = 120;
const HEIGHT = 400;

/** One file by its purpose: what a Python program copies. */
const LONG = 'python/fewbits.py';
const root = fileURLToPath(new URL('..', import.meta.url));
const test = suite('line length');

/** Folders of text that people write. */
const FOLDERS = ['assembly', 'docs', 'examples', 'python', 'scripts', 'tests', 'ts', 'wgsl'];
/** What they did not write. */
const EXCEPT = /(^|\/)(node_modules|dist|generated|api|__pycache__)\//;

const files = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...FOLDERS.flatMap((folder) =>
    readdirSync(root + folder, { recursive: true, encoding: 'utf8' }).map(
      (name) => `${folder}/${name.replaceAll('\\', '/')}`,
    ),
  ),
].filter((name) => /\.(ts|js|mjs|wgsl|py|css|md)$/.test(name) && !EXCEPT.test(name));

/** Numbers of the lines beyond WIDTH, from 1, of those for which `counts`. */
const longLines = (lines: readonly string[], counts: (line: string) => boolean): number[] =>
  lines.flatMap((line, i) => (line.length > WIDTH && counts(line) ? [i + 1] : []));

/** A comment of its own, or one behind code; a string may hold what looks like one. */
function longComments(text: string, python = false): number[] {
  const own = python ? /^\s*#|\s# / : /^\s*(\/\/|\/?\*)|[^'"`]*[;,{}()\]\w] \/\/ [^'"`]*$/;
  return longLines(text.split('\n'), (line) => own.test(line));
}

/** Prose: no fenced block, table, or line that nothing but a link or an image makes long. */
function longProse(text: string): number[] {
  const blank = (block: string): string => block.replaceAll(/[^\n]/g, '');
  const prose = text.replaceAll(/^( *)```[^]*?^\1```$/gm, blank).replaceAll(/<!--[^]*?-->/g, blank);
  return longLines(
    prose.split('\n'),
    (line) => !/^\s*\|/.test(line) && !/^\S*\s*!?\[[^\]]*\]\([^)]*\)\S*$/.test(line),
  );
}

test('comments and Markdown end at column 120', () => {
  assert.ok(files.length > 500, `${files.length} files`);
  const long = files.flatMap((file) => {
    const text = readFileSync(root + file, 'utf8');
    const lines = file.endsWith('.md') ? longProse(text) : longComments(text, file.endsWith('.py'));
    return lines.map((line) => `${file}:${line}`);
  });
  assert.equal(long, []);
});

test('files of code end at line 400', () => {
  const code = files.filter((file) => /\.(ts|js|mjs|wgsl|py)$/.test(file) && file !== LONG);
  const long = code.filter(
    (file) =>
      readFileSync(root + file, 'utf8')
        .trimEnd()
        .split('\n').length > HEIGHT,
  );
  assert.equal(long, []);
});

test('what is too long is found, in comments and in prose, and nothing else is', () => {
  const words = 'word '.repeat(30);
  assert.equal(longComments(`// ${words}\n/** ${words}*/\n * ${words}\nf(); // ${words}`), [1, 2, 3, 4]);
  assert.equal(longComments(`f('${words} // ${words}');\nconst a = \`${words}\`;\n// short`), []);
  assert.equal(longComments(`# ${words}\nf()  # ${words}\nf("${words}")`, true), [1, 2]);
  assert.equal(longProse(`${words}\n- ${words}\n# ${words}`), [1, 2, 3]);
  assert.equal(
    longProse(`| ${words} |\n\`\`\`\n${words}\n\`\`\`\n![${words}](a.png)\n[a](${'b'.repeat(130)})`),
    [],
  );
});

test.run();
