/**
 * The stages of the fast Walsh-Hadamard transform (fwht.ts) in memory, one, two or three at a time: radix 2, 4 and 8,
 * of single elements or of vectors of them: T is what is loaded at once, E an element.
 *
 * butterflies(y, h, stages, first, last): of the stages h, ..., 2^(stages - 1) h, 1 to 3 of them, the butterflies
 *   first..last - 1: number i joins the elements from floor(i / h) 2^stages h + i mod h on, h apart. h, first and last
 *   are multiples of 4. Where the stages before are done, all butterflies in any order, on any thread, are these
 *   stages.
 *   Scratch: none.
 */

/** All stages from distance `h` on, of `bytes` from y on; distances in bytes. */
export function stages<T, E>(y: usize, bytes: usize, h: usize): void {
  while (h < bytes) {
    const left = bytes / h;
    if (left == 8 || left > 16) {
      radix8<T, E>(y, y + bytes, h);
      h <<= 3;
    } else if (left >= 4) {
      radix4<T, E>(y, y + bytes, h);
      h <<= 2;
    } else {
      radix2<T, E>(y, y + bytes, h);
      h <<= 1;
    }
  }
}

// @ts-ignore: decorator
@inline
function sum<T, E>(a: T, b: T): T {
  if (isVector<T>()) return v128.add<E>(a, b);
  else return a + b;
}

// @ts-ignore: decorator
@inline
function difference<T, E>(a: T, b: T): T {
  if (isVector<T>()) return v128.sub<E>(a, b);
  else return a - b;
}

export function butterflies(y: usize, h: u32, stages: u32, first: u32, last: u32): void {
  const distance = (<usize>h) << 2;
  while (first < last) {
    const column = first & (h - 1);
    const count = min(h - column, last - first);
    const start = y + ((((<usize>(first - column)) << stages) + column) << 2);
    const end = start + ((<usize>count) << 2);
    if (ASC_FEATURE_SIMD) strips<v128, f32>(start, end, distance, stages);
    else strips<f32, f32>(start, end, distance, stages);
    first += count;
  }
}

/** One to three stages of the columns [y, end), each with those 1, 2, ... times h, in bytes, after it. */
// @ts-ignore: decorator
@inline
function strips<T, E>(y: usize, end: usize, h: usize, stages: u32): void {
  if (stages == 3) strip8<T, E>(y, end, h);
  else if (stages == 2) strip4<T, E>(y, end, h);
  else strip2<T, E>(y, end, h);
}

/** The stages h, 2 h and 4 h of [y, end); h in bytes. */
export function radix8<T, E>(y: usize, end: usize, h: usize): void {
  for (; y < end; y += 8 * h) strip8<T, E>(y, y + h, h);
}

// @ts-ignore: decorator
@inline
function strip8<T, E>(y: usize, end: usize, h: usize): void {
  for (; y < end; y += sizeof<T>()) {
    const y1 = y + h;
    const y2 = y1 + h;
    const y3 = y2 + h;
    const y4 = y3 + h;
    const y5 = y4 + h;
    const y6 = y5 + h;
    const y7 = y6 + h;
    const a0 = load<T>(y);
    const a1 = load<T>(y1);
    const b0 = sum<T, E>(a0, a1);
    const b1 = difference<T, E>(a0, a1);
    const a2 = load<T>(y2);
    const a3 = load<T>(y3);
    const b2 = sum<T, E>(a2, a3);
    const b3 = difference<T, E>(a2, a3);
    const c0 = sum<T, E>(b0, b2);
    const c1 = sum<T, E>(b1, b3);
    const c2 = difference<T, E>(b0, b2);
    const c3 = difference<T, E>(b1, b3);
    const a4 = load<T>(y4);
    const a5 = load<T>(y5);
    const b4 = sum<T, E>(a4, a5);
    const b5 = difference<T, E>(a4, a5);
    const a6 = load<T>(y6);
    const a7 = load<T>(y7);
    const b6 = sum<T, E>(a6, a7);
    const b7 = difference<T, E>(a6, a7);
    const c4 = sum<T, E>(b4, b6);
    const c5 = sum<T, E>(b5, b7);
    const c6 = difference<T, E>(b4, b6);
    const c7 = difference<T, E>(b5, b7);
    store<T>(y, sum<T, E>(c0, c4));
    store<T>(y1, sum<T, E>(c1, c5));
    store<T>(y2, sum<T, E>(c2, c6));
    store<T>(y3, sum<T, E>(c3, c7));
    store<T>(y4, difference<T, E>(c0, c4));
    store<T>(y5, difference<T, E>(c1, c5));
    store<T>(y6, difference<T, E>(c2, c6));
    store<T>(y7, difference<T, E>(c3, c7));
  }
}

/** The stages h and 2 h of [y, end); h in bytes. */
function radix4<T, E>(y: usize, end: usize, h: usize): void {
  for (; y < end; y += 4 * h) strip4<T, E>(y, y + h, h);
}

// @ts-ignore: decorator
@inline
function strip4<T, E>(y: usize, end: usize, h: usize): void {
  for (; y < end; y += sizeof<T>()) {
    const y1 = y + h;
    const y2 = y1 + h;
    const y3 = y2 + h;
    const a0 = load<T>(y);
    const a1 = load<T>(y1);
    const a2 = load<T>(y2);
    const a3 = load<T>(y3);
    const b0 = sum<T, E>(a0, a1);
    const b1 = difference<T, E>(a0, a1);
    const b2 = sum<T, E>(a2, a3);
    const b3 = difference<T, E>(a2, a3);
    store<T>(y, sum<T, E>(b0, b2));
    store<T>(y1, sum<T, E>(b1, b3));
    store<T>(y2, difference<T, E>(b0, b2));
    store<T>(y3, difference<T, E>(b1, b3));
  }
}

/** The stage h of [y, end); h in bytes. */
function radix2<T, E>(y: usize, end: usize, h: usize): void {
  for (; y < end; y += 2 * h) strip2<T, E>(y, y + h, h);
}

// @ts-ignore: decorator
@inline
function strip2<T, E>(y: usize, end: usize, h: usize): void {
  for (; y < end; y += sizeof<T>()) {
    const a0 = load<T>(y);
    const a1 = load<T>(y + h);
    store<T>(y, sum<T, E>(a0, a1));
    store<T>(y + h, difference<T, E>(a0, a1));
  }
}
