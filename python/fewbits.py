"""The packets of fewbits in Python: one file, NumPy alone.

A packet (docs/packet.md) stands for one float32 vector. ``decompress`` rebuilds it, of whatever compressor, bit by bit
as the JavaScript decoders do; ``compress_top_k`` and ``compress_scaled_sign`` write the bytes that JavaScript writes.

    >>> x = np.array([1, -2, 3], dtype=np.float32)
    >>> decompress(compress_scaled_sign(x))
    array([ 2., -2.,  2.], dtype=float32)

As a program: ``python3 fewbits.py inspect FILE`` and ``python3 fewbits.py decompress IN.fb OUT.npy``.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import operator
import struct
import sys
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

__all__ = ["PacketError", "compress_scaled_sign", "compress_top_k", "decompress", "inspect"]

#: Words as they lie in a packet.
WORD = np.dtype("<u4")
#: All bits of a float32 but its sign, and the least magnitude that is not finite.
MAGNITUDE = np.uint32(0x7FFFFFFF)
INFINITE = np.uint32(0x7F800000)
#: The greatest n, k and block.
MOST = 2**32 - 1

Bytes = Union[bytes, bytearray, memoryview]


class PacketError(ValueError):
    """The bytes are not a packet that can be read. ``offset`` is the byte at which they stop making sense."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(f"{message} (at byte {offset})")
        self.offset = offset


# ---------------------------------------------------------------------------------------------------- CRC-32C


@functools.lru_cache(maxsize=None)
def _shift_tables(level: int) -> np.ndarray:
    """The (4, 256) uint32 whose [j, b] is what the CRC register b << 8j becomes after 4 * 2**level zero bytes."""
    if level > 0:
        half = _shift_tables(level - 1)
        return _shift(half, half)
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> 1) ^ np.where(table & 1, np.uint32(0x82F63B78), np.uint32(0))
    registers = np.arange(256, dtype=np.uint32) << np.arange(0, 32, 8, dtype=np.uint32)[:, None]
    for _ in range(4):
        registers = (registers >> 8) ^ table[registers & 255]
    return registers


def _shift(registers: np.ndarray, tables: np.ndarray) -> np.ndarray:
    """What uint32 registers of any shape become after the zero bytes that ``tables`` stands for."""
    parts = np.ascontiguousarray(registers, WORD).view(np.uint8).reshape(*registers.shape, 4)
    shifted = tables[0][parts[..., 0]]
    for j in range(1, 4):
        shifted ^= tables[j][parts[..., j]]
    return shifted


def _crc32c(data: Bytes) -> int:
    """CRC-32C of four bytes or more; ``_crc32c(b'123456789') == 0xe3069283``.

    The register is linear in the message over GF(2): neighbouring words fold as shift(left) ^ right, where the shift
    by a word, two words, four ... is four lookups. So the message folds to one word in log2(words) steps.
    """
    missing = -len(data) % 4
    buffer = np.zeros(missing + len(data), np.uint8)  # zeros in front of a message change nothing
    buffer[missing:] = np.frombuffer(data, np.uint8)
    buffer[missing : missing + 4] ^= 255  # the initial value
    words = buffer.view(WORD)
    level = 0
    while words.size > 1:
        if words.size % 2:
            words = np.concatenate((np.zeros(1, words.dtype), words))
        words = _shift(words[0::2], _shift_tables(level)) ^ words[1::2]
        level += 1
    return int(_shift(words, _shift_tables(0))[0]) ^ 0xFFFFFFFF


# ------------------------------------------------------------------------------------------------- the frame


class _Packet(NamedTuple):
    """A packet whose frame is sound: magic, version, lengths and CRC hold."""

    compressor: int
    n: int
    bytes: int
    parameters: Tuple[int, ...]
    #: The words of all sections, and where they start in the packet, in bytes.
    body: np.ndarray
    body_offset: int


class _Description(NamedTuple):
    """What parameters say: by name, and the sections with their lengths in words."""

    parameters: Dict[str, Any]
    sections: List[Tuple[str, int]]


