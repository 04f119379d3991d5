/** Formulas in comments: `n width / 32 + ceil(n / 4096)`, where neighbours are multiplied, as numbers. */

const FUNCTIONS: Readonly<Record<string, (...values: number[]) => number>> = {
  min: Math.min,
  max: Math.max,
  ceil: Math.ceil,
  log2: Math.log2,
};

/**
 * The value of a formula where its names have these values. @throws Error where it is none, or names what is unknown
 */
export function valueOf(formula: string, names: Readonly<Record<string, number>> = {}): number {
  const tokens = formula.match(/\d+|\w+|\S/g) ?? [];
  let at = 0;
  const wrong = (): never => {
    throw new Error(`"${formula}" makes no sense at "${tokens.slice(at).join(' ')}"`);
  };
  const take = (expected: string): void => void (tokens[at] === expected ? at++ : wrong());

  const sum = (): number => {
    let value = product();
    while (tokens[at] === '+' || tokens[at] === '-')
      value = tokens[at++] === '+' ? value + product() : value - product();
    return value;
  };
  const product = (): number => {
    let value = power();
    for (;;)
      if (tokens[at] === '/') value /= (at++, power());
      else if (tokens[at] === '*') value *= (at++, power());
      else if (/^[\w(]/.test(tokens[at] ?? '')) value *= power();
      else return value;
  };
  const power = (): number => {
    const value = operand();
    return tokens[at] === '^' ? value ** (at++, power()) : value;
  };
  const operand = (): number => {
    const token = tokens[at++] ?? wrong();
    if (/^\d/.test(token)) return Number(token);
    if (token === '(') return closed(sum());
    if (Object.hasOwn(names, token)) return names[token];
    if (!Object.hasOwn(FUNCTIONS, token)) return (at--, wrong());
    take('(');
    const values = [sum()];
    while (tokens[at] === ',') values.push((at++, sum()));
    return closed(FUNCTIONS[token](...values));
  };
  const closed = (value: number): number => (take(')'), value);

  const value = sum();
  return at === tokens.length ? value : wrong();
}
