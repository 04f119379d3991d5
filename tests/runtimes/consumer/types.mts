/** A user's program of which nothing may be `any`, in a strict compiler; in.dom.mts has what pages do beside it. */
import * as fewbits from 'fewbits';
import {
  openDevice,
  topK,
  type Bytes,
  type Device,
  type GpuBuffer,
  type GpuDevice,
  type GpuRange,
} from 'fewbits';
import * as algorithms from 'fewbits/algorithms';
import { exchange, foSgd, type Message, type System } from 'fewbits/algorithms';
import * as kernels from 'fewbits/kernels';
import * as messages from 'fewbits/messages';
import * as mqtt from 'fewbits/mqtt';
import * as sparse from 'fewbits/sparse';
import simd from 'fewbits/wasm-simd.wasm';

type IsAny<T> = 0 extends 1 & T ? true : false;

type IsSame<T, Other> = [T] extends [Other] ? ([Other] extends [T] ? true : false) : false;

/**
 * true where a type, what a function of it takes or gives, or a member of it is `any`; to a depth of four. The platform's own
 * types are not looked into.
 */
type HasAny<T, Depth extends readonly unknown[] = [0, 0, 0, 0]> =
  IsAny<T> extends true
    ? true
    : Depth extends readonly [unknown, ...infer Rest]
      ? T extends
          | ((...values: infer Taken) => infer Given)
          | (abstract new (...values: infer Taken) => infer Given)
        ? true extends HasAny<Given, Rest> | HasAny<Taken[number], Rest>
          ? true
          : false
        : true extends IsSame<T, GpuDevice> | IsSame<T, GpuBuffer>
          ? false
          : T extends Promise<infer Value>
            ? HasAny<Value, Rest>
            : T extends
                  | ArrayBufferView
                  | ArrayBuffer
                  | string
                  | number
                  | boolean
                  | symbol
                  | bigint
                  | null
                  | undefined
              ? false
              : T extends readonly (infer Element)[]
                ? HasAny<Element, Rest>
                : T extends object
                  ? true extends { [Key in keyof T]-?: HasAny<T[Key], Rest> }[keyof T]
                    ? true
                    : false
                  : false
      : false;

/** The members of a module in which something is `any`. */
type Loose<Module> = {
  [Name in keyof Module]: true extends HasAny<Module[Name]> ? Name : never;
}[keyof Module];

const none = <Module,>(
  _: Module,
  ..._loose: [Loose<Module>] extends [never] ? [] : [Loose<Module>]
): void => {};
none(fewbits);
none(algorithms);
none(kernels);
none(messages);
none(mqtt);
none(sparse);
// the test of these would not find it, unless this fails
// @ts-expect-error
none({ a: (): Promise<{ b: any }> => Promise.reject(new Error()) });

const device: Device = await openDevice({ module: simd });
const packet: Bytes = await device.compress(topK({ k: 1 }), await kernels.fwht(device, new Float32Array(4)));
// @ts-expect-error
await device.compress(topK({ k: '1' }), packet);
// @ts-expect-error
const wrong: string = packet;
// @ts-expect-error
const noRange: GpuRange = { offset: 4 };
const system: System = foSgd({ seed: 1 });
const worker = system.worker(device, { n: 4, workers: 1, rank: 0 });
const message: Message = await worker.send(new Float32Array(4));
export const kept: readonly Bytes[] = [message.bytes, await worker.save(), worker.share(), packet];
export const pieces: Bytes[] = messages.splitMessage(message.bytes);
export const direction: string = (await exchange([worker], undefined, [new Float32Array(4)])).outcomes[0]
  .kind;
export { noRange, wrong };
