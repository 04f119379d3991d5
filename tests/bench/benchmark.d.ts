/** What is used here of the npm package benchmark, which brings no types. */
declare module 'benchmark' {
  /** One timed function. */
  class Benchmark {
    constructor(options: Benchmark.Options);
    /** Calls in each sample of the last run. */
    readonly count: number;
    /** What the function threw. */
    readonly error?: Error;
    readonly stats: {
      /** Seconds a call. */
      readonly sample: readonly number[];
    };
    run(options: { async: boolean }): this;
  }
  namespace Benchmark {
    interface Options {
      /** With `defer` it is over when the deferred is resolved. */
      fn: (deferred: { resolve(): void }) => void;
      defer: boolean;
      /** Seconds that a sample takes at least. */
      minTime: number;
      /** Seconds after which no sample is added to the least number of them. */
      maxTime: number;
      minSamples: number;
      /** Calls in the first sample. */
      initCount: number;
      onComplete: () => void;
    }
  }
  export = Benchmark;
}