def _read(packet: Bytes) -> _Packet:
    if not isinstance(packet, (bytes, bytearray, memoryview)):
        raise TypeError(f'"packet" expected bytes, got a value of type {type(packet).__name__}')
    data = bytes(packet)
    size = len(data)
    if size < 20:
        raise PacketError(f"a packet has at least 20 bytes, got {size}", size)
    magic, version, compressor, count, n, said = struct.unpack_from("<4sBBHII", data)
    if magic != b"fewb":
        raise PacketError("the bytes do not start with 'fewb'", 0)
    if version != 1:
        raise PacketError(f"format version {version}; this reader knows 1", 4)
    if said != size:
        raise PacketError(f"the packet says {said} bytes, got {size}", 12)
    if size % 4 != 0:
        raise PacketError("the length is not a multiple of four", 12)
    if _crc32c(memoryview(data)[:-4]) != struct.unpack_from("<I", data, size - 4)[0]:
        raise PacketError("the CRC does not match: the packet was damaged", size - 4)
    body_offset = 16 + 4 * count
    if body_offset > size - 4:
        raise PacketError("the parameters pass the end of the packet", 6)
    words = np.frombuffer(data, WORD)
    parameters = tuple(int(word) for word in words[4 : 4 + count])
    return _Packet(compressor, n, size, parameters, words[4 + count : -1], body_offset)


def _write(compressor: int, n: int, parameters: Sequence[int], sections: Sequence[np.ndarray]) -> bytes:
    body = b"".join(np.ascontiguousarray(section, WORD).tobytes() for section in sections)
    size = 20 + 4 * len(parameters) + len(body)
    if size > MOST:
        raise ValueError(f"the packet would have {size} bytes, more than 2^32 - 1")
    header = struct.pack("<4sBBHII", b"fewb", 1, compressor, len(parameters), n, size)
    packet = header + struct.pack(f"<{len(parameters)}I", *parameters) + body
    return packet + struct.pack("<I", _crc32c(packet))


def _require_parameters(packet: _Packet, count: int) -> Tuple[int, ...]:
    if len(packet.parameters) != count:
        raise PacketError(f"{len(packet.parameters)} words of parameters, expected {count}", 6)
    return packet.parameters


def _describe(packet: _Packet) -> Tuple["_Codec", _Description]:
    """The packet's codec and description; the sections fill the body exactly."""
    codec = _CODECS.get(packet.compressor)
    if codec is None:
        raise PacketError(f"unknown compressor {packet.compressor}", 5)
    description = codec.describe(packet)
    expected = sum(words for _, words in description.sections)
    if expected != packet.body.size:
        raise PacketError(
            f"sections of {expected * 4} bytes, but the body has {packet.body.size * 4}", packet.body_offset
        )
    return codec, description


def _offsets(packet: _Packet, description: _Description) -> Dict[str, int]:
    """Where each section starts in the packet, in bytes."""
    offsets, at = {}, packet.body_offset
    for name, words in description.sections:
        offsets[name] = at
        at += words * 4
    return offsets


def _cut(packet: _Packet, description: _Description) -> Dict[str, np.ndarray]:
    """The words of each section."""
    cut, at = {}, 0
    for name, words in description.sections:
        cut[name] = packet.body[at : at + words]
        at += words
    return cut


