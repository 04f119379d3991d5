/** What the examples of transports print at the end: accuracy, models, and the bytes of all workers. */

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

/** Some systems, LIEC-SGD for one, give each worker a model of its own between their averages. */
export function summaryOf(reports: readonly Report[], { countedBy, up, down, dense }: Traffic): string {
  const models = [...new Set(reports.map(({ model }) => model))];
  const whose =
    models.length === 1
      ? `the same model (${models[0]}) at all ${reports.length} workers`
      : `worker 0; ${models.length} models: ${models.join(', ')}`;
  const accuracy = reports.find((report) => report.accuracy !== undefined)?.accuracy ?? 0;
  return (
    `test accuracy ${(100 * accuracy).toFixed(2)} %, ${whose}\n` +
    `${megabytes(up)} MB up, ${megabytes(down)} MB down, as ${countedBy} counted them; ` +
    `float32 both ways: ${megabytes(dense)} MB, ${(dense / (up + down)).toFixed(1)} times as much\n`
  );
}
