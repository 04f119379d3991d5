/** A server with members on one device, and the models that they train: what tests of federated rounds begin with. */
import {
  client,
  server,
  type Client,
  type ClientOptions,
  type Server,
  type ServerOptions,
} from '../../ts/federated/index.ts';
import type { Device } from '../../ts/device.ts';
import { blockTopK, type Compressor, type TensorLayout } from '../../ts/index.ts';
import { device as js } from '../reference/algorithms/play.ts';
import { readState } from '../reference/algorithms/states.ts';
import { gradient } from '../reference/algorithms/gradients.ts';
import { input } from '../support/inputs.ts';

export const N = 1300;

export const layout: TensorLayout = {
  leaves: [
    { name: 'kernel', shape: [100, 12], offset: 0, length: 1200 },
    { name: 'bias', shape: [100], offset: 1200, length: 100 },
  ],
};

export const blocks: Compressor = blockTopK({ block: 128, k: 9 });

export const initial: Float32Array = input('normal', N, 9);

/** What both ends are given, unless a test says otherwise. */
export const common: { layout: TensorLayout; up: Compressor; down: Compressor } = {
  layout,
  up: blocks,
  down: blocks,
};

export function openServer(options: Partial<ServerOptions> = {}, device: Device = js): Server {
  return server({ device, ...common, model: initial, mostWeight: 100, ...options });
}

export function openClient(id: string, options: Partial<ClientOptions> = {}, device: Device = js): Client {
  return client({ device, ...common, id, ...options });
}

/** A member that has joined. */
export async function joined(to: Server, id: string, options: Partial<ClientOptions> = {}): Promise<Client> {
  const member = openClient(id, options);
  await member.start(await to.join(id, member.hello()));
  return member;
}

/** A copy of the member's model that was trained on data of its own. */
export function trained(member: Client, round: number): Float32Array {
  const model = member.model as Float32Array;
  const rank = [...member.id].reduce((sum, letter) => sum + (letter.codePointAt(0) as number), 0);
  const change = gradient(model.length, round, rank % 1000);
  return model.map((value, i) => value - 0.01 * change[i]);
}

/** The error memory of a member, with nothing of a contribution under way. */
export async function errorOf(member: Client): Promise<Float32Array> {
  return readState(await member.save()).vectors.error;
}
