/**
 * An ONNX model of two nodes, |x| and its k largest, as the bytes of its protocol buffer: there is no package that only
 * writes them. Field numbers are those of onnx.proto.
 */

/** A field: a number, a text, or a message of fields. */
type Field = readonly [number: number, value: number | string | readonly Field[]];

const FLOAT = 1;
const INT64 = 7;

/** Operators since version 13 of ONNX; files since version 7 of the format. */
const OPSET = 13;
const FORMAT = 7;

/** Inputs `x`, a vector, and `k`, an int64 of shape [1]; outputs `values` and `indices`, in any order. */
export function topKModel(): Uint8Array {
  const nodes: readonly Field[] = [
    [1, node('Abs', ['x'], ['magnitudes'], {})],
    [1, node('TopK', ['magnitudes', 'k'], ['values', 'indices'], { axis: 0, largest: 1, sorted: 0 })],
  ];
  const graph: readonly Field[] = [
    ...nodes,
    [2, 'topK'],
    [11, tensor('x', FLOAT, 'n')],
    [11, tensor('k', INT64, 1)],
    [12, tensor('values', FLOAT, 'kept')],
    [12, tensor('indices', INT64, 'kept')],
  ];
  const operators: readonly Field[] = [
    [1, ''],
    [2, OPSET],
  ];
  const model: readonly Field[] = [
    [1, FORMAT],
    [7, graph],
    [8, operators],
  ];
  return Uint8Array.from(message(model));
}

function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, number>>,
): Field[] {
  const INT = 2;
  return [
    ...inputs.map((name): Field => [1, name]),
    ...outputs.map((name): Field => [2, name]),
    [4, operator],
    ...Object.entries(attributes).map(([name, value]): Field => {
      return [
        5,
        [
          [1, name],
          [3, value],
          [20, INT],
        ],
      ];
    }),
  ];
}

/** The name and type of a vector; its length is a number, or a name for one that is not known. */
function tensor(name: string, type: number, length: number | string): Field[] {
  const dimension: Field = typeof length === 'number' ? [1, length] : [2, length];
  const shape: Field[] = [[1, [dimension]]];
  return [
    [1, name],
    [
      2,
      [
        [
          1,
          [
            [1, type],
            [2, shape],
          ],
        ],
      ],
    ],
  ];
}

function message(fields: readonly Field[]): number[] {
  return fields.flatMap(([number, value]) => {
    if (typeof value === 'number') return [...varint(number << 3), ...varint(value)];
    const bytes = typeof value === 'string' ? [...new TextEncoder().encode(value)] : message(value);
    return [...varint((number << 3) | 2), ...varint(bytes.length), ...bytes];
  });
}

/** Seven bits a byte, the lowest first. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}
