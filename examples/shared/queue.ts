/** A queue: what events push into it is awaited one item after the other. */
export interface Queue<T> {
  push(item: T): void;
  /** From now on `next` rejects, where nothing is left. */
  fail(error: Error): void;
  next(): Promise<T>;
}

export function openQueue<T>(): Queue<T> {
  const items: T[] = [];
  let failure: Error | undefined;
  let wake = (): void => {};
  return {
    push(item) {
      items.push(item);
      wake();
    },
    fail(error) {
      failure ??= error;
      wake();
    },
    async next() {
      while (items.length === 0) {
        if (failure !== undefined) throw failure;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return items.shift() as T;
    },
  };
}
