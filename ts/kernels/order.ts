/** The two orders in which elements are compared. */

/** What "largest" means: the magnitude |x_i|, or the value x_i, where -0 equals +0. */
export type Order = 'magnitude' | 'value';

/** The number by which kernels know an order. */
export const ORDERS: Readonly<Record<Order, number>> = { magnitude: 0, value: 1 };
