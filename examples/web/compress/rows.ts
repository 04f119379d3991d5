/** The table of compressors: a row each, whose options can be changed. */
import { make, sentence } from '../elements.ts';
import { digits } from '../numbers.ts';
import { whole } from '../../mnist/format.ts';
import type { Measured } from './worker.ts';

/** A row of the table; its caller measures the compressor and shows the result. */
export interface Row {
  readonly element: HTMLTableRowElement;
  readonly choice: HTMLInputElement;
  /** As it stands in the field. */
  specification(): string;
  /** Nothing is known yet: it waits to be measured. */
  wait(): void;
  /** Nothing is known, and nothing will be. */
  clear(): void;
  show(measured: Measured): void;
  fail(problem: unknown): void;
}

/**
 * A row that starts with this specification.
 * @param onEdit is called when the specification was changed
 * @param onChoose is called when the row's radio button was selected
 */
export function createRow(given: string, number: number, onEdit: () => void, onChoose: () => void): Row {
  const name = given.split(':')[0];
  const choice = make('input', { type: 'radio', name: 'seen', 'aria-label': `see ${name}`, disabled: '' });
  const problem = make('span', { class: 'problem', id: `row-${number}-problem` });
  const field = make('input', {
    type: 'text',
    value: given,
    size: String(Math.max(24, given.length)),
    spellcheck: 'false',
    autocomplete: 'off',
    autocapitalize: 'off',
    'aria-label': `${name}: name and options`,
    'aria-describedby': problem.id,
  });
  const classes = ['', '', 'more', 'more', 'more', 'more', 'more'];
  const cells = classes.map((one) => make('td', one === '' ? {} : { class: one }));
  const element = make(
    'tr',
    {},
    make('td', {}, choice),
    make('th', { scope: 'row' }, field, problem),
    ...cells,
  );
  let measured = given;
  field.addEventListener('change', () => {
    if (field.value === measured) return;
    measured = field.value;
    onEdit();
  });
  field.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') field.blur();
  });
  choice.addEventListener('change', onChoose);
  const set = (texts: readonly string[]): void =>
    cells.forEach((cell, i) => (cell.textContent = texts[i] ?? ''));
  const forget = (texts: readonly string[]): void => {
    set(texts);
    problem.textContent = '';
    field.removeAttribute('aria-invalid');
    choice.disabled = true;
  };
  return {
    element,
    choice,
    specification: () => field.value.trim(),
    wait: () => forget(['...']),
    clear: () => forget([]),
    show({ inspection: { n, bytes, bitsPerElement }, relative, largest, pack, unpack }) {
      set([
        `${digits((4 * n) / bytes)}×`,
        digits(relative),
        whole(bytes),
        digits(bitsPerElement),
        digits(largest),
        digits(pack),
        digits(unpack),
      ]);
      choice.disabled = false;
    },
    fail(cause) {
      set([]);
      problem.textContent = sentence(cause);
      field.setAttribute('aria-invalid', 'true');
    },
  };
}
