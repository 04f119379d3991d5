/**
 * The mean of packets that come one after the other: each is added once, as soon as those before it are. Bits are those
 * of `device.mean`, which adds in the order of packets, too, and multiplies each by its share before: so what is added
 * early counts for as many packets as were expected then, and all is added anew where the mean is over others. Where
 * packets have weights nothing is added early, since their sum is not known.
 */
import { codecOf } from '../compressors/codecs.ts';
import { addInto } from '../compressors/decode.ts';
import type { Device } from '../device.ts';
import { PacketError } from '../errors.ts';
import type { DeviceVector } from '../kernels/device-vector.ts';
import { touchOf } from '../schedule.ts';
import { sumOf, type Parted } from './weights.ts';

export class RunningMean {
  readonly #device: Device;
  /** The mean, once all packets are added. */
  readonly vector: DeviceVector;
  /** What was added, and of how many packets the mean is. */
  #added: readonly Uint8Array[] = [];
  #of = 0;

  /** Memory on the device: n elements. */
  constructor(device: Device, n: number) {
    this.#device = device;
    this.vector = device.vector(n);
  }

  /**
   * Adds those of `packets` that are not added yet: the first ones of `of`, each of n elements. The bytes stay as they
   * are until the mean is used.
   * @throws PacketError where one is not sound: none of them is added
   */
  async add({ bytes: packets, weights }: Parted, of: number): Promise<void> {
    if (weights !== undefined) {
      this.forget();
      const total = sumOf(weights);
      const shares = weights.map((weight) => weight / total);
      if (this.vector.length > 0 && packets.length === of) await this.#add(packets, shares, true);
      return;
    }
    const sharesOf = (some: readonly Uint8Array[]): number[] => some.map(() => 1 / of);
    const isOn = of === this.#of && this.#added.every((packet, i) => packet === packets[i]);
    const done = isOn ? this.#added.length : 0;
    if (this.vector.length === 0 || packets.length === done) return;
    try {
      const rest = packets.slice(done);
      await this.#add(rest, sharesOf(rest), done === 0);
    } catch (error) {
      // sums are as they were where a packet is refused; a GPU that is lost has none any more
      if (error instanceof PacketError) throw error;
      this.forget();
      if (done === 0) throw error;
      await this.#add(packets, sharesOf(packets), true);
    }
    this.#added = [...packets];
    this.#of = of;
  }

  async #add(packets: readonly Uint8Array[], shares: readonly number[], fresh: boolean): Promise<void> {
    const { vector } = this;
    const rules = { codecOf, maxElements: vector.length };
    const touches = packets.map((packet) => touchOf(packet, 'reads', true));
    await this.#device.use(
      (scope) => addInto(scope, packets, { into: vector, shares, fresh }, rules),
      [...touches, touchOf(vector, 'writes', true)],
      packets.reduce((sum, packet) => sum + packet.byteLength, vector.length * 4),
    );
  }

  /** Begins anew: the mean was used, or is that of another round. */
  forget(): void {
    this.#added = [];
  }

  free(): void {
    this.vector.free();
  }
}