def _words(bits: int) -> int:
    """Words that hold so many bits."""
    return -(-bits // 32)


def _pack(bits: np.ndarray) -> np.ndarray:
    """(count,) of zeros and ones, as ceil(count / 32) words, the lowest bit first."""
    words = np.zeros(_words(bits.size), WORD)
    packed = np.packbits(bits, bitorder="little")
    words.view(np.uint8)[: packed.size] = packed
    return words


def _unpack(words: np.ndarray) -> np.ndarray:
    """The reverse: (32 * words,) uint8."""
    return np.unpackbits(words.view(np.uint8), bitorder="little")


def _require_zero_tail(words: np.ndarray, bits: int, offset: int) -> None:
    """Raises unless the bits of the last word beyond the first ``bits`` are zero."""
    if bits % 32 and int(words[-1]) >> (bits % 32):
        raise PacketError(f"the bits beyond the first {bits} are not zero", offset + 4 * (words.size - 1))


def _require_finite(values: np.ndarray, offset: int) -> np.ndarray:
    """The values, as they are; raises where one is NaN or infinite."""
    bad = np.flatnonzero((values & MAGNITUDE) >= INFINITE)
    if bad.size:
        raise PacketError(f"value {bad[0]} is NaN or infinite", offset + 4 * int(bad[0]))
    return values


# ------------------------------------------------------------------------- 1 and 3: topK and threshold, decoder

#: Gaps that share a Rice parameter.
_BLOCK = 128
_CODINGS = ("rice", "bitmap")


def _blocks_of(k: int) -> np.ndarray:
    """How many gaps each block of a list of k has: (ceil(k / 128),) int64, 128 but for the last."""
    counts = np.full(-(-k // _BLOCK), _BLOCK, np.int64)
    if k % _BLOCK:
        counts[-1] = k % _BLOCK
    return counts


def _low_places(r: np.ndarray, counts: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Word of the section ``low`` behind each block, and the bit at which each gap's low part starts."""
    ends = np.cumsum((counts * r + 31) // 32)
    starts = ends - (counts * r + 31) // 32
    within = np.arange(counts.sum()) % _BLOCK
    return ends, np.repeat(32 * starts, counts) + within * np.repeat(r, counts)


def _require_count(packet: _Packet, k: int, least: int) -> None:
    if not min(least, packet.n) <= k <= packet.n:
        raise PacketError(f"k = {k} of n = {packet.n} elements", 16)


def _describe_sparse(packet: _Packet, least: int) -> _Description:
    k, coding, low_words, unary_bits = _require_parameters(packet, 4)
    _require_count(packet, k, least)
    if coding >= len(_CODINGS):
        raise PacketError(f"unknown coding {coding} of the index list", 20)
    parameters = {"k": k, "coding": _CODINGS[coding]}
    if _CODINGS[coding] == "bitmap":
        if low_words or unary_bits:
            raise PacketError("the lengths of low and unary are not zero beside a bitmap", 24)
        return _Description(parameters, [("bitmap", _words(packet.n)), ("values", k)])
    head_words = -(-(-(-k // _BLOCK)) // 2)
    sections = [("head", head_words), ("low", low_words), ("unary", _words(unary_bits)), ("values", k)]
    return _Description(parameters, sections)


def _decode_sparse(packet: _Packet, description: _Description) -> np.ndarray:
    k = packet.parameters[0]
    parts = _cut(packet, description)
    offsets = _offsets(packet, description)
    if "bitmap" in parts:
        indices = np.flatnonzero(_unpack(parts["bitmap"]))
        if indices.size != k:
            raise PacketError(f"the bitmap has {indices.size} ones, expected {k}", offsets["bitmap"])
        if k > 0 and indices[-1] >= packet.n:
            raise PacketError(f"the bitmap has a one at {indices[-1]}, but n is {packet.n}", offsets["bitmap"])
    else:
        indices = _decode_rice(parts, packet.n, k, packet.parameters[3], offsets)
    return _scatter(packet.n, indices, _require_finite(parts["values"], offsets["values"]))


def _scatter(n: int, indices: np.ndarray, values: np.ndarray) -> np.ndarray:
    y = np.zeros(n, WORD)
    y[indices] = values
    return y


def _decode_rice(
    parts: Dict[str, np.ndarray], n: int, k: int, unary_bits: int, offsets: Dict[str, int]
) -> np.ndarray:
    """The k ascending indices below n of a Rice-coded list, all blocks at once."""
    low, unary = parts["low"], parts["unary"]
    counts = _blocks_of(k)
    heads = parts["head"].view("<u2").astype(np.int64)
    if heads.size > counts.size and heads[-1] != 0:
        raise PacketError("the unused half of the last head is not zero", offsets["low"] - 2)
    heads = heads[: counts.size]
    r = heads & 31
    unary_ends = np.cumsum(heads >> 5)
    low_ends, low_at = _low_places(r, counts)

    beyond = np.flatnonzero((unary_ends > unary_bits) | (low_ends > low.size))
    if beyond.size:
        block = int(beyond[0])
        what = "passes the end of its section"
        raise PacketError(f"block {block} of the index list {what}", offsets["head"] + 2 * block)
    whole = (int(unary_ends[-1]), int(low_ends[-1])) if k > 0 else (0, 0)
    if whole != (unary_bits, low.size):
        raise PacketError("the index list is shorter than its sections", offsets["head"])

    # the gaps' high parts: each block has as many ones as gaps, and ends with one
    _require_zero_tail(unary, unary_bits, offsets["unary"])
    ones = np.flatnonzero(_unpack(unary))
    last_ones = np.cumsum(counts) - 1
    found = np.append(ones, np.full(max(0, k - ones.size), unary_bits))[last_ones]
    wrong = np.flatnonzero(found != unary_ends - 1)
    if wrong.size:
        block = int(wrong[0])
        what = "has too few ones" if found[block] >= unary_ends[block] else "is longer than its gaps"
        raise PacketError(f"block {block} of the index list {what}", offsets["unary"])
    high = np.diff(ones, prepend=-1) - 1

    # and their low parts: a window of two words holds any
    used = (counts * r) % 32
    padded = low_ends[used > 0] - 1
    if np.any(low[padded] >> used[used > 0].astype(np.uint32)):
        raise PacketError("the bits that fill up a block of the section low are not zero", offsets["low"])
    words = np.append(low, np.zeros(2, WORD)).astype(np.uint64)
    at = low_at >> 5
    window = words[at] | (words[at + 1] << np.uint64(32))
    shifts = np.repeat(r, counts)
    rest = (window >> (low_at & 31).astype(np.uint64)).astype(np.int64) & ((1 << shifts) - 1)

    # a gap is below 2^11 * 2^31 here, and below 2^32 before the sum: nothing wraps around
    gaps = (high << shifts) + rest
    if np.any(gaps >= n):
        raise PacketError(f"the index list holds a gap of {gaps[gaps >= n][0]}, but n is {n}", offsets["head"])
    indices = np.cumsum(gaps + 1) - 1
    if k > 0 and indices[-1] >= n:
        raise PacketError(f"the index list holds {indices[-1]}, but n is {n}", offsets["head"])
    return indices


# -------------------------------------------------------------------------------------- 2: scaledSign, decoder


def _describe_scaled_sign(packet: _Packet) -> _Description:
    (block,) = _require_parameters(packet, 1)
    scales = -(-packet.n // (block or max(1, packet.n)))
    return _Description({"block": block or "whole"}, [("scales", scales), ("bits", _words(packet.n))])


def _decode_scaled_sign(packet: _Packet, description: _Description) -> np.ndarray:
    n = packet.n
    parts = _cut(packet, description)
    offsets = _offsets(packet, description)
    scales, bits = parts["scales"], parts["bits"]
    bad = np.flatnonzero(scales >= INFINITE)
    if bad.size:
        raise PacketError(f"scale {bad[0]} is negative, NaN or infinite", offsets["scales"] + 4 * int(bad[0]))
    _require_zero_tail(bits, n, offsets["bits"])
    y = _unpack(bits)[:n].astype(WORD)
    y <<= 31
    block = min(packet.parameters[0] or n, n)
    whole = n // block if block else 0
    y[: whole * block].reshape(whole, block)[...] |= scales[:whole, None]
    y[whole * block :] |= scales[whole:]
    return y


# --------------------------------------------------------------------------- 4 and 5: randomK, float32, decoder


def _random_words(n: int, key: Sequence[int]) -> np.ndarray:
    """n words of the generator: (n,) uint32; key is (seed, step, stream)."""

    def spread(values: np.ndarray) -> np.ndarray:
        return values * np.uint32(1664525) + np.uint32(1013904223)

    words = np.empty(-(-n // 16) * 16, np.uint32)
    chunk = 2**20
    for first in range(0, words.size, chunk):
        count = min(chunk, words.size - first)
        x = spread(np.arange(first // 4, (first + count) // 4, dtype=np.uint32))
        y, z, w = (np.full(x.size, spread(np.array([part], np.uint32))[0]) for part in key)
        for _ in range(3):
            x += y * w
            y += z * x
            z += x * y
            w += y * z
            for v in (x, y, z, w):
                v ^= v >> 16
        # word 16 g + 4 c + j is component c of counter 4 g + j
        words[first : first + count] = np.stack([v.reshape(-1, 4) for v in (x, y, z, w)], axis=1).ravel()
    return words[:n]


def _largest(keys: np.ndarray, k: int) -> np.ndarray:
    """Where the k >= 1 largest of (n,) keys are, the first of equal ones: (n,) bool."""
    cut = np.partition(keys, keys.size - k)[keys.size - k]
    kept = keys > cut
    ties = k - int(np.count_nonzero(kept))
    kept[np.flatnonzero(keys == cut)[:ties]] = True
    return kept


def _describe_random_k(packet: _Packet) -> _Description:
    k, seed, step, stream = _require_parameters(packet, 4)
    _require_count(packet, k, 1)
    return _Description({"k": k, "seed": seed, "step": step, "stream": stream}, [("values", k)])


def _decode_random_k(packet: _Packet, description: _Description) -> np.ndarray:
    k, *key = packet.parameters
    values = _require_finite(packet.body, packet.body_offset)
    if k == 0:
        return np.zeros(packet.n, WORD)
    return _scatter(packet.n, np.flatnonzero(_largest(_random_words(packet.n, key) & MAGNITUDE, k)), values)


def _describe_float32(packet: _Packet) -> _Description:
    _require_parameters(packet, 0)
    return _Description({}, [("values", packet.n)])


def _decode_float32(packet: _Packet, description: _Description) -> np.ndarray:
    return _require_finite(packet.body, packet.body_offset).copy()


# ------------------------------------------------------------------------------------------------- all packets


class _Codec(NamedTuple):
    name: str
    describe: Callable[[_Packet], _Description]
    #: The words of the vector: (n,) uint32.
    decode: Callable[[_Packet, _Description], np.ndarray]


_CODECS: Dict[int, _Codec] = {
    1: _Codec("topK", functools.partial(_describe_sparse, least=1), _decode_sparse),
    2: _Codec("scaledSign", _describe_scaled_sign, _decode_scaled_sign),
    3: _Codec("threshold", functools.partial(_describe_sparse, least=0), _decode_sparse),
    4: _Codec("randomK", _describe_random_k, _decode_random_k),
    5: _Codec("float32", _describe_float32, _decode_float32),
}


def inspect(packet: Bytes) -> Dict[str, Any]:
    """Says what a packet is, without decoding it. The CRC and all lengths are checked.

    Gives ``compressor`` (its name), ``parameters`` (by name), ``n`` (elements of the vector), ``bytes`` (of the
    packet), ``bitsPerElement`` (8 bytes / n; 0 for n = 0) and ``sections``: a list of ``name``, ``offset``, ``bytes``.

    Raises PacketError where the bytes are not a sound packet.
    """
    read = _read(packet)
    codec, description = _describe(read)
    offsets = _offsets(read, description)
    return {
        "compressor": codec.name,
        "parameters": description.parameters,
        "n": read.n,
        "bytes": read.bytes,
        "bitsPerElement": read.bytes * 8 / read.n if read.n else 0,
        "sections": [
            {"name": name, "offset": offsets[name], "bytes": words * 4} for name, words in description.sections
        ],
    }


def decompress(packet: Bytes, max_elements: int = 2**28) -> np.ndarray:
    """The vector that a packet stands for: (n,) float32, the same bits as in JavaScript.

    A packet of a few bytes can stand for 2^32 - 1 elements: ``max_elements`` is the most that is allowed.

    Raises PacketError, and nothing else, where the bytes are not a sound packet or stand for more.
    """
    most = operator.index(max_elements)
    read = _read(packet)
    codec, description = _describe(read)
    if read.n > most:
        raise PacketError(f'n = {read.n} elements; "max_elements" allows {most}', 8)
    return codec.decode(read, description).view("<f4").astype(np.float32, copy=False)


# --------------------------------------------------------------------------------------------------- encoders


def _bits_of(x: Any) -> np.ndarray:
    """The bits of a vector of numbers as float32: (n,) uint32."""
    array = np.asarray(x)
    if array.dtype.kind not in "fiu":
        raise TypeError(f'"x" expected a vector of real numbers, got {array.dtype}')
    if array.ndim != 1 or array.size > MOST:
        raise ValueError(f'"x" expected one dimension of up to 2^32 - 1 elements, got the shape {array.shape}')
    with np.errstate(over="ignore"):
        words = np.ascontiguousarray(array, np.float32).view(np.uint32)
    bad = np.flatnonzero((words & MAGNITUDE) >= INFINITE)
    if bad.size:
        plural = "" if bad.size == 1 else "s"
        raise ValueError(f"the input has {bad.size} NaN or infinite element{plural}, the first at index {bad[0]}")
    return words


def _require_integer(name: str, value: Any, most: int) -> int:
    try:
        integer = operator.index(value)
    except TypeError:
        raise TypeError(f'"{name}" expected an integer in 1..{most}, got {value!r}') from None
    if not 1 <= integer <= most:
        raise ValueError(f'"{name}" expected an integer in 1..{most}, got {integer}')
    return integer


def compress_top_k(x: Any, k: Optional[int] = None, ratio: Optional[float] = None) -> bytes:
    """The packet of the k elements of the largest magnitude of x, (n,) float32; all others decode to zero.

    Exactly one of k, 1 <= k <= n, and ratio, 0 < ratio <= 1, is given; k = max(1, floor(ratio n + 1e-9)). Ties go to
    the lowest index. The bytes equal those of ``topK({ k })`` and ``topK({ ratio })`` in JavaScript.

    Raises ValueError where x holds NaN or infinity (how many, and where the first is), or k or ratio is out of range.
    """
    if (k is None) == (ratio is None):
        raise ValueError(f'compress_top_k expected either "k" or "ratio", got k {k} and ratio {ratio}')
    if k is not None:
        k = _require_integer("k", k, MOST)
    else:
        ratio = float(ratio)  # type: ignore[arg-type]
        if not 0 < ratio <= 1:
            raise ValueError(f'"ratio" expected a number above 0 and up to 1, got {ratio}')
    words = _bits_of(x)
    n = words.size
    if n == 0:
        return _write(1, 0, (0, 0, 0, 0), ())
    k = max(1, math.floor(ratio * n + 1e-9)) if ratio is not None else _require_integer("k", k, n)

    # 1. select: all keys above the k-th largest, and of those equal to it the first
    kept = _largest(words & MAGNITUDE, k)
    indices = np.flatnonzero(kept)
    values = words[indices]
    # 2. code where they are: in the smaller of the two ways, Rice where they are equal
    head, low, unary, unary_bits = _encode_rice(indices)
    if head.size + low.size + unary.size > _words(n):
        return _write(1, n, (k, 1, 0, 0), (_pack(kept), values))
    return _write(1, n, (k, 0, low.size, unary_bits), (head, low, unary, values))


def _encode_rice(indices: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Ascending indices, (k,) int64 with k >= 1, as head, low, unary and the bits of unary."""
    k = indices.size
    counts = _blocks_of(k)
    gaps = np.diff(indices, prepend=-1) - 1
    blocks = np.zeros(counts.size * _BLOCK, np.int64)
    blocks[:k] = gaps
    blocks = blocks.reshape(-1, _BLOCK)

    # r: floor(log2(floor(mean gap))) or one less, whichever gives fewer bits, the larger of equals
    means = blocks.sum(axis=1) // counts
    largest = np.maximum(np.frexp(means.astype(np.float64))[1].astype(np.int64) - 1, 0)
    candidates = largest - np.arange(2)[:, None]
    quotients = np.stack([(blocks >> np.maximum(r, 0)[:, None]).sum(axis=1) for r in candidates])
    costs = np.where(candidates < 0, np.iinfo(np.int64).max, counts * candidates + quotients)
    best = np.argmin(costs, axis=0)[None, :]  # the first of equal ones
    r = np.take_along_axis(candidates, best, axis=0)[0]
    unary_lengths = np.take_along_axis(quotients, best, axis=0)[0] + counts

    head = np.zeros(-(-counts.size // 2), WORD)
    head.view("<u2")[: counts.size] = r | (unary_lengths << 5)

    shifts = np.repeat(r, counts)
    ends = np.cumsum((gaps >> shifts) + 1)
    unary_bits = int(ends[-1])
    unary = np.zeros(unary_bits, np.uint8)
    unary[ends - 1] = 1

    # low: gaps whose low parts start in one word are joined first, then the words that they reach into
    low_ends, low_at = _low_places(r, counts)
    low = np.zeros(int(low_ends[-1]) + 1, np.uint64)
    some = np.flatnonzero(shifts)
    if some.size:
        at = low_at[some]
        rest = (gaps[some] & ((1 << shifts[some]) - 1)).astype(np.uint64) << (at & 31).astype(np.uint64)
        first = np.flatnonzero(np.diff(at >> 5, prepend=-1))
        joined = np.bitwise_or.reduceat(rest, first)
        places = at[first] >> 5
        low[places] |= joined & np.uint64(0xFFFFFFFF)
        low[places + 1] |= joined >> np.uint64(32)
    return head, low[:-1], _pack(unary), unary_bits


def compress_scaled_sign(x: Any, block: Optional[int] = None) -> bytes:
    """The packet of the signs and the mean magnitude of x, (n,) float32, whole or by blocks of ``block`` elements.

    x_i decodes to mean |x|, negated where x_i < 0; the mean is of its block. The bytes equal those of
    ``scaledSign({ block })`` in JavaScript.

    Raises ValueError where x holds NaN or infinity (how many, and where the first is), or block is out of range.
    """
    if block is not None:
        block = _require_integer("block", block, MOST)
    words = _bits_of(x)
    n = words.size
    if n == 0:
        return _write(2, 0, (block or 0,), ())
    segment = min(block or n, n)
    # 1. signs: negative, and not -0
    signs = _pack(words > np.uint32(0x80000000))
    # 2. scales: the means, divided in float64 and rounded once
    sums = _sum_magnitudes(words & MAGNITUDE, segment)
    lengths = np.full(sums.size, segment)
    lengths[-1] = n - segment * (sums.size - 1)
    scales = (sums / lengths).astype(np.float32)
    return _write(2, n, (block or 0,), (scales.view(np.uint32), signs))


def _sum_magnitudes(keys: np.ndarray, segment: int) -> np.ndarray:
    """The sums over segments of magnitudes, given by their bits: (ceil(n / segment),) float64 (docs/same-bytes.md)."""

    def power(exponent: int) -> int:
        return (exponent + 127) << 23

    def run(exponent: int, least: int) -> np.ndarray:
        """Sums of the magnitudes times 2^exponent, where those below 2^least count as zero."""
        counted = np.where(keys < np.uint32(power(least)), np.uint32(0), keys).view(np.float32)
        with np.errstate(over="ignore"):
            return _tree_sums(counted * np.float32(2.0**exponent), segment).astype(np.float64)

    largest = int(keys.max())
    plain = run(0, -102)
    if 0 < largest < power(-60):
        return run(96, -126) * 2.0**-96
    if largest < power(95):
        return plain
    scaled = run(-96, -6) * 2.0**96
    return np.where(scaled < 2.0**95, plain, scaled)


def _tree_sums(terms: np.ndarray, segment: int) -> np.ndarray:
    """Sums over segments of (n,) float32, none negative, in the one order that gives the same bits everywhere.

    1024 elements are 32 rows of 32 lanes, padded with +0. A lane adds its rows in order, lanes fold by halves. The sums
    are the elements of the next level, until one is left. Adding +0 changes nothing, so rows of it are left out, and
    lanes where a segment has fewer.
    """
    while True:
        segments = -(-terms.size // segment)
        blocks = -(-segment // 1024)
        lanes = min(32, 1 << (segment - 1).bit_length())
        width = blocks * 1024 if blocks > 1 else -(-segment // lanes) * lanes
        grid = np.zeros((segments, width), np.float32)
        whole = terms.size // segment
        grid[:whole, :segment] = terms[: whole * segment].reshape(whole, segment)
        if whole < segments:
            grid[whole, : terms.size - whole * segment] = terms[whole * segment :]
        rows = grid.reshape(segments * blocks, -1, lanes)
        sums = rows[:, 0].copy()
        for row in range(1, rows.shape[1]):
            sums += rows[:, row]
        while sums.shape[1] > 1:
            half = sums.shape[1] // 2
            sums = sums[:, :half] + sums[:, half:]
        terms = sums[:, 0]
        if blocks == 1:
            return terms
        segment = blocks


# ---------------------------------------------------------------------------------------------------- command


def _main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="fewbits.py", description="Reads packets of fewbits.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("inspect", help="print what a packet is, as JSON")
    command.add_argument("file")
    command = commands.add_parser("decompress", help="write the vector of a packet as an .npy file")
    command.add_argument("file", metavar="IN.fb")
    command.add_argument("output", metavar="OUT.npy")
    command.add_argument("--max-elements", type=int, default=2**28, help="the most elements to allow (default: 2^28)")
    given = parser.parse_args(arguments)
    try:
        with open(given.file, "rb") as file:
            packet = file.read()
        if given.command == "inspect":
            print(json.dumps(inspect(packet), indent=2))
        else:
            vector = decompress(packet, given.max_elements)
            with open(given.output, "wb") as file:  # np.save by name would add .npy to names without it
                np.save(file, vector)
    except (OSError, PacketError) as error:
        where = f"{given.file}: " if isinstance(error, PacketError) else ""
        print(f"fewbits.py: {where}{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
