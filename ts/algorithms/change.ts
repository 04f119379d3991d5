/** What a copy of a common model has changed, as a packet, with error feedback: steps 1 to 3 of local-steps.ts. */
import { codecOf } from '../compressors/codecs.ts';
import type { Compressor, Draw } from '../compressors/compressor.ts';
import { addError, encodeWithError } from '../compressors/encode.ts';
import type { Device } from '../device.ts';
import type { DeviceVector } from '../kernels/device-vector.ts';
import type { Scope, Steps } from '../kernels/scope.ts';
import { roomFor } from '../packet/packet.ts';
import type { Bytes } from '../platform.ts';
import { touchOf } from '../schedule.ts';
import type { Vector } from './vectors.ts';

/**
 * 1. to 3.: delta = theta - local; acc = decay e + delta; C(acc). Magnitudes below 2^-102 count as zero in sums. The
 * error is as it was.
 * @throws NonFiniteError where theta, local, acc or what the packet loses of it is not finite
 */
export function squeezeChange(
  device: Device,
  compressor: Compressor,
  { theta, local }: { readonly theta: Float32Array; readonly local: Vector },
  feedback: { readonly error: DeviceVector; readonly decay: number; readonly sum: DeviceVector },
  draw: Draw,
): Promise<Bytes> {
  const n = theta.length;
  const work = function* (scope: Scope): Steps<Bytes> {
    const delta = { buffer: scope.take(n), n };
    if (n > 0) yield* addError(scope, scope.vector(theta), scope.vector(local), -1, delta, 'the local model');
    return yield* encodeWithError(scope, compressor, delta, feedback, draw, codecOf, roomFor);
  };
  const touches = [
    touchOf(theta, 'reads', false),
    touchOf(local, 'reads', false),
    touchOf(feedback.error, 'reads', false),
    touchOf(feedback.sum, 'writes', false),
  ];
  return device.use(work, touches, n * 16);
}
