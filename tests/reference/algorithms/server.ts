/**
 * Systems with a server, in float64: workers send C(g) or, with error feedback, C(g + e); the server averages what it
 * decodes, and answers with C of that, with feedback or without. What C gave is told to the simulation.
 */
import { combine, exactly, meanOf, zeros, type Near } from './near.ts';

export interface Feedback {
  /** Whether workers, and the server, keep what C lost. */
  readonly up: boolean;
  readonly down: boolean;
}

export interface ServerSimulation {
  /** p_r = g_r + e_r: what worker r compresses. Told c_r = C(p_r), it keeps e_r = p_r - c_r. */
  worker(rank: number, gradient: Float32Array): { p: Near; sent: (c: Float32Array) => void };
  /** P = mean of the c_r + E: what the server compresses. Told q = C(P), it keeps E = P - q. */
  server(): { p: Near; answered: (q: Float32Array) => void };
  /** What each worker, and the server, keeps. */
  readonly errors: readonly Near[];
  readonly serverError: Near;
}

export function simulateServer(n: number, workers: number, feedback: Feedback): ServerSimulation {
  const errors = Array.from({ length: workers }, () => zeros(n));
  const received = Array.from({ length: workers }, () => zeros(n));
  let serverError = zeros(n);
  return {
    errors,
    get serverError() {
      return serverError;
    },
    worker(rank, gradient) {
      const p = feedback.up ? combine([1, exactly(gradient)], [1, errors[rank]]) : exactly(gradient);
      return {
        p,
        sent(c) {
          received[rank] = exactly(c);
          if (feedback.up) errors[rank] = combine([1, p], [-1, received[rank]]);
        },
      };
    },
    server() {
      const mean = meanOf(received);
      const p = feedback.down ? combine([1, mean], [1, serverError]) : mean;
      return {
        p,
        answered(q) {
          if (feedback.down) serverError = combine([1, p], [-1, exactly(q)]);
        },
      };
    },
  };
}
