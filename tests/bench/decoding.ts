/** Groups of what is done with packets: written to a vector, added to one, and the mean of several. */
import { type Bench, floorsOf, type Group, type Participant } from './bench.ts';
import type { CompressorTask } from './compressors.ts';
import { type Device } from '../../ts/index.ts';
import { ours } from './rows.ts';

/** Packets of a mean. */
const PACKETS = 4;

export function decompressGroup(task: CompressorTask): Group {
  return decoding(`decompress ${task.name}`, 'decompress', task, (device, packet, into) => ({
    [ours(device.backend)]: () => device.decompress(packet, { into }),
    // a new array each time, whose memory the system has yet to give
    [`${ours(device.backend)}, to a new array`]: () => device.decompress(packet),
  }));
}

export function accumulateGroup(task: CompressorTask): Group {
  // so small a share that what the calls add up to stays far from the ends of float32
  const accumulate = 2 ** -20;
  return decoding(`accumulate ${task.name}`, 'accumulate', task, (device, packet, into) => ({
    [ours(device.backend)]: () => device.decompress(packet, { into, accumulate }),
  }));
}

export function meanGroup(task: CompressorTask): Group {
  return decoding(`mean of ${PACKETS}, ${task.name}`, 'mean', task, (device, packet, into) => {
    const packets = Array.from({ length: PACKETS }, () => packet.slice());
    return { [ours(device.backend)]: () => device.mean(packets, { into }) };
  });
}

/** A group of calls over a packet of the vector and an array of as many elements, by their names. */
function decoding(
  task: string,
  kind: Participant['kind'],
  packing: CompressorTask,
  calls: (device: Device, packet: Uint8Array, into: Float32Array) => Record<string, () => unknown>,
): Group {
  return {
    group: 'compressors',
    task,
    everyData: false,
    async prepare(bench: Bench) {
      const { x } = bench.input;
      const own: Participant[] = [];
      for (const { name, device } of bench.backends) {
        const packet = await device.compress(packing.compressor(bench.input), x);
        const entry = { kind, backend: name, bytes: packet.length };
        for (const [candidate, run] of Object.entries(calls(device, packet, new Float32Array(x.length))))
          own.push({ ...entry, candidate, run });
      }
      return [...own, ...floorsOf(bench)];
    },
  };
}
