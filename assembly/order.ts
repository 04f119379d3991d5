/** The orders of elements, as ts/kernels/order.ts has them: 0 = by magnitude, 1 = by value, where -0 equals +0. */

/** The order by value; any other number is the order by magnitude. */
export const VALUE: u32 = 1;
