/** What `fewbits serve` says while a run goes on, and its report. */
import type { ClosedRound } from '../runs/serve-options.ts';

/** What --json prints in the end. */
export interface ServeReport {
  readonly run: string;
  readonly system: string;
  readonly steps: number;
  readonly accuracy: number | undefined;
  /** Packets alone, and as the server's connection carried them. */
  readonly packetBytesUp: number;
  readonly packetBytesDown: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Bytes on all TCP connections of the broker, where it is this process's. */
  readonly broker: { readonly received: number; readonly sent: number } | undefined;
  readonly seconds: number;
}

/** How often the model is evaluated in a run, and a line is written where lines are not written over. */
const TIMES = 10;

/** Steps from one evaluation to the next. */
export function evaluateEvery(steps: number): number {
  return Math.max(1, Math.floor(steps / TIMES));
}

export interface Progress {
  say(text: string): void;
  /** Leaves the line that is drawn where it is. */
  keep(): void;
  round(round: ClosedRound, accuracy: number | undefined): void;
  end(report: ServeReport): void;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/**
 * A line that is written over on a terminal; some lines elsewhere; with --json nothing but the report on standard
 * output.
 */
export function openProgress(steps: number, json: boolean): Progress {
  const terminal = process.stderr.isTTY === true;
  const every = evaluateEvery(steps);
  const write = (text: string): void =>
    void process.stderr.write(terminal ? `\r\x1b[K${text}\n` : `${text}\n`);
  let isDrawn = false;
  return {
    say: write,
    keep() {
      if (isDrawn) process.stderr.write('\n');
      isDrawn = false;
    },
    round({ step, present, from, missed, passed, stragglers, duration, traffic }, accuracy) {
      const late = missed.length === 0 ? '' : `, without ${missed.join(' ')}`;
      const out = passed.length === 0 ? '' : `, left out by ${passed.join(' ')}`;
      const behind = stragglers.length === 0 ? '' : `, straggling ${stragglers.join(' ')}`;
      const right = accuracy === undefined ? '' : `, accuracy ${(100 * accuracy).toFixed(2)} %`;
      const line =
        `step ${step + 1} of ${steps}, ${from.length} of ${present} workers${late}${out}${behind}${right}, ` +
        `${megabytes(traffic.bytesDown)} in, ${megabytes(traffic.bytesUp)} out, ${duration.toFixed(0)} ms`;
      if (terminal) {
        process.stderr.write(`\r\x1b[K${line}`);
        isDrawn = true;
      } else if ((step + 1) % every === 0 || step + 1 === steps || missed.length > 0 || passed.length > 0)
        write(line);
    },
    end(report) {
      if (json) return console.log(JSON.stringify(report, undefined, 2));
      const { accuracy, packetBytesUp, packetBytesDown, bytesReceived, bytesSent, seconds } = report;
      const right = accuracy === undefined ? '' : `accuracy ${(100 * accuracy).toFixed(2)} %, `;
      console.log(
        `${report.steps} steps, ${right}${megabytes(bytesReceived)} in, ${megabytes(bytesSent)} out, ` +
          `${seconds.toFixed(1)} s; packets alone ${megabytes(packetBytesUp)} from workers, ` +
          `${megabytes(packetBytesDown)} to all workers together`,
      );
    },
  };
}
