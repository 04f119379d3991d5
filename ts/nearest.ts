/** Which of some names was meant. */

/**
 * The one of `names` whose letters, in any order, differ from those of `given` in the fewest, and in no more than a
 * third of its own; else one that has it for a part, `averagePeriod` for `period`. Capitals, hyphens and underscores do
 * not count.
 */
export function nearest(given: string, names: readonly string[]): string | undefined {
  const own = plain(given.slice(0, 100));
  let best: string | undefined;
  let least = Infinity;
  for (const name of names) {
    const letters = plain(name);
    let missing = letters;
    for (const letter of own) missing = missing.replace(letter, '');
    const differ = Math.max(missing.length, own.length - letters.length + missing.length);
    if (differ > letters.length / 3 || differ >= least) continue;
    best = name;
    least = differ;
  }
  return best ?? (own.length < 3 ? undefined : names.find((name) => plain(name).includes(own)));
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, '');
}
