/** Processor time, which a machine that does other work does not lengthen as it does the clock's. Linux tells more. */
import { readdirSync, readFileSync } from 'node:fs';

/** Of a clock tick of /proc, on every Linux that Node runs on. */
const TICK = 1 / 100;

interface Stat {
  readonly name: string;
  readonly parent: number;
  /** Seconds of the process, and of its children that have ended. */
  readonly own: number;
  readonly ended: number;
}

/** A process as /proc has it; undefined where there is none. */
function statOf(pid: number | 'self'): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const end = text.lastIndexOf(')'); // a name may hold anything
    const fields = text
      .slice(end + 2)
      .split(' ')
      .map(Number);
    return {
      name: text.slice(text.indexOf('(') + 1, end),
      parent: fields[1],
      own: (fields[11] + fields[12]) * TICK,
      ended: (fields[13] + fields[14]) * TICK,
    };
  } catch {
    return undefined;
  }
}

/** Seconds that this process has had, on all of its threads, and on Linux its children that have ended. */
export function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6 + (statOf('self')?.ended ?? 0);
}

/** Seconds that the running children named `name` have had, with their own children; 0 but on Linux. */
export function childrenSeconds(name: string): number {
  if (process.platform !== 'linux') return 0;
  const stats = new Map<number, Stat>();
  for (const entry of readdirSync('/proc')) {
    const stat = /^\d+$/.test(entry) ? statOf(Number(entry)) : undefined;
    if (stat) stats.set(Number(entry), stat);
  }
  const belongs = (stat: Stat | undefined): boolean =>
    stat !== undefined &&
    (stat.parent === process.pid ? stat.name === name : belongs(stats.get(stat.parent)));
  let sum = 0;
  for (const stat of stats.values()) if (belongs(stat)) sum += stat.own + stat.ended;
  return sum;
}
