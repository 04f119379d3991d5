/**
 * Calls between a page and its Web Workers, or a worker and those below it: a worker serves functions by name, its
 * owner calls them and gets promises. Arguments and results are cloned, but the buffers of what `moved` is wrapped
 * around move.
 */

/** What a worker serves. */
export type Functions = Readonly<Record<string, (...args: never[]) => unknown>>;

/** The same functions from outside, with a promise of each result. */
export type Remote<F extends Functions> = {
  readonly [Name in keyof F]: (...args: Parameters<F[Name]>) => Promise<Awaited<ReturnType<F[Name]>>>;
};

/** A worker that was started. */
export interface Connection<F extends Functions> {
  readonly calls: Remote<F>;
  /** Ends the worker, and those below it; calls under way never settle. */
  readonly end: () => void;
}

interface Call {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

/** Either has an `id`, or is a note. */
interface Answer {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly name: string; readonly message: string };
  readonly note?: unknown;
}

/** The part of a worker's global that is used here; the compiler's library is that of pages. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<Call>) => void) | null;
  postMessage(message: Answer, transfer: Transferable[]): void;
}

const scope = globalThis as unknown as WorkerScope;

/** The buffers to be moved with a value that crosses. */
const movable = new WeakMap<object, readonly Transferable[]>();

/** Marks the buffers under `views` to be moved, not copied, when `value` crosses: they are empty here afterwards. */
export function moved<T extends object>(value: T, views: readonly ArrayBufferView[]): T {
  movable.set(value, [...new Set(views.map(({ buffer }) => buffer as ArrayBuffer))]);
  return value;
}

function buffersOf(values: readonly unknown[]): Transferable[] {
  return values.flatMap((value) =>
    typeof value === 'object' && value !== null ? [...(movable.get(value) ?? [])] : [],
  );
}

/** In a worker: answers calls of `functions`. */
export function serve(functions: Functions): void {
  scope.onmessage = ({ data: { id, name, args } }) => {
    void (async () => {
      try {
        const call = functions[name] as (...args: readonly unknown[]) => unknown;
        const result = await call(...args);
        scope.postMessage({ id, result }, buffersOf([result]));
      } catch (cause) {
        const { name, message } = cause instanceof Error ? cause : new Error(String(cause));
        scope.postMessage({ id, error: { name, message } }, []);
      }
    })();
  };
}

/** In a worker: tells its owner something between answers. */
export function note(what: unknown): void {
  scope.postMessage({ note: what }, []);
}

/**
 * Connects to a worker whose script serves `F`.
 * @param onNote hears what the worker notes
 */
export function connect<F extends Functions>(
  worker: Worker,
  onNote: (note: never) => void = () => {},
): Connection<F> {
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let last = 0;
  let broken: Error | undefined;
  worker.onmessage = ({ data }: MessageEvent<Answer>) => {
    if (data.id === undefined) return onNote(data.note as never);
    const call = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error === undefined) call?.resolve(data.result);
    else call?.reject(Object.assign(new Error(data.error.message), { name: data.error.name }));
  };
  worker.onerror = (event) => {
    event.preventDefault();
    broken = new Error(`a worker of this page failed: ${event.message || 'its script did not load'}`);
    for (const { reject } of waiting.values()) reject(broken);
    waiting.clear();
  };
  const call = (name: string, args: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (broken !== undefined) return reject(broken);
      const id = ++last;
      waiting.set(id, { resolve, reject });
      worker.postMessage({ id, name, args } satisfies Call, buffersOf(args));
    });
  // a promise is asked for `then`, whatever it resolves to
  const calls = new Proxy(
    {},
    {
      get: (_, name) => (name === 'then' ? undefined : (...args: unknown[]) => call(String(name), args)),
    },
  );
  return { calls: calls as Remote<F>, end: () => worker.terminate() };
}
