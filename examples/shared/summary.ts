/** What a run of workers came to, for people. */

/** What a worker says at the end. */
export interface Report {
  /** Share of the test digits named right; of the worker of rank 0 alone. */
  readonly accuracy?: number;
  /** A digest of its parameters. */
  readonly model: string;
}

export interface Traffic {
  /** What counted the bytes. */
  readonly countedBy: string;
  /** Bytes that all workers sent and received. */
  readonly up: number;
  readonly down: number;
  /** What float32 vectors would take, both ways. */
  readonly dense: number;
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(2);

/** @throws Error where workers that should have one model have not */
export function summaryOf(reports: readonly Report[], { countedBy, up, down, dense }: Traffic): string {
  const models = new Set(reports.map(({ model }) => model));
  if (models.size > 1) throw new Error(`the workers' models differ: ${[...models].join(', ')}`);
  const accuracy = reports.find((report) => report.accuracy !== undefined)?.accuracy ?? 0;
  return (
    `test accuracy ${(100 * accuracy).toFixed(2)} %, the same model (${[...models].join('')}) at all ${reports.length} workers\n` +
    `${megabytes(up)} MB up, ${megabytes(down)} MB down, as ${countedBy} counted them; ` +
    `float32 both ways: ${megabytes(dense)} MB, ${(dense / (up + down)).toFixed(1)} times as much\n`
  );
}
