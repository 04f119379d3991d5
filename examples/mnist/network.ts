/** A network as training takes it, whatever it reads. */
export interface Network<Batch> {
  /** Parameters in all: the length of every parameter vector and gradient. */
  readonly size: number;
  /** Starting values, drawn from the seed. */
  initial(seed: number): Float32Array;
  /** Writes the gradient of the batch's mean loss into `gradient` (`size` numbers) and returns that loss, in nats. */
  gradient(parameters: Float32Array, batch: Batch, gradient: Float32Array): Promise<number>;
  /** The batch's mean loss alone, in nats. */
  loss(parameters: Float32Array, batch: Batch): Promise<number>;
}
