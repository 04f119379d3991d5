/** What is said while something goes on: to the eye at once, to a screen reader seldom. */

/** A screen reader is told at most so often, in milliseconds; the last thing is told always. */
const SAID_EVERY = 6000;

export interface Announcer {
  /** Tells this, now or later, unless something newer comes before. */
  say(text: string): void;
  /** Tells this at once. */
  now(text: string): void;
}

/** An announcer over an element of role `status`. */
export function announcer(place: HTMLElement): Announcer {
  let last = -Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const now = (text: string): void => {
    clearTimeout(timer);
    timer = undefined;
    last = performance.now();
    place.textContent = text;
  };
  return {
    now,
    say(text) {
      clearTimeout(timer);
      const wait = last + SAID_EVERY - performance.now();
      if (wait <= 0) now(text);
      else timer = setTimeout(() => now(text), wait);
    },
  };
}

/** A progress bar in its place, and the words beside it. */
export function progressBar(place: HTMLElement): { show(done: number): void; hide(): void } {
  const bar = place.querySelector('progress');
  return {
    show(done) {
      place.hidden = false;
      if (bar !== null) bar.value = done;
    },
    hide: () => void (place.hidden = true),
  };
}

/** Work that is asked for more often than it is done. */
export interface Throttled {
  /** Soon, and at most once every so many milliseconds; the last time always, and not while the page is not seen. */
  (): void;
  /** At once, whatever waits. */
  now(): void;
}

/** `work` at most once every so many milliseconds. */
export function throttled(work: () => void, every: number): Throttled {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = -Infinity;
  const run = (): void => {
    timer = undefined;
    if (document.hidden) return void document.addEventListener('visibilitychange', run, { once: true });
    now();
  };
  const now = (): void => {
    clearTimeout(timer);
    timer = undefined;
    last = performance.now();
    work();
  };
  const soon = (): void => {
    timer ??= setTimeout(run, Math.max(0, last + every - performance.now()));
  };
  return Object.assign(soon, { now });
}
