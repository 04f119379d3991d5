/**
 * Calls between a page and its Web Workers, and among these: a worker serves functions by name, its owner, or whoever
 * was given a port to it, calls them and gets promises. Arguments and results are cloned, but the buffers and ports of
 * what `moved` is wrapped around move.
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
  /** Another port at which it is called, for another worker: see `remoteAt`. */
  readonly openPort: () => MessagePort;
  /** Ends the worker; calls under way never settle. */
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

/** Where messages go out and come in: a worker, a worker's global, or a port to either. */
interface Line {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown, transfer: Transferable[]): void;
}

/** A worker's global; the compiler's library is that of pages. */
const scope = globalThis as unknown as Line;

/** The buffers and ports to be moved with a value that crosses. */
const movable = new WeakMap<object, readonly Transferable[]>();

/** Marks ports and the buffers under views to be moved, not copied, when `value` crosses: they are empty afterwards. */
export function moved<T extends object>(value: T, parts: readonly (ArrayBufferView | MessagePort)[]): T {
  const owners = parts.map((part) => (ArrayBuffer.isView(part) ? (part.buffer as ArrayBuffer) : part));
  movable.set(value, [...new Set(owners)]);
  return value;
}

function partsOf(values: readonly unknown[]): Transferable[] {
  return values.flatMap((value) =>
    typeof value === 'object' && value !== null ? [...(movable.get(value) ?? [])] : [],
  );
}

/** In a worker: answers calls of `functions`, by its owner and at the ports that the owner opens. */
export function serve(functions: Functions): void {
  const answer = async (line: Line, { id, name, args }: Call): Promise<void> => {
    try {
      const call = functions[name] as (...args: readonly unknown[]) => unknown;
      const result = await call(...args);
      line.postMessage({ id, result } satisfies Answer, partsOf([result]));
    } catch (cause) {
      const { name, message } = cause instanceof Error ? cause : new Error(String(cause));
      line.postMessage({ id, error: { name, message } } satisfies Answer, []);
    }
  };
  const listen = (line: Line): void => {
    line.onmessage = ({ data }: MessageEvent<Call | { readonly port: MessagePort }>) => {
      if ('port' in data) listen(data.port);
      else void answer(line, data);
    };
  };
  listen(scope);
}

/** In a worker: tells its owner something between answers. */
export function note(what: unknown): void {
  scope.postMessage({ note: what }, []);
}

/**
 * Connects to a worker whose script serves `F`.
 * @param onNote hears what the worker notes
 * @param onFailure hears why it failed: that its script did not load, or threw between calls
 */
export function connect<F extends Functions>(
  worker: Worker,
  onNote?: (note: never) => void,
  onFailure: (error: Error) => void = () => {},
): Connection<F> {
  const { calls, fail } = callsOver<F>(worker, onNote);
  worker.onerror = (event) => {
    event.preventDefault();
    const error = new Error(`a worker of this page failed: ${event.message || 'its script did not load'}`);
    fail(error);
    onFailure(error);
  };
  const openPort = (): MessagePort => {
    const { port1, port2 } = new MessageChannel();
    worker.postMessage({ port: port1 }, [port1]);
    return port2;
  };
  return { calls, openPort, end: () => worker.terminate() };
}

/** The functions of the worker that a port leads to; only its owner hears of its failure. */
export function remoteAt<F extends Functions>(port: MessagePort): Remote<F> {
  return callsOver<F>(port).calls;
}

/** Calls over a line, and what rejects them all. */
function callsOver<F extends Functions>(
  line: Line,
  onNote: (note: never) => void = () => {},
): { readonly calls: Remote<F>; readonly fail: (error: Error) => void } {
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let last = 0;
  let broken: Error | undefined;
  line.onmessage = ({ data }: MessageEvent<Answer>) => {
    if (data.id === undefined) return onNote(data.note as never);
    const call = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error === undefined) call?.resolve(data.result);
    else call?.reject(Object.assign(new Error(data.error.message), { name: data.error.name }));
  };
  const fail = (error: Error): void => {
    broken = error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  const call = (name: string, args: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (broken !== undefined) return reject(broken);
      const id = ++last;
      waiting.set(id, { resolve, reject });
      line.postMessage({ id, name, args } satisfies Call, partsOf(args));
    });
  // a promise is asked for `then`, whatever it resolves to
  const calls = new Proxy(
    {},
    {
      get: (_, name) => (name === 'then' ? undefined : (...args: unknown[]) => call(String(name), args)),
    },
  );
  return { calls: calls as Remote<F>, fail };
}
