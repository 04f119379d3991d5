"""Speed of python/fewbits.py, as a table in Markdown: ns an element to compress and to decompress a gradient.

    python3 python/bench.py [--elements 25600000] [--rounds 5] [--only topK]

Decompression is measured to a new array, which the system hands out page by page, and with ``into`` one that is there.
Medians of the rounds; beside them what NumPy takes to fill and to copy a vector. Packets that Python does not write
are made of random codes.
"""

import argparse
import platform
import statistics
import struct
import time
from typing import Callable, List, NamedTuple, Optional

import numpy as np

import fewbits


class Case(NamedTuple):
    """A packet to measure with: ``compress`` makes it, where Python has the encoder."""

    name: str
    compress: Optional[Callable[[], bytes]]
    make: Callable[[], bytes]


def nanoseconds(call: Callable[[], object], rounds: int, elements: int, clock: Callable[[], float]) -> float:
    """The median time of a call, an element."""
    times: List[float] = []
    for _ in range(rounds):
        start = clock()
        call()
        times.append(clock() - start)
    return statistics.median(times) * 1e9 / elements


def words_of(value: float) -> int:
    """The bits of a float32."""
    return struct.unpack("<I", struct.pack("<f", value))[0]


def cases(x: np.ndarray, draw: np.random.Generator) -> List[Case]:
    """All compressors, on x, (n,) float32, or on codes of chance."""
    n = x.size
    k = max(1, n // 100)
    largest = np.sort(draw.choice(n, k, replace=False))

    def made(name: str, compress: Callable[[], bytes]) -> Case:
        return Case(name, compress, compress)

    def qsgd() -> bytes:
        codes = draw.integers(0, 15, n, np.uint8)
        return fewbits._write(9, n, (7, words_of(1.0), 0), (fewbits._pack_codes(codes, 4),))

    def mask_encoded() -> bytes:
        symbols = draw.integers(0, 7, n, np.uint8)
        symbols[largest] = 7
        return fewbits._write(7, n, (k, 3, 0), (x[largest].view(np.uint32), fewbits._pack_codes(symbols, 3)))

    def dithered_sign() -> bytes:
        return fewbits._write(10, n, (words_of(1.0),), (fewbits._pack(x < 0),))

    def random_k() -> bytes:
        return fewbits._write(4, n, (k, 1, 2, 3, 0), (x[:k].view(np.uint32),))

    return [
        made("topK 0.1 %", lambda: fewbits.compress_top_k(x, ratio=0.001)),
        made("topK 1 %", lambda: fewbits.compress_top_k(x, ratio=0.01)),
        made("topK 1 %, bfloat16", lambda: fewbits.compress_top_k(x, ratio=0.01, values="bfloat16")),
        made("topK 10 %", lambda: fewbits.compress_top_k(x, ratio=0.1)),
        made("topK 50 %, a bitmap", lambda: fewbits.compress_top_k(x, ratio=0.5)),
        made("indexList 1 %", lambda: fewbits.write_index_list(largest, n)),
        made("scaledSign", lambda: fewbits.compress_scaled_sign(x)),
        made("scaledSign, blocks of 256", lambda: fewbits.compress_scaled_sign(x, 256)),
        made("blockTopK", lambda: fewbits.compress_block_top_k(x)),
        *[
            made(f"quantized, {bits} bits, packed", lambda bits=bits: fewbits.compress_quantized(x, bits, "packed"))
            for bits in (4, 5, 8, 12)
        ],
        made("quantized, 8 bits", lambda: fewbits.compress_quantized(x, 8)),
        made("flattenedOneBit, 'max'", lambda: fewbits.compress_flattened_one_bit(x, 1, lambda_="max")),
        made("flattenedOneBit, 'mean'", lambda: fewbits.compress_flattened_one_bit(x, 1, scale="mean")),
        made(
            "flattenedLevels, 3 bits, packed",
            lambda: fewbits.compress_flattened_levels(x, 1, bits=3, coding="packed"),
        ),
        made("flattenedLevels, 3 bits", lambda: fewbits.compress_flattened_levels(x, 1, bits=3)),
        made("float32", lambda: fewbits.compress_float32(x)),
        Case("randomK 1 %", None, random_k),
        Case("maskEncoded, 3 bits, 1 %", None, mask_encoded),
        Case("qsgd, 7 levels", None, qsgd),
        Case("ditheredSign", None, dithered_sign),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Prints the speed of python/fewbits.py as a table.")
    parser.add_argument("--elements", type=int, default=25_600_000)
    parser.add_argument("--rounds", type=int, default=5, help="calls of which the median is taken (default: 5)")
    parser.add_argument("--only", default="", help="the compressors whose names start like this")
    parser.add_argument("--cpu", action="store_true", help="processor time, where others use the machine as well")
    given = parser.parse_args()
    n = given.elements

    def measured(call: Callable[[], object]) -> float:
        return nanoseconds(call, given.rounds, n, time.process_time if given.cpu else time.perf_counter)

    draw = np.random.default_rng(1)
    x = draw.standard_normal(n, np.float32)
    y = np.zeros(n, np.float32)

    kind = "processor time" if given.cpu else "wall time"
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}"
    print(f"{n} elements, ns an element, {kind}, medians of {given.rounds}; {versions}")
    print()
    print("| compressor | bytes an element | compress | decompress | decompress `into` | CRC alone |")
    print("| :-- | --: | --: | --: | --: | --: |")
    for name, fresh, there in (
        ("`np.full`, `fill`: a constant", lambda: np.full(n, 1, np.float32), lambda: y.fill(0)),
        ("`x.copy()`, `np.copyto`", x.copy, lambda: np.copyto(y, x)),
    ):
        new, into = measured(fresh), measured(there)
        print(f"| {name} | | | {new:.2f} | {into:.2f} | |")
    for name, compress, make in cases(x, draw):
        if not name.startswith(given.only):
            continue
        packet = make()
        took = "" if compress is None else f"{measured(compress):.2f}"
        new = measured(lambda: fewbits.decompress(packet))
        into = measured(lambda: fewbits.decompress(packet, into=y))
        crc = measured(lambda: fewbits._crc32c(packet))
        print(f"| {name} | {len(packet) / n:.3f} | {took} | {new:.2f} | {into:.2f} | {crc:.2f} |", flush=True)


if __name__ == "__main__":
    main()
