/** Workers whose directions are left on the GPU, where a framework that trains there takes them. */
import type { GpuRange } from '../backends/backend.ts';
import type { Device } from '../device.ts';
import { requireSeat } from './seat.ts';
import type { Outcome, Seat, System, Worker } from './system.ts';
import { copyInto, requireVector } from './vectors.ts';

/**
 * A worker as `system.worker` makes it, whose directions are written to `into`: n elements in a buffer of the device's
 * GPU with usage STORAGE, COPY_SRC and COPY_DST, which only the worker writes to. With gradients on the GPU too,
 * nothing but messages crosses to the CPU in pSgd and foSgd, and in liecSgd between the steps that average. The other
 * systems keep vectors in memory: they read the gradient back, and upload the direction.
 *
 * @param system which the worker is of
 * @param device on webgpu
 * @param seat n in elements, the number of workers, and the rank
 * @param into where directions are written: bytes from `offset`, n elements
 * @returns the worker
 * @throws TypeError where the device has no GPU, RangeError unless `into` has n elements
 */
export function workerOnGpu(system: System, device: Device, seat: Seat, into: GpuRange): Worker<GpuRange> {
  if (device.gpu === undefined)
    throw new TypeError(`"device" expected one with a GPU, got one on ${device.backend}`);
  requireVector('into', into, requireSeat(seat, device).n);
  if (system.workerInto !== undefined) return system.workerInto(device, seat, into);
  const worker = system.worker(device, seat);
  return {
    send: (gradient, model) => worker.send(gradient, model),
    follow: (model) => worker.follow(model),
    async receive(inbox, from, used): Promise<Outcome<GpuRange>> {
      const outcome = await worker.receive(inbox, from, used);
      if (outcome.kind !== 'direction') return outcome;
      await copyInto(device, outcome.direction, into).catch((error: unknown) => {
        // a step without its direction is not done
        worker.takeBack();
        throw error;
      });
      return { kind: 'direction', direction: into };
    },
    check: (message, rank) => worker.check(message, rank),
    share: () => worker.share(),
    adopt: (shared, taken) => worker.adopt(shared, taken),
    takeBack: () => worker.takeBack(),
    save: () => worker.save(),
    load: (state) => worker.load(state),
    get report() {
      return worker.report;
    },
    get wantsModel() {
      return worker.wantsModel;
    },
  };
}
