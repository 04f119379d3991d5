/**
 * What else selects the k largest: TensorFlow.js on wasm and on its plain backend, ONNX Runtime, each on one thread,
 * and plain JavaScript; and MessagePack, for what sends float32 as it is. The packages have a project of their own,
 * tests/bench/peers, which is installed at the first use.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { topKModel } from './onnx-model.ts';
import { plainTopK } from './plain.ts';
import { type ByteCodec, type MessagePack, messagePackCodec } from './wire.ts';

const PROJECT = fileURLToPath(new URL('./peers', import.meta.url));

export const PLAIN = 'plain JavaScript';
export const TF_WASM = 'TensorFlow.js wasm';
export const TF_CPU = 'TensorFlow.js cpu';
export const ONNX = 'onnxruntime';

/** One call, and what gives its memory back at the end. */
export interface PeerCall {
  readonly run: () => unknown;
  readonly end?: () => void;
}

export interface Peer {
  readonly name: string;
  /** The longest vector that its memory takes. */
  readonly most: number;
  /** Done before each round. */
  readonly before?: () => Promise<unknown>;
  /** The k of the largest magnitude of a vector that lies in the peer's memory; the result stays there. */
  resident(x: Float32Array, k: number): PeerCall;
  /** From a Float32Array to arrays of values and indices. */
  whole(x: Float32Array, k: number): PeerCall;
}

/** Always at hand. */
export const plainPeer: Peer = {
  name: PLAIN,
  most: Infinity,
  resident: (x, k) => ({ run: plainTopK(x, k) }),
  whole: (x, k) => ({ run: plainTopK(x, k) }),
};

/** The peers from npm: what selects, what makes bytes of float32, and the versions of all. */
export interface Peers {
  readonly peers: readonly Peer[];
  readonly codecs: readonly ByteCodec[];
  readonly versions: Readonly<Record<string, string>>;
}

/** @throws Error where they cannot be fetched or do not start */
export async function openPeers(): Promise<Peers> {
  // what npm writes last, and the youngest of them
  const written = ['.package-lock.json', '@msgpack/msgpack/package.json'];
  if (!written.every((file) => existsSync(`${PROJECT}/node_modules/${file}`))) install();
  const load = createRequire(`${PROJECT}/package.json`);
  const peers = [...(await openTensorFlow(load)), await openOnnx(load)];
  const { dependencies } = load('./package.json') as { dependencies: Record<string, string> };
  const codecs = [messagePackCodec(load('@msgpack/msgpack') as MessagePack)];
  return { peers, codecs, versions: dependencies };
}

function install(): void {
  console.log(
    'Fetching TensorFlow.js, onnxruntime and MessagePack (357 MB), once; --no-peers leaves them out.',
  );
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { status, stderr } = spawnSync(npm, ['ci', '--no-audit', '--no-fund'], {
    cwd: PROJECT,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status === 0) return;
  // npm says what went wrong first, in short, and where its log lies last
  const [, reason] = /^npm (?:error|ERR!) (?:code )?(.*)$/m.exec(stderr ?? '') ?? [];
  throw new Error(`npm ci in ${PROJECT} failed${reason === undefined ? '' : `: ${reason}`}`);
}

/** A tensor of TensorFlow.js. */
interface Tensor {
  dataSync(): ArrayLike<number>;
  dispose(): void;
}

/** What is used here of @tensorflow/tfjs-core. */
interface TensorFlow {
  /** Without advice on the terminal. */
  enableProdMode(): void;
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tensor1d(values: Float32Array): Tensor;
  abs(x: Tensor): Tensor;
  topk(x: Tensor, k: number, sorted: boolean): { values: Tensor; indices: Tensor };
}

/** What is used here of @tensorflow/tfjs-backend-wasm. */
interface TensorFlowWasm {
  setWasmPaths(folder: string): void;
  setThreadsCount(threads: number): void;
}

/** The cpu backend makes an object of each element: beyond this they do not fit Node's heap. */
const MOST_OBJECTS = 2 ** 24;

async function openTensorFlow(load: NodeJS.Require): Promise<Peer[]> {
  const tf = load('@tensorflow/tfjs-core') as TensorFlow;
  tf.enableProdMode();
  load('@tensorflow/tfjs-backend-cpu');
  const wasm = load('@tensorflow/tfjs-backend-wasm') as TensorFlowWasm;
  wasm.setWasmPaths(`${dirname(load.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
  wasm.setThreadsCount(1);
  for (const backend of ['wasm', 'cpu'])
    if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js has no backend ${backend}`);
  await tf.ready();

  const topK = (x: Tensor, k: number): { values: Tensor; indices: Tensor } => {
    const magnitudes = tf.abs(x);
    const top = tf.topk(magnitudes, k, false);
    magnitudes.dispose();
    return top;
  };
  const dispose = ({ values, indices }: { values: Tensor; indices: Tensor }): void => {
    values.dispose();
    indices.dispose();
  };
  const peer = (name: string, backend: string, most: number): Peer => ({
    name,
    most,
    before: () => tf.setBackend(backend),
    resident(values, k) {
      let x: Tensor | undefined;
      // made at the first call, when the backend is the right one
      return { run: () => dispose(topK((x ??= tf.tensor1d(values)), k)), end: () => x?.dispose() };
    },
    whole: (values, k) => ({
      run() {
        const x = tf.tensor1d(values);
        const top = topK(x, k);
        const result = [top.values.dataSync(), top.indices.dataSync()];
        x.dispose();
        dispose(top);
        return result;
      },
    }),
  });
  return [peer(TF_WASM, 'wasm', Infinity), peer(TF_CPU, 'cpu', MOST_OBJECTS)];
}

/** What is used here of onnxruntime-node. */
interface OnnxRuntime {
  readonly InferenceSession: {
    create(model: Uint8Array, options: object): Promise<{ run(feeds: object): Promise<object> }>;
  };
  readonly Tensor: new (type: string, data: Float32Array | BigInt64Array, shape: readonly number[]) => object;
}

async function openOnnx(load: NodeJS.Require): Promise<Peer> {
  const { InferenceSession, Tensor } = load('onnxruntime-node') as OnnxRuntime;
  const session = await InferenceSession.create(topKModel(), {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
  // it reads a Float32Array where it lies and gives arrays, so both calls are one
  const call = (values: Float32Array, k: number): PeerCall => {
    const feeds = {
      x: new Tensor('float32', values, [values.length]),
      k: new Tensor('int64', BigInt64Array.of(BigInt(k)), [1]),
    };
    return { run: () => session.run(feeds) };
  };
  return { name: ONNX, most: Infinity, resident: call, whole: call };
}
