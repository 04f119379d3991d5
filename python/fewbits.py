"""The packets of fewbits in Python: one file, NumPy alone.

A packet (docs/packet.md) stands for one float32 vector. ``decompress`` rebuilds it, of whatever compressor, bit by bit
as the JavaScript decoders do. The ``compress_...`` functions write the bytes that JavaScript writes: topK, blockTopK,
scaledSign, blockTopK, quantized, flattenedOneBit, flattenedLevels, float32, plans of these, index lists, and whole
models as one file. ``split_message`` and ``Joiner`` carry packets over transports whose messages are limited in size
(docs/messages.md).

    >>> x = np.array([1, -2, 3], dtype=np.float32)
    >>> decompress(compress_scaled_sign(x))
    array([ 2., -2.,  2.], dtype=float32)

As a program: ``python3 fewbits.py inspect FILE`` and ``python3 fewbits.py decompress IN.fb OUT.npy``.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import math
import numbers
import operator
import os
import re
import struct
import sys
import zlib
from collections import OrderedDict
from inspect import signature
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple, Union

import numpy as np

__all__ = [
    "Joined",
    "Joiner",
    "PacketError",
    "compress_block_top_k",
    "compress_flattened_one_bit",
    "compress_float32",
    "compress_model",
    "compress_plan",
    "compress_quantized",
    "compress_scaled_sign",
    "compress_top_k",
    "decompress",
    "decompress_model",
    "inspect",
    "read_index_list",
    "split_message",
    "write_index_list",
]

#: Words as they lie in a packet.
WORD = np.dtype("<u4")
#: All bits of a float32 but its sign, and the least magnitude that is not finite.
MAGNITUDE = np.uint32(0x7FFFFFFF)
INFINITE = np.uint32(0x7F800000)
#: The sign of a float32, and its largest finite number.
SIGN = np.uint32(0x80000000)
LARGEST = np.finfo(np.float32).max
#: The greatest n, k, block, and part of a key of random numbers.
MOST = 2**32 - 1

#: Elements, or words of a section, that are worked on at a time, so that what is made of them stays in the cache.
PIECE = 2**16

Bytes = Union[bytes, bytearray, memoryview]


class PacketError(ValueError):
    """The bytes are not a packet that can be read. ``offset`` is the byte at which they stop making sense."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(f"{message} (at byte {offset})")
        self.offset = offset


# ---------------------------------------------------------------------------------------------------- CRC-32C


@functools.lru_cache(maxsize=None)
def _byte_table() -> np.ndarray:
    """What each byte becomes after itself has passed the CRC register."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> 1) ^ np.where(table & 1, np.uint32(0x82F63B78), np.uint32(0))
    return table


@functools.lru_cache(maxsize=None)
def _shift_tables(level: int) -> np.ndarray:
    """The (4, 256) uint32 whose [j, b] is what the CRC register b << 8j becomes after 4 * 2**level zero bytes."""
    if level > 0:
        half = _shift_tables(level - 1)
        return _shift(half, half)
    table = _byte_table()
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


#: x^5685 + x^1362 + x^426 + 1 is a multiple of the polynomial over GF(2), and so it is with x^32 for x, as squaring is
#: linear there: the CRC stays the same if a word is taken out and added to the words at these distances behind it. Of
#: the multiples of four terms below x^6000 it has the longest first distance, which is how many words move at once.
_DISTANCES = (5685 - 1362, 5685 - 426, 5685)


def _crc32c(data: Bytes) -> int:
    """CRC-32C; ``_crc32c(b'123456789') == 0xe3069283``."""
    if len(data) < 4:  # fewer than the initial value has
        register = 0xFFFFFFFF
        for byte in bytes(data):
            register = (register >> 8) ^ int(_byte_table()[(register ^ byte) & 255])
        return register ^ 0xFFFFFFFF
    view = np.frombuffer(data, np.uint8)
    first = 4 + view.size % 4
    front = np.zeros(8, np.uint8)  # zeros in front of a message change nothing
    front[8 - first :] = view[:first]
    front[8 - first : 12 - first] ^= 255  # the initial value
    return _remainder([front.view(WORD), view[first:].view(WORD)]) ^ 0xFFFFFFFF


def _remainder(parts: Sequence[np.ndarray]) -> int:
    """The CRC register after the words of all parts, from 0 on.

    It is linear in the message over GF(2). First the words fold onto 5685 by ``_DISTANCES``, three XORs of long runs.
    Then neighbours fold as shift(left) ^ right, where the shift by a word, two words, four ... is four lookups: to one
    word in log2(words) steps.
    """
    reach = _DISTANCES[-1]
    window = np.empty(min(sum(part.size for part in parts), reach + PIECE), WORD)
    used = 0
    for part in parts:
        for first in range(0, part.size, PIECE):
            piece = part[first : first + PIECE]
            window[used : used + piece.size] = piece
            used += piece.size
            if used > reach:
                _fold(window[:used])
                used = reach
    words = window[:used]
    level = 0
    while words.size > 1:
        if words.size % 2:
            words = np.concatenate((np.zeros(1, words.dtype), words))
        words = _shift(words[0::2], _shift_tables(level)) ^ words[1::2]
        level += 1
    return int(_shift(words, _shift_tables(0))[0])


def _fold(words: np.ndarray) -> None:
    """Adds all words to the last 5685, and moves those to the front."""
    moved = words.size - _DISTANCES[-1]
    for first in range(0, moved, _DISTANCES[0]):
        run = words[first : min(first + _DISTANCES[0], moved)]
        for distance in _DISTANCES:
            behind = words[first + distance : first + distance + run.size]
            np.bitwise_xor(behind, run, out=behind)
    words[: _DISTANCES[-1]] = words[moved:].copy()


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
    """What parameters say: by name, and the sections with their lengths in words; of a plan, its parts."""

    parameters: Dict[str, Any]
    sections: List[Tuple[str, int]]
    parts: Optional[List["_Part"]] = None


class _Part(NamedTuple):
    """A part of a plan: its first element, and the part as a packet by itself."""

    first: int
    packet: _Packet
    #: Where its parameters start in the whole packet, and what it takes there with its row of the table, in bytes.
    offset: int
    bytes: int
    description: _Description


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
    sections = [np.ascontiguousarray(section, WORD) for section in sections]
    size = 20 + 4 * len(parameters) + 4 * sum(section.size for section in sections)
    if size > MOST:
        raise ValueError(f"the packet would have {size} bytes, more than 2^32 - 1")
    header = struct.pack("<4sBBHII", b"fewb", 1, compressor, len(parameters), n, size)
    header += struct.pack(f"<{len(parameters)}I", *parameters)
    front = np.frombuffer(header, WORD).copy()
    front[0] ^= 0xFFFFFFFF  # the CRC's initial value
    crc = _remainder([front, *sections]) ^ 0xFFFFFFFF
    return b"".join((header, *sections, struct.pack("<I", crc)))


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


def _offsets(packet: _Packet, description: _Description, at: Optional[int] = None) -> Dict[str, int]:
    """Where each section starts in the packet, in bytes; or where the body starts at byte ``at``."""
    offsets, at = {}, packet.body_offset if at is None else at
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


def _pieces(count: int) -> Iterator[Tuple[int, int]]:
    """Where each of the pieces of ``count`` elements starts and ends."""
    return ((first, min(first + PIECE, count)) for first in range(0, count, PIECE))


def _output(n: int, into: Optional[np.ndarray]) -> np.ndarray:
    """The (n,) uint32 that a decoder fills, once nothing is left to refuse."""
    return np.empty(n, np.uint32) if into is None else into


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


def _float_of(bits: int) -> float:
    """The float32 that has these bits."""
    return struct.unpack("<f", struct.pack("<I", bits))[0]


# ------------------------------------------------------------------------------------------- values and codes

_FORMATS = ("float32", "bfloat16", "float16")
_KEPT_FORMATS = (*_FORMATS, "sign", "levels")


def _require_format(number: int, offset: int, formats: Sequence[str] = _FORMATS) -> str:
    if number >= len(formats):
        raise PacketError(f"unknown format {number} of the values", offset)
    return formats[number]


def _value_words(count: int, form: str) -> int:
    return count if form == "float32" else -(-count // 2)


def _decode_values(words: np.ndarray, count: int, form: str, offset: int) -> np.ndarray:
    """The (count,) values of a section, as words of float32; raises where one is NaN or infinite."""
    values, infinite = words, int(INFINITE)
    if form != "float32":
        values, infinite = words.view("<u2"), 0x7F80 if form == "bfloat16" else 0x7C00
        if count % 2 and values[count]:
            raise PacketError("the unused half of the last value is not zero", offset + 2 * count)
        values = values[:count]
    for first, last in _pieces(count):
        magnitudes = values[first:last] & values.dtype.type(MAGNITUDE if form == "float32" else 0x7FFF)
        if magnitudes.max() >= infinite:
            bad = first + int(np.argmax(magnitudes >= infinite))
            raise PacketError(f"value {bad} is NaN or infinite", offset + values.itemsize * bad)
    if form == "bfloat16":
        return values.astype(WORD) << 16
    return values.view("<f2").astype("<f4").view(WORD) if form == "float16" else values


def _encode_values(words: np.ndarray, form: str) -> np.ndarray:
    """The reverse: rounded half to even, and too large ones to the largest."""
    if form == "float32":
        return words
    keys = words & MAGNITUDE
    if form == "bfloat16":
        halves = np.minimum(_rounded(keys, 16), 0x7F7F)
    else:  # below 2^-14 a float16 is a multiple of 2^-24
        fine = np.rint(np.minimum(keys, _key(-14)).view(np.float32) * np.float32(2.0**24)).astype(np.uint32)
        coarse = np.minimum(_rounded(np.maximum(keys, _key(-14)) - np.uint32(112 << 23), 13), 0x7BFF)
        halves = np.where(keys < _key(-14), fine, coarse)
    section = np.zeros(_value_words(words.size, form), WORD)
    section.view("<u2")[: words.size] = halves | ((words & SIGN) >> 16)
    return section


def _rounded(keys: np.ndarray, count: int) -> np.ndarray:
    """uint32 without their low ``count`` bits, rounded half to even."""
    return (keys + np.uint32(2 ** (count - 1) - 1) + ((keys >> count) & 1)) >> count


def _key(exponent: int) -> np.uint32:
    """The bits of 2^exponent, exponent in -126..127."""
    return np.uint32((exponent + 127) << 23)


def _unpack_codes(words: np.ndarray, first: int, count: int, width: int) -> np.ndarray:
    """Codes of 1 to 16 bits from the words that hold them, from number ``first`` on, a multiple of 8.

    Gives (count,) uint8, or uint16 where the width is above 8. Eight codes are ``width`` bytes. They are spread in
    place: a lane of 8 bytes halves to lanes of 4, of 2, of 1, each with its share of the codes in its low bits.
    """
    rows = -(-count // 8)
    octets = words.view(np.uint8)[first // 8 * width :][: rows * width]
    if width in (8, 16):
        return octets.view(f"<u{width // 8}")[:count]
    lane = 8 if width < 8 else 16
    spread = np.zeros((rows, lane), np.uint8)
    if octets.size < rows * width:  # the last words end before the eight do
        octets = np.append(octets, np.zeros(rows * width - octets.size, np.uint8))
    _rows(spread, width)[...] = octets.view(f"V{width}")
    if lane == 16:
        pairs = spread.view("<u8")
        pairs[:, 1] <<= np.uint64(64 - 4 * width)
        pairs[:, 1] |= pairs[:, 0] >> np.uint64(4 * width)
        pairs[:, 0] &= np.uint64(2 ** (4 * width) - 1)
        lane = 8
    least = 1 if width < 8 else 2
    codes = width * lane // least
    while lane > least:
        codes //= 2
        lanes = spread.view(f"<u{lane}")
        shift, half, low = (lanes.dtype.type(part) for part in (codes, 4 * lane, 2**codes - 1))
        high = lanes >> shift
        high <<= half
        lanes &= low
        lanes |= high
        lane //= 2
    return spread.view(f"<u{least}").ravel()[:count]


def _pack_codes(codes: np.ndarray, width: int) -> np.ndarray:
    """The reverse, of (count,) uint8 or uint16 codes below 2^width: ceil(count width / 32) words."""
    words = np.zeros(_words(codes.size * width), WORD)
    octets = words.view(np.uint8)
    least = codes.dtype.itemsize
    if width in (8, 16):
        octets[: codes.nbytes] = codes.astype(f"<u{least}", copy=False).view(np.uint8)
        return words
    rows = -(-codes.size // 8)
    spread = np.zeros((rows, 8 * least), np.uint8)
    spread.view(f"<u{least}").ravel()[: codes.size] = codes
    lane, held = least, width
    while lane < 8:
        lane *= 2
        lanes = spread.view(f"<u{lane}")
        half, shift, low = (lanes.dtype.type(part) for part in (4 * lane, held, 2**held - 1))
        high = lanes >> half
        high <<= shift
        lanes &= low
        lanes |= high
        held *= 2
    if least == 2:
        pairs = spread.view("<u8")
        pairs[:, 0] |= pairs[:, 1] << np.uint64(4 * width)
        pairs[:, 1] >>= np.uint64(64 - 4 * width)
    packed = np.empty(rows * width, np.uint8)
    packed.view(f"V{width}")[...] = _rows(spread, width)
    octets[: packed.size] = packed[: octets.size]
    return words


def _rows(spread: np.ndarray, width: int) -> np.ndarray:
    """The first ``width`` bytes of each row of (rows, m) bytes, as one element each: (rows,)."""
    return np.ndarray(len(spread), f"V{width}", spread, 0, spread.strides[:1])


def _look_up(
    words: np.ndarray, width: int, level: Callable[[np.ndarray], np.ndarray], y: np.ndarray
) -> np.ndarray:
    """Writes to y, (n,) uint32, what n codes stand for; ``level`` says it of (count,) float64 codes, in float64."""

    def words_of(codes: np.ndarray) -> np.ndarray:
        return (level(codes.astype(np.float64)).astype(np.float32) + np.float32(0)).view(np.uint32)  # zeros are +0

    if y.size < 2**width:
        y[...] = words_of(_unpack_codes(words, 0, y.size, width))
        return y
    table = words_of(np.arange(2**width))
    if width in (1, 2, 4):  # whole codes in each byte
        table = table[np.arange(256)[:, None] >> np.arange(0, 8, width) & 2**width - 1]
        _look_up_octets(words.view(np.uint8), table, 0, y)
        return y
    for first, last in _pieces(y.size):
        np.take(table, _unpack_codes(words, first, last - first, width), out=y[first:last], mode="clip")
    return y


def _look_up_octets(octets: np.ndarray, table: np.ndarray, first: int, y: np.ndarray) -> None:
    """Writes to y the words that bytes stand for, ``table`` is (256, words a byte), from word ``first`` of all on."""
    per = table.shape[1]
    for start, end in _pieces(y.size):
        piece = y[start:end]
        byte, skipped = divmod(first + start, per)
        some = octets[byte : byte - (-(skipped + piece.size) // per)]
        if skipped == 0 and piece.size % per == 0:
            np.take(table, some, axis=0, out=piece.reshape(-1, per), mode="clip")
        else:
            piece[...] = table[some].ravel()[skipped : skipped + piece.size]


@functools.lru_cache(maxsize=None)
def _sign_table() -> np.ndarray:
    """The signs of float32 that each byte stands for: (256, 8) uint32."""
    return (np.arange(256, dtype=np.uint32)[:, None] >> np.arange(8, dtype=np.uint32) & 1) << 31


# --------------------------------------------------------------------------------------------- random numbers


def _hash(counters: np.ndarray, key: Sequence[int]) -> Tuple[np.ndarray, ...]:
    """The four words of the generator at (count,) uint32 counters, a (count,) each; key is (seed, step, stream)."""

    def spread(values: np.ndarray) -> np.ndarray:
        return values * np.uint32(1664525) + np.uint32(1013904223)

    x = spread(counters)
    y, z, w = (np.full(x.size, spread(np.array([part], np.uint32))[0]) for part in key)
    other = np.empty_like(x)
    for _ in range(3):
        x += np.multiply(y, w, out=other)
        y += np.multiply(z, x, out=other)
        z += np.multiply(x, y, out=other)
        w += np.multiply(y, z, out=other)
        for v in (x, y, z, w):
            v ^= np.right_shift(v, 16, out=other)
    return x, y, z, w


def _random_words(first: int, count: int, key: Sequence[int]) -> np.ndarray:
    """Words of the generator from number ``first`` on, a multiple of 16: (count,) uint32."""
    words = np.empty(-(-count // 16) * 16, np.uint32)
    fours = words.view("V16")
    for start in range(0, words.size, 4 * PIECE):
        end = min(start + 4 * PIECE, words.size)
        counters = np.arange((first + start) // 4, (first + end) // 4, dtype=np.uint32)
        # word 16 g + 4 c + j is component c of counter 4 g + j
        for c, component in enumerate(_hash(counters, key)):
            fours[start // 4 + c : end // 4 : 4] = component.view("V16")
    return words[:count]


def _flips(first: int, count: int, key: Sequence[int]) -> np.ndarray:
    """Flips of the generator from ``first`` on, a multiple of 128, each at the place of a sign: (count,) uint32."""
    counters = np.arange(first // 128, -(-(first + count) // 128), dtype=np.uint32) + SIGN
    four = np.stack(_hash(counters, key), axis=1)
    # flip 128 g + 4 b + c is bit 31 - b of component c of counter 2^31 + g
    shifted = np.empty((32, *four.shape), np.uint32)
    for b in range(32):
        np.left_shift(four, np.uint32(b), out=shifted[b])
    shifted &= SIGN
    return shifted.view("V16").reshape(32, -1).T.ravel().view(np.uint32)[:count]


# ---------------------------------------------------------------------------------- Walsh-Hadamard transform

#: The longest transform.
_LONGEST = 2**26


def _order_for(n: int) -> int:
    """The least power of two that is not below n."""
    return 1 << (max(1, n) - 1).bit_length()


def _transform(v: np.ndarray, order: int) -> np.ndarray:
    """The unnormalised Walsh-Hadamard transform of each ``order`` of (m order,) float32.

    (a, b) becomes (a + b, a - b) at distances 1, 2, 4, ..., order / 2, in this order, which fixes how sums round. v is
    used up.
    """
    near = min(order, 64)
    transformed = np.empty_like(v)
    chunk = max(order, PIECE)
    for first in range(0, v.size, chunk):
        part = v[first : first + chunk]
        # neighbours become rows, so that partners of all stages are long runs
        rows = part.size // near
        part = _butterflies(part.reshape(rows, near).T.ravel(), rows, part.size)
        part = _butterflies(part.reshape(near, rows).T.ravel(), near, order)
        transformed[first : first + chunk] = part
    return transformed


def _butterflies(v: np.ndarray, distance: int, end: int) -> np.ndarray:
    """The stages at distances from ``distance`` on, doubled below ``end``; v is used up."""
    other = np.empty_like(v)
    while distance < end:
        pairs, made = v.reshape(-1, 2, distance), other.reshape(-1, 2, distance)
        np.add(pairs[:, 0], pairs[:, 1], out=made[:, 0])
        np.subtract(pairs[:, 0], pairs[:, 1], out=made[:, 1])
        v, other = other, v
        distance *= 2
    return v


# ------------------------------------------------------------------------ index lists, of 1, 3, 6 and 12: decoder

#: Gaps that share a Rice parameter.
_BLOCK = 128
_CODINGS = ("rice", "bitmap")


def _blocks_of(k: int) -> np.ndarray:
    """How many gaps each block of a list of k has: (ceil(k / 128),) int64, 128 but for the last."""
    counts = np.full(-(-k // _BLOCK), _BLOCK, np.int64)
    if k % _BLOCK:
        counts[-1] = k % _BLOCK
    return counts


def _require_count(packet: _Packet, k: int, least: int) -> None:
    if not min(least, packet.n) <= k <= packet.n:
        raise PacketError(f"k = {k} of n = {packet.n} elements", 16)


def _describe_list(packet: _Packet, least: int, count: int = 5) -> _Description:
    """The first four of ``count`` parameters, and the sections that they say."""
    k, coding, low_words, unary_bits, *_ = _require_parameters(packet, count)
    _require_count(packet, k, least)
    if coding >= len(_CODINGS):
        raise PacketError(f"unknown coding {coding} of the index list", 20)
    bitmap = _CODINGS[coding] == "bitmap"
    if bitmap and k == 0:
        raise PacketError("a bitmap of no elements; an empty list has coding 0", 20)
    if bitmap and (low_words or unary_bits):
        raise PacketError("the lengths of low and unary are not zero beside a bitmap", 24)
    head_words = -(-(-(-k // _BLOCK)) // 2)
    rice = [("head", head_words), ("low", low_words), ("unary", _words(unary_bits))]
    sections = [("bitmap", _words(packet.n))] if bitmap else rice
    return _Description({"k": k, "coding": _CODINGS[coding]}, sections)


def _decode_list(packet: _Packet, description: _Description) -> np.ndarray:
    """The indices: (k,) int64, ascending and below n."""
    k = packet.parameters[0]
    parts = _cut(packet, description)
    offsets = _offsets(packet, description)
    if "bitmap" not in parts:
        return _decode_rice(parts, packet.n, k, packet.parameters[3], offsets)
    indices = _ones(parts["bitmap"])
    if indices.size != k:
        raise PacketError(f"the bitmap has {indices.size} ones, expected {k}", offsets["bitmap"])
    if k > 0 and indices[-1] >= packet.n:
        raise PacketError(f"the bitmap has a one at {indices[-1]}, but n is {packet.n}", offsets["bitmap"])
    return indices


def _ones(words: np.ndarray) -> np.ndarray:
    """Which bits are 1: (count,) int64."""
    places = [np.zeros(0, np.int64)]
    for first, last in _pieces(words.size):
        places.append(np.flatnonzero(_unpack(words[first:last]).view(bool)) + 32 * first)
    return np.concatenate(places)


def _scatter(n: int, indices: np.ndarray, values: np.ndarray, into: Optional[np.ndarray]) -> np.ndarray:
    """The words of a vector with (k,) values at ascending indices, +0 elsewhere."""
    if into is None:
        y = np.zeros(n, np.uint32)
        y[indices] = values
        return y
    ends = np.searchsorted(indices, np.arange(0, n + PIECE, PIECE)).tolist()
    for piece, (first, last) in enumerate(_pieces(n)):
        into[first:last].view(np.uint8).fill(0)
        start, end = ends[piece], ends[piece + 1]
        into[indices[start:end]] = values[start:end]
    return into


#: Blocks of gaps that are decoded at a time.
_BLOCKS = 256


@functools.lru_cache(maxsize=None)
def _low_tables() -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where low parts lie in a block, for each r: their words and bits in them, (32, 128), and their masks, (32, 1)."""
    r = np.arange(32)[:, None]
    at = r * np.arange(_BLOCK)
    return at >> 5, (at & 31).astype(np.uint64), ((1 << r) - 1).astype(np.uint64)


def _decode_rice(
    parts: Dict[str, np.ndarray], n: int, k: int, unary_bits: int, offsets: Dict[str, int]
) -> np.ndarray:
    """The k ascending indices below n of a Rice-coded list, some blocks at a time."""
    low, unary = parts["low"], parts["unary"]
    counts = _blocks_of(k)
    heads = parts["head"].view("<u2").astype(np.int64)
    if heads.size > counts.size and heads[-1] != 0:
        raise PacketError("the unused half of the last head is not zero", offsets["low"] - 2)
    heads = heads[: counts.size]
    r = heads & 31
    unary_ends = np.cumsum(heads >> 5)
    low_ends = np.cumsum((counts * r + 31) // 32)

    beyond = np.flatnonzero((unary_ends > unary_bits) | (low_ends > low.size))
    if beyond.size:
        block = int(beyond[0])
        what = "passes the end of its section"
        raise PacketError(f"block {block} of the index list {what}", offsets["head"] + 2 * block)
    whole = (int(unary_ends[-1]), int(low_ends[-1])) if k > 0 else (0, 0)
    if whole != (unary_bits, low.size):
        raise PacketError("the index list is shorter than its sections", offsets["head"])
    _require_zero_tail(unary, unary_bits, offsets["unary"])
    used = (counts * r) % 32
    padded = low_ends[used > 0] - 1
    if np.any(low[padded] >> used[used > 0].astype(np.uint32)):
        raise PacketError("the bits that fill up a block of the section low are not zero", offsets["low"])

    indices = np.empty(k, np.int64)
    before, unary_start, low_start = -1, 0, 0
    for first in range(0, counts.size, _BLOCKS):
        blocks = slice(first, first + _BLOCKS)
        done = first * _BLOCK
        some = indices[done : done + _BLOCKS * _BLOCK]
        unary_end, low_end = int(unary_ends[blocks][-1]), int(low_ends[blocks][-1])

        # the gaps' high parts: each block has as many ones as gaps, and ends with one
        bits = _unpack(unary[unary_start >> 5 : _words(unary_end)])[unary_start & 31 :][: unary_end - unary_start]
        ones = np.flatnonzero(bits.view(bool))
        last_ones = np.cumsum(counts[blocks]) - 1
        found = np.append(ones, np.full(max(0, some.size - ones.size), bits.size))[last_ones] + unary_start
        wrong = np.flatnonzero(found != unary_ends[blocks] - 1)
        if wrong.size:
            block = int(wrong[0])
            what = "has too few ones" if found[block] >= unary_ends[blocks][block] else "is longer than its gaps"
            raise PacketError(f"block {first + block} of the index list {what}", offsets["unary"])
        gaps = np.zeros((last_ones.size, _BLOCK), np.int64)
        gaps.ravel()[: some.size] = np.diff(ones, prepend=-1) - 1

        # and their low parts, in windows of two words; a gap is below 2^11 * 2^31 here: nothing wraps around
        words = np.zeros(low_end - low_start + 4 * 31 + 1, np.uint64)
        words[: low_end - low_start] = low[low_start:low_end]
        words[:-1] |= words[1:] << np.uint64(32)
        starts = np.append(low_start, low_ends[blocks][:-1]) - low_start
        places, shifts, masks = (table[r[blocks]] for table in _low_tables())
        places += starts[:, None]
        rest = words[places]
        rest >>= shifts
        rest &= masks
        gaps <<= r[blocks][:, None]
        gaps |= rest.view(np.int64)

        found = gaps.ravel()[: some.size]
        if found.max() >= n:
            raise PacketError(f"the index list holds a gap of {found[found >= n][0]}, but n is {n}", offsets["head"])
        found += 1
        found[0] += before
        np.cumsum(found, out=some)
        before = int(some[-1])
        if before >= n:
            raise PacketError(f"the index list holds {before}, but n is {n}", offsets["head"])
        unary_start, low_start = unary_end, low_end
    return indices


# --------------------------------------------------------- 1, 3, 6: topK, threshold, randomizedTopK, decoder


def _code_bits(form: str) -> int:
    """The bits of a code of a kept value; 0 where values are sent whole."""
    return {"sign": 1, "levels": 2}.get(form, 0)


def _describe_sparse(packet: _Packet, least: int) -> _Description:
    parameters, sections, _ = _describe_list(packet, least)
    form, k = _require_format(packet.parameters[4], 32, _KEPT_FORMATS), parameters["k"]
    bits = _code_bits(form)
    sent = _code_sections(k, max(1, k), bits) if bits else [("values", _value_words(k, form))]
    return _Description({**parameters, "values": form}, [*sections, *sent])


def _decode_sparse(packet: _Packet, description: _Description, into: Optional[np.ndarray]) -> np.ndarray:
    indices = _decode_list(packet, description)
    k, form = indices.size, description.parameters["values"]
    if _code_bits(form):
        values = _decode_coded(packet, description, k, max(1, k), _code_bits(form))
    else:
        words, offset = _cut(packet, description)["values"], _offsets(packet, description)["values"]
        values = _decode_values(words, k, form, offset)
    return _scatter(packet.n, indices, values, into)


def _code_sections(count: int, segment: int, bits: int) -> List[Tuple[str, int]]:
    """The sections of few-bit values: ``count`` of them in segments."""
    return [("levels", _value_words(-(-count // segment) * bits, "bfloat16")), ("codes", _words(count * bits))]


def _decode_coded(packet: _Packet, description: _Description, count: int, segment: int, bits: int) -> np.ndarray:
    """The words that few-bit values stand for; raises where levels or codes are not sound."""
    parts, offsets = _cut(packet, description), _offsets(packet, description)
    levels = _decode_values(parts["levels"], -(-count // segment) * bits, "bfloat16", offsets["levels"])
    negative = np.flatnonzero(levels > MAGNITUDE)
    if negative.size:
        at = offsets["levels"] + 2 * int(negative[0])
        raise PacketError(f"level {negative[0]} is negative", at)
    low, high = levels[0::bits], levels[bits - 1 :: bits]
    turned = np.flatnonzero(low > high)
    if turned.size:
        at = offsets["levels"] + 4 * int(turned[0])
        raise PacketError(f"the low level of pair {turned[0]} is above its high one", at)
    _require_zero_tail(parts["codes"], count * bits, offsets["codes"])
    codes = _unpack_codes(parts["codes"], 0, count, bits)
    owners = np.arange(count) // segment
    values = np.where(codes & 2, high[owners], low[owners])
    values |= np.where(values > 0, (codes & 1).astype(WORD) << 31, 0).astype(WORD)
    return values


# ------------------------------------------------------------------------------------- 12: indexList, decoder


def _describe_index_list(packet: _Packet) -> _Description:
    parameters, sections, _ = _describe_list(packet, 0)
    return _Description({**parameters, "tag": packet.parameters[4]}, sections)


def _decode_index_list(packet: _Packet, description: _Description, into: Optional[np.ndarray]) -> np.ndarray:
    indices = _decode_list(packet, description)
    return _scatter(packet.n, indices, np.full(indices.size, _key(0)), into)


# -------------------------------------------------------------------------------------- 13: blockTopK, decoder


def _kept_of(n: int, block: int, k: int) -> int:
    """How many of n elements are kept: k of each whole block, a share of the last one, one at least."""
    if n == 0:
        return 0
    last = -(-n // block) - 1
    return last * k + max(1, k * (n - last * block) // block)


def _describe_block_top_k(packet: _Packet) -> _Description:
    (_, list_sections, _), n = _describe_list(packet, 1, 8), packet.n
    kept, coding, _, _, block, k, bits, number = packet.parameters
    if not 64 <= block <= 4096 or block & (block - 1):
        raise PacketError(f"blocks of {block}, expected a power of two in 64..4096", 32)
    if not 1 <= k <= block:
        raise PacketError(f"k = {k} of blocks of {block}", 36)
    if bits > 2:
        raise PacketError(f"{bits} bits a kept element, expected 1, 2 or 0", 40)
    form = _require_format(number, 44)
    if bits and number:
        raise PacketError(f"a format of values, {form}, beside codes", 44)
    if kept != _kept_of(n, block, k):
        raise PacketError(f"{kept} elements are kept, expected {_kept_of(n, block, k)}", 16)
    what = {"bits": bits} if bits else {"values": form}
    sent = _code_sections(kept, k, bits) if bits else [("values", _value_words(kept, form))]
    sections = [*list_sections, *sent]
    return _Description({"kept": kept, "coding": _CODINGS[coding], "block": block, "k": k, **what}, sections)


def _decode_block_top_k(packet: _Packet, description: _Description, into: Optional[np.ndarray]) -> np.ndarray:
    n = packet.n
    kept, _, _, _, block, k, bits, _ = packet.parameters
    indices = _decode_list(packet, description)
    owners = np.arange(kept) // k  # the block of each kept element
    strays = np.flatnonzero(indices // block != owners)
    if strays.size:
        j = int(owners[strays[0]])
        what = f"block {j} has another number of kept elements than {min(k, kept - j * k)}"
        raise PacketError(what, packet.body_offset)
    if bits:
        return _scatter(n, indices, _decode_coded(packet, description, kept, k, bits), into)
    words, offset = _cut(packet, description)["values"], _offsets(packet, description)["values"]
    return _scatter(n, indices, _decode_values(words, kept, description.parameters["values"], offset), into)


# -------------------------------------------------------------------------------------- 2: scaledSign, decoder


def _describe_scaled_sign(packet: _Packet) -> _Description:
    (block,) = _require_parameters(packet, 1)
    scales = -(-packet.n // (block or max(1, packet.n)))
    return _Description({"block": block or "whole"}, [("scales", scales), ("bits", _words(packet.n))])


def _decode_scaled_sign(packet: _Packet, description: _Description, into: Optional[np.ndarray]) -> np.ndarray:
    n = packet.n
    parts = _cut(packet, description)
    offsets = _offsets(packet, description)
    scales, bits = parts["scales"], parts["bits"]
    bad = np.flatnonzero(scales >= INFINITE)
    if bad.size:
        raise PacketError(f"scale {bad[0]} is negative, NaN or infinite", offsets["scales"] + 4 * int(bad[0]))
    _require_zero_tail(bits, n, offsets["bits"])
    y = _output(n, into)
    octets = bits.view(np.uint8)
    block = max(1, min(packet.parameters[0] or n, n))
    if block >= PIECE:
        for i, scale in enumerate(scales):
            _look_up_octets(octets, _sign_table() | scale, i * block, y[i * block : (i + 1) * block])
        return y
    # short blocks: some whole ones at a time
    step = PIECE // block * block
    for first in range(0, n, step):
        piece = y[first : first + step]
        _look_up_octets(octets, _sign_table(), first, piece)
        whole = piece.size // block
        own = scales[first // block :]
        piece[: whole * block].reshape(whole, block)[...] |= own[:whole, None]
        piece[whole * block :] |= own[whole : whole + 1]
    return y


# --------------------------------------------------------------------------- 4 and 5: randomK, float32, decoder


def _largest(words: np.ndarray, k: int) -> np.ndarray:
    """Where the k >= 1 largest of (n,) words are, by their low 31 bits, the first of equal ones: (k,) ascending int64.

    The k-th largest lies between two of a sample (Floyd and Rivest, SELECT, 1975): only those between are sorted.
    """
    low, high = np.uint32(0), MAGNITUDE
    if words.size >= 4 * PIECE:
        sample = np.sort(words[:: words.size // PIECE] & MAGNITUDE)
        expected = sample.size * k / words.size
        slack = 4 * math.sqrt(expected) + 8
        first, last = (sample.size - math.ceil(expected + slack), sample.size - math.floor(expected - slack))
        low = sample[first] if first > 0 else low
        high = sample[last] if last < sample.size else high
    keys, candidates = _reaching(words, low)
    if keys.size < k:  # the sample was unlike the whole
        keys, candidates = _reaching(words, np.uint32(0))
    between = keys[keys <= high]
    rank = k - (keys.size - between.size)
    if rank <= 0:
        between, rank = keys, k
    cut = np.partition(between, between.size - rank)[between.size - rank]
    kept = keys > cut
    ties = k - int(np.count_nonzero(kept))
    kept[np.flatnonzero(keys == cut)[:ties]] = True
    return candidates[kept]


def _reaching(words: np.ndarray, bound: np.uint32) -> Tuple[np.ndarray, np.ndarray]:
    """The low 31 bits of those words where they are ``bound`` or more, and where the words are."""
    keys, places = [], []
    for first, last in _pieces(words.size):
        piece = words[first:last] & MAGNITUDE
        found = np.flatnonzero(piece >= bound)
        keys.append(piece[found])
        places.append(found + first)
    return np.concatenate(keys), np.concatenate(places)


def _describe_random_k(packet: _Packet) -> _Description:
    k, seed, step, stream, number = _require_parameters(packet, 5)
    _require_count(packet, k, 1)
    form = _require_format(number, 32)
    parameters = {"k": k, "seed": seed, "step": step, "stream": stream, "values": form}
    return _Description(parameters, [("values", _value_words(k, form))])


def _decode_random_k(packet: _Packet, description: _Description, into: Optional[np.ndarray]) -> np.ndarray:
    k, *key, _ = packet.parameters
    values = _decode_values(packet.body, k, description.parameters["values"], packet.body_offset)
    if k == 0:
        return _scatter(packet.n, np.zeros(0, np.int64), values, into)
    return _scatter(packet.n, _largest(_random_words(0, packet.n, key), k), values, into)


def _describe_float32(packet: _Packet) -> _Description:
    _require_parameters(packet, 0)
    return _Description({}, [("values", packet.n)])


def _decode_float32(packet: _Packet, description: _Description, into: Optional[np.ndarray]) -> np.ndarray:
    values = _decode_values(packet.body, packet.n, "float32", packet.body_offset)
    y = _output(packet.n, into)
    y[...] = values
    return y


# ------------------------------------------------------------------------------------------------- coded symbols

#: Symbols by their entropy (docs/packet.md, "Coded symbols"): interleaved rANS, arXiv 0902.0271 and 1402.3392. All
#: blocks and lanes go side by side, a row of a symbol a lane at a time.
_START = 2**16


def _is_codable(n: int, width: int) -> bool:
    return 1 <= n <= 2**26 and width <= 12


def _require_symbol_parameters(packet: _Packet, count: int) -> Tuple[int, ...]:
    """The parameters of a packet of symbols: ``count``, and of coded symbols the words of their section."""
    if len(packet.parameters) not in (count, count + 1):
        raise PacketError(f"{len(packet.parameters)} words of parameters, expected {count} or {count + 1}", 6)
    return packet.parameters[:count]


def _symbol_section(packet: _Packet, count: int, width: int) -> Tuple[str, int]:
    """How the symbols of a packet are sent, and the words of their section."""
    if len(packet.parameters) > count:
        return "entropy", packet.parameters[count]
    return "packed", _words(packet.n * width)


def _read_symbols(packet: _Packet, count: int, section: np.ndarray, width: int, offset: int) -> np.ndarray:
    """The packed symbols of a section, which starts at byte ``offset``."""
    n = packet.n
    if len(packet.parameters) == count:
        _require_zero_tail(section, n * width, offset)
        return section
    if not _is_codable(n, width):
        raise PacketError(f"{n} symbols of {width} bits are coded", 16 + 4 * count)
    table = _read_table(section, n, width, offset)
    if table.symbols.size == 1:
        if section.size != table.words:
            raise PacketError("coded symbols: words behind the table of one symbol", offset + 4 * table.words)
        codes = np.full(n, table.symbols[0], np.uint8 if width <= 8 else np.uint16)
    else:
        codes = _decode_blocks(section, table, n, offset).astype(np.uint8 if width <= 8 else np.uint16, copy=False)
    return _pack_codes(codes, width)


class _SymbolTable(NamedTuple):
    """How symbols are coded: powers of two, and the symbols that occur, ascending, with their slots."""

    precision: int
    lanes: int
    block: int
    symbols: np.ndarray
    shares: np.ndarray
    #: Words that header and table have in a section.
    words: int


def _read_table(section: np.ndarray, n: int, width: int, offset: int) -> _SymbolTable:
    at = 0

    def refuse(what: str) -> PacketError:
        return PacketError(f"coded symbols: {what}", offset + at // 32 * 4)

    def get(bits: int) -> int:
        nonlocal at
        if at + bits > 32 * section.size:
            raise refuse("the table passes the end")
        both = section[at // 32 : at // 32 + 2].tobytes()
        value = int.from_bytes(both, "little") >> at % 32 & 2**bits - 1
        at += bits
        return value

    def get_gamma(most: int) -> int:
        bits = 0
        while get(1) == 0:
            bits += 1
            if bits > most:
                raise refuse(f"a number of more than {most + 1} bits in the table")
        return 2**bits + get(bits)

    precision, lanes, block, used = get(5), get(3), get(5), get(12) + 1
    if used > 2**width:
        raise refuse(f"{used} symbols of {width} bits")
    if used > n:
        raise refuse(f"{used} symbols, but n is {n}")
    if precision > 16:
        raise refuse(f"a precision of {precision}, expected 0..16")
    if lanes > 5:
        raise refuse(f"2^{lanes} lanes, expected at most 2^5")
    if not 5 <= block <= 26:
        raise refuse(f"blocks of 2^{block}, expected 2^5 to 2^26")
    if used == 1 and (precision, lanes, block) != (0, 0, 5):
        raise refuse("one symbol alone, but a precision, lanes or blocks")
    symbols, shares = np.empty((2, used), np.int64)
    end = rest = whole = 0
    for i in range(used):
        if rest == 0:
            end += get_gamma(12) - (i == 0)
            rest = get_gamma(12)
            if rest > used - i:
                raise refuse(f"a run of {rest} symbols, but {used - i} are left")
        if end >= 2**width:
            raise refuse(f"the symbol {end}, of {width} bits")
        step = get_gamma(5) - 1
        whole += -(step + 1) // 2 if step % 2 else step // 2
        if not 0 <= whole <= precision:
            raise refuse(f"a share of 2^{whole} of 2^{precision} slots")
        symbols[i], shares[i] = end, 2**whole + get(whole)
        end, rest = end + 1, rest - 1
    if shares.sum() != 2**precision:
        raise refuse(f"shares of {shares.sum()} slots in all, expected {2**precision}")
    if at % 32 and get(32 - at % 32):
        raise refuse("a bit that fills up the table is set")
    return _SymbolTable(precision, lanes, block, symbols, shares, at // 32)


def _decode_blocks(section: np.ndarray, table: _SymbolTable, n: int, offset: int) -> np.ndarray:
    """The n symbols of all blocks, (n,) uint16."""
    lanes, length = 2**table.lanes, min(2**table.block, n)
    blocks = -(-n // length)

    def refuse(what: str, word: int) -> PacketError:
        return PacketError(f"coded symbols: {what}", offset + 4 * word)

    first = table.words + blocks - 1
    if first > section.size:
        raise refuse(f"the lengths of {blocks} blocks pass the end", table.words)
    lengths = section[table.words : first].astype(np.int64)
    ends = first + np.cumsum(lengths)
    lengths = np.append(lengths, section.size - (ends[-1] if blocks > 1 else first))
    ends = np.append(ends, section.size)
    short = lengths < lanes
    wrong = short | (ends > section.size)
    if wrong.any():
        j = int(np.argmax(wrong))
        what = f"has {lengths[j]} words, but 2^{table.lanes} lanes" if short[j] else "passes the end"
        raise refuse(f"block {j} {what}", table.words + j)
    starts = ends - lengths
    # the states, a row a block; where the next half of each block is
    states = section[starts[:, None] + np.arange(lanes)].astype(np.uint32)
    given = states.copy()
    halves = section.view("<u2")
    at = 2 * (starts + lanes)
    symbols, shares = table.symbols.astype(np.uint16), table.shares.astype(np.uint32)
    owners, factors = np.repeat(symbols, table.shares), np.repeat(shares, table.shares)
    before = np.cumsum(table.shares) - table.shares
    terms = (np.arange(2**table.precision) - np.repeat(before, table.shares)).astype(np.uint32)
    mask, shift = np.uint32(2**table.precision - 1), np.uint32(table.precision)
    decoded = np.empty((blocks, length), np.uint16)

    def step(b: int, e: int, row: int, count: int) -> None:
        """A row of `count` lanes of the blocks from b to e."""
        x = states[b:e, :count]
        slots = x & mask
        decoded[b:e, row * lanes : row * lanes + count] = owners[slots]
        x = factors[slots] * (x >> shift) + terms[slots]
        small = x < _START
        taken = np.cumsum(small, axis=1)
        places = at[b:e, None] + taken - small
        states[b:e, :count] = np.where(small, x << np.uint32(16) | halves.take(places, mode="clip"), x)
        at[b:e] += taken[:, -1]

    last = n - (blocks - 1) * length
    for row in range(length // lanes):
        step(0, blocks if row < last // lanes else blocks - 1, row, lanes)
    if last % lanes:
        step(blocks - 1, blocks, last // lanes, last % lanes)
    left = 2 * ends - at
    small, other = given < _START, states != _START
    spare = (left == 1) & (halves.take(at, mode="clip") != 0)
    wrong = small.any(axis=1) | other.any(axis=1) | (left < 0) | (left > 1) | spare
    if wrong.any():  # the first block of which something is wrong, and what a decoder meets first
        j = int(np.argmax(wrong))
        lane = int(np.argmax(small[j] if small[j].any() else other[j]))
        word = int(starts[j]) + lane
        if small[j].any():
            raise refuse(f"lane {lane} has the state {given[j, lane]}, expected at least {_START}", word)
        if left[j] < 0:
            raise refuse("a block ends before its last symbol", int(ends[j]))
        if other[j].any():
            raise refuse(f"lane {lane} ends in the state {states[j, lane]}, expected {_START}", word)
        if left[j] > 1:
            raise refuse(f"{left[j]} halves behind the last symbol of a block", int(at[j]) // 2)
        raise refuse("an unused half is set", int(at[j]) // 2)
    return decoded.ravel()[:n]


# ------------------------------------------------------------ 7, 8, 9: maskEncoded, quantized, qsgd, decoder


def _describe_mask_encoded(packet: _Packet) -> _Description:
    k, bits, signed = _require_symbol_parameters(packet, 3)
    _require_count(packet, k, 1)
    if not 1 <= bits <= 8:
        raise PacketError(f"{bits} bits a symbol, expected 1..8", 20)
    if signed > 1:
        raise PacketError(f'"signed" is {signed}, expected 0 or 1', 24)
    coding, words = _symbol_section(packet, 3, bits)
    parameters = {"k": k, "bits": bits, "signed": "yes" if signed else "no", "coding": coding}
    return _Description(parameters, [("values", k), ("masks", words)])


def _decode_mask_encoded(packet: _Packet, description: _Description, into: Optional[np.ndarray]) -> np.ndarray:
    n = packet.n
    k, bits, signed = packet.parameters[:3]
    parts = _cut(packet, description)
    offset = packet.body_offset + 4 * k
    values = _decode_values(parts["values"], k, "float32", packet.body_offset)
    masks = _read_symbols(packet, 3, parts["masks"], bits, offset)
    marks = [np.zeros(0, np.int64)]
    for first, last in _pieces(n):
        marks.append(np.flatnonzero(_unpack_codes(masks, first, last - first, bits) == 2**bits - 1) + first)
    marked = np.concatenate(marks)
    if marked.size != k:
        raise PacketError(f"{marked.size} symbols stand for kept elements, expected {k}", offset)
    y = _output(n, into)
    if n == 0:
        return y
    floats = values.view("<f4")
    least = float((np.abs(floats) if signed else floats).min())
    levels = 2 ** (bits - 1) if signed else 2**bits - 1
    step = np.float64(np.float32(max(least, 0.0) / levels))
    middle = levels - 1 if signed else 0
    _look_up(masks, bits, lambda symbol: (symbol - middle) * step + 0.0, y)  # + 0.0 makes -0 of it +0
    y[marked] = values
    return y


def _describe_quantized(packet: _Packet) -> _Description:
    bits, *ends = _require_symbol_parameters(packet, 3)
    if not 1 <= bits <= 16:
        raise PacketError(f"{bits} bits an element, expected 1..16", 16)
    low, high = map(_float_of, ends)
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise PacketError(f"levels from {low} to {high}", 20)
    coding, words = _symbol_section(packet, 3, bits)
    return _Description({"bits": bits, "low": low, "high": high, "coding": coding}, [("codes", words)])


def _decode_quantized(packet: _Packet, description: _Description, into: Optional[np.ndarray]) -> np.ndarray:
    bits, low, high, _ = description.parameters.values()
    codes = _read_symbols(packet, 3, packet.body, bits, packet.body_offset)
    most = 2**bits - 1
    y = _output(packet.n, into)
    return _look_up(codes, bits, lambda code: (low * (most - code) + high * code) / most, y)


def _describe_qsgd(packet: _Packet) -> _Description:
    levels, norm, exponent = _require_symbol_parameters(packet, 3)
    if not 1 <= levels <= 2**15 - 1:
        raise PacketError(f"{levels} levels, expected 1..{2**15 - 1}", 16)
    if norm >= INFINITE:
        raise PacketError("the norm is negative, NaN or infinite", 20)
    exponent -= exponent >> 31 << 32
    if not -126 <= exponent <= 96:
        raise PacketError(f"an exponent of {exponent}", 24)
    width = (2 * levels).bit_length()
    coding, words = _symbol_section(packet, 3, width)
    parameters = {"levels": levels, "norm": _float_of(norm) * 2.0**-exponent, "coding": coding}
    return _Description(parameters, [("codes", words)])


def _decode_qsgd(packet: _Packet, description: _Description, into: Optional[np.ndarray]) -> np.ndarray:
    levels, norm, _ = description.parameters.values()
    width = (2 * levels).bit_length()
    codes = _read_symbols(packet, 3, packet.body, width, packet.body_offset)
    above = 0
    for first, last in _pieces(packet.n):
        above += np.count_nonzero(_unpack_codes(codes, first, last - first, width) > 2 * levels)
    if above:
        raise PacketError(f"{above} codes are above {2 * levels}", packet.body_offset)
    most = float(LARGEST)
    y = _output(packet.n, into)
    return _look_up(codes, width, lambda code: np.clip(norm * (code - levels) / levels, -most, most), y)


# -------------------------------------------- 10, 11, 14: ditheredSign, flattenedOneBit, flattenedLevels, decoder


def _describe_dithered_sign(packet: _Packet) -> _Description:
    (width,) = _require_parameters(packet, 1)
    if width >= INFINITE:
        raise PacketError("lambda is negative, NaN or infinite", 16)
    return _Description({"lambda": _float_of(width)}, [("bits", _words(packet.n))])


def _decode_dithered_sign(packet: _Packet, description: _Description, into: Optional[np.ndarray]) -> np.ndarray:
    _require_zero_tail(packet.body, packet.n, packet.body_offset)
    y = _output(packet.n, into)
    _look_up_octets(packet.body.view(np.uint8), _sign_table() | np.uint32(packet.parameters[0]), 0, y)
    return y


_SCALES = ("dither", "mean", "drive")


def _require_order(packet: _Packet, order: int) -> None:
    if not 1 <= order <= min(_LONGEST, _order_for(packet.n)) or order & (order - 1):
        raise PacketError(f"a transform of order {order} for {packet.n} elements", 16)


def _describe_flattened_one_bit(packet: _Packet) -> _Description:
    order, seed, step, stream, scale = _require_parameters(packet, 5)
    _require_order(packet, order)
    if scale >= len(_SCALES):
        raise PacketError(f"unknown scale {scale}", 32)
    parameters = {"block": order, "seed": seed, "step": step, "stream": stream, "scale": _SCALES[scale]}
    blocks = -(-packet.n // order)
    return _Description(parameters, [("scales", blocks), ("bits", _words(blocks * order))])


def _decode_flattened_one_bit(packet: _Packet, description: _Description, into: Optional[np.ndarray]) -> np.ndarray:
    order, *key, _ = packet.parameters
    parts = _cut(packet, description)
    offsets = _offsets(packet, description)
    scales, bits = parts["scales"], parts["bits"]
    _require_scales(scales, offsets["scales"])
    _require_zero_tail(bits, scales.size * order, offsets["bits"])

    def signs(first: int, count: int) -> np.ndarray:
        own = np.empty(count, np.float32)
        _look_up_octets(bits.view(np.uint8), _sign_table() | _key(0), first, own.view(np.uint32))
        return own

    return _unflattened(signs, 1, scales, order, key, _output(packet.n, into))


def _require_scales(scales: np.ndarray, offset: int) -> None:
    bad = np.flatnonzero((scales >= INFINITE) | ((scales > 0) & (scales < _key(-126))))
    if bad.size:
        raise PacketError(f"scale {bad[0]} is negative, subnormal, NaN or infinite", offset + 4 * int(bad[0]))


def _unflattened(
    numbers: Callable[[int, int], np.ndarray],
    most: int,
    scales: np.ndarray,
    order: int,
    key: Sequence[int],
    y: np.ndarray,
) -> np.ndarray:
    """Writes to y, (n,) uint32, D H q by blocks times their scales; ``numbers`` gives q from one place on, up to most."""
    total, chunk = scales.size * order, max(order, 4 * PIECE)
    for first in range(0, total, chunk):
        # 1. the transform of the numbers
        t = _transform(numbers(first, min(chunk, total - first)), order).reshape(-1, order)
        # 2. times the scales, with the flips undone
        own = scales[first // order :][: len(t)].view("<f4")
        with np.errstate(over="ignore"):
            t *= own[:, None]
        if float(own.max()) * most * order > float(LARGEST):
            np.clip(t, -LARGEST, LARGEST, out=t)
        piece = t.ravel()[: y.size - first]
        piece.view(np.uint32)[...] ^= _flips(first, piece.size, key)
        np.add(piece, np.float32(0), out=y[first : first + piece.size].view(np.float32))  # makes +0 of -0
    return y


_LEVEL_SCALES = ("unbiased", "least")

#: How codes of flattenedLevels are written, by their number.
_CODE_CODINGS = ("packed", "entropy")

#: The levels of 2, 3 and 4 bits, in units of |x| / 64, 128 and 256: Lloyd and Max's for N(0, 1).
_LEVELS = {2: (29, 97), 3: (31, 97, 172, 275), 4: (33, 99, 168, 241, 322, 414, 530, 700)}


def _describe_flattened_levels(packet: _Packet) -> _Description:
    order, seed, step, stream, bits, scale, coding = _require_symbol_parameters(packet, 7)
    _require_order(packet, order)
    if bits not in _LEVELS:
        raise PacketError(f"codes of {bits} bits, expected 2..4", 32)
    if scale >= len(_LEVEL_SCALES):
        raise PacketError(f"unknown scale {scale}", 36)
    if coding >= len(_CODE_CODINGS):
        raise PacketError(f"unknown coding {coding} of codes", 40)
    if coding != len(packet.parameters) - 7:
        raise PacketError(f"{_CODE_CODINGS[coding]} codes with {len(packet.parameters)} words of parameters", 40)
    drawn = {"block": order, "seed": seed, "step": step, "stream": stream}
    parameters = {**drawn, "bits": bits, "scale": _LEVEL_SCALES[scale], "coding": _CODE_CODINGS[coding]}
    blocks = -(-packet.n // order)
    _, words = _symbol_section(packet._replace(n=blocks * order), 7, bits)
    return _Description(parameters, [("scales", blocks), ("codes", words)])


def _decode_flattened_levels(packet: _Packet, description: _Description, into: Optional[np.ndarray]) -> np.ndarray:
    order, seed, step, stream, bits = packet.parameters[:5]
    parts = _cut(packet, description)
    offsets = _offsets(packet, description)
    scales = parts["scales"]
    _require_scales(scales, offsets["scales"])
    codes = _read_symbols(packet._replace(n=scales.size * order), 7, parts["codes"], bits, offsets["codes"])
    levels = np.array(_LEVELS[bits], np.float32)
    table = np.concatenate((levels, -levels))
    return _unflattened(
        lambda first, count: table[_unpack_codes(codes, first, count, bits)],
        _LEVELS[bits][-1],
        scales,
        order,
        (seed, step, stream),
        _output(packet.n, into),
    )


# ------------------------------------------------------------------------------------------ 15: plan, decoder

_PLAN = 15
#: Words of a row of the table of parts.
_ROW = 3


def _describe_plan(packet: _Packet) -> _Description:
    (count,) = _require_parameters(packet, 1)
    n, body = packet.n, packet.body
    if count > 0xFFFF or count > n or (count == 0 and n > 0):
        raise PacketError(f"{count} parts of {n} elements", 16)
    if count * _ROW > body.size:
        raise PacketError(f"a table of {count} parts, but the body has {body.size * 4} bytes", 16)
    rows, bare = body[: count * _ROW].reshape(-1, _ROW).tolist(), []
    first, at = 0, count * _ROW
    for i, (elements, form, words) in enumerate(rows):
        row = packet.body_offset + i * _ROW * 4
        if not 1 <= elements <= n - first:
            raise PacketError(f"part {i} has {elements} elements of the {n - first} that are left", row)
        if form & 0xFF00:
            raise PacketError(f"part {i} has bits set that mean nothing", row + 4)
        if form & 0xFF == _PLAN:
            raise PacketError(f"part {i} is a plan itself", row + 4)
        own = form >> 16
        end = at + own + words
        if end > body.size:
            raise PacketError(f"part {i} passes the end of the packet", row + 8)
        parameters = tuple(int(word) for word in body[at : at + own])
        size, sections = 16 + 4 * (own + words + 1), body[at + own : end]
        part = _Packet(form & 0xFF, elements, size, parameters, sections, 16 + 4 * own)
        bare.append((first, part, packet.body_offset + 4 * at, 4 * (_ROW + own + words)))
        first += elements
        at = end
    if first != n:
        raise PacketError(f"the parts have {first} elements, expected {n}", 16)
    if at != body.size:
        raise PacketError(
            f"parts of {at * 4} bytes with their table, but the body has {body.size * 4}", packet.body_offset
        )
    parts = []
    for i, (first, part, offset, size) in enumerate(bare):
        described = _in_part(packet, i, offset, lambda part=part: _describe(part)[1])
        parts.append(_Part(first, part, offset, size, described))
    sections = [("parts", count * _ROW), *((f"part {i}", part.bytes // 4 - _ROW) for i, part in enumerate(parts))]
    return _Description({"parts": count}, sections, parts)


def _in_part(packet: _Packet, i: int, offset: int, work: Callable[[], Any]) -> Any:
    """What ``work`` gives for part i, whose parameters start at ``offset``: what is wrong names it, at its byte."""
    try:
        return work()
    except PacketError as error:
        row = packet.body_offset + i * _ROW * 4
        at = offset + error.offset - 16 if error.offset >= 16 else row + (0 if error.offset == 8 else 4)
        message = str(error)[: str(error).rindex(" (at byte")]
        raise PacketError(f"part {i}: {message}", at) from None


def _decode_plan(packet: _Packet, description: _Description, into: Optional[np.ndarray]) -> np.ndarray:
    # ``into`` stays as it is where a part is refused
    y = np.empty(packet.n, np.uint32)
    for i, (first, part, offset, _, own) in enumerate(description.parts or ()):
        codec, piece = _CODECS[part.compressor], y[first : first + part.n]
        _in_part(packet, i, offset, lambda part=part, own=own, codec=codec, piece=piece: codec.decode(part, own, piece))
    if into is None:
        return y
    into[...] = y
    return into


# ------------------------------------------------------------------------------------------------- all packets


class _Codec(NamedTuple):
    name: str
    describe: Callable[[_Packet], _Description]
    #: The words of the vector, (n,) uint32: written to the last argument where it is not None.
    decode: Callable[[_Packet, _Description, Optional[np.ndarray]], np.ndarray]


_CODECS: Dict[int, _Codec] = {
    1: _Codec("topK", functools.partial(_describe_sparse, least=1), _decode_sparse),
    2: _Codec("scaledSign", _describe_scaled_sign, _decode_scaled_sign),
    3: _Codec("threshold", functools.partial(_describe_sparse, least=0), _decode_sparse),
    4: _Codec("randomK", _describe_random_k, _decode_random_k),
    5: _Codec("float32", _describe_float32, _decode_float32),
    6: _Codec("randomizedTopK", functools.partial(_describe_sparse, least=1), _decode_sparse),
    7: _Codec("maskEncoded", _describe_mask_encoded, _decode_mask_encoded),
    8: _Codec("quantized", _describe_quantized, _decode_quantized),
    9: _Codec("qsgd", _describe_qsgd, _decode_qsgd),
    10: _Codec("ditheredSign", _describe_dithered_sign, _decode_dithered_sign),
    11: _Codec("flattenedOneBit", _describe_flattened_one_bit, _decode_flattened_one_bit),
    12: _Codec("indexList", _describe_index_list, _decode_index_list),
    13: _Codec("blockTopK", _describe_block_top_k, _decode_block_top_k),
    14: _Codec("flattenedLevels", _describe_flattened_levels, _decode_flattened_levels),
    _PLAN: _Codec("plan", _describe_plan, _decode_plan),
}


def inspect(packet: Bytes) -> Dict[str, Any]:
    """Says what a packet is, without decoding it. The CRC and all lengths are checked.

    Gives ``compressor`` (its name), ``parameters`` (by name), ``n`` (elements of the vector), ``bytes`` (of the
    packet), ``bitsPerElement`` (8 bytes / n; 0 for n = 0) and ``sections``: a list of ``name``, ``offset``, ``bytes``.
    Of a plan, ``parts`` has the same of each part, and its ``first`` element.

    Raises PacketError where the bytes are not a sound packet.
    """
    read = _read(packet)
    _, description = _describe(read)
    return _inspection(read, description, read.bytes, read.body_offset)


def _inspection(packet: _Packet, description: _Description, size: int, at: int) -> Dict[str, Any]:
    """What ``inspect`` says of a packet, or of a part of one: of ``size`` bytes, its body at byte ``at``."""
    offsets = _offsets(packet, description, at)
    seen = {
        "compressor": _CODECS[packet.compressor].name,
        "parameters": description.parameters,
        "n": packet.n,
        "bytes": size,
        "bitsPerElement": size * 8 / packet.n if packet.n else 0,
        "sections": [
            {"name": name, "offset": offsets[name], "bytes": words * 4} for name, words in description.sections
        ],
    }
    if description.parts is not None:
        seen["parts"] = [
            {
                "first": part.first,
                **_inspection(part.packet, part.description, part.bytes, part.offset + 4 * len(part.packet.parameters)),
            }
            for part in description.parts
        ]
    return seen


def decompress(packet: Bytes, max_elements: int = 2**28, into: Optional[np.ndarray] = None) -> np.ndarray:
    """The vector that a packet stands for: (n,) float32, the same bits as in JavaScript.

    With ``into``, a contiguous (n,) float32, the vector is written there, and ``into`` is returned: that spares the
    page faults of a new array. It stays as it is where the packet is refused. A packet of a few bytes can stand for
    2^32 - 1 elements: ``max_elements`` is the most that is allowed.

    Raises PacketError, and nothing else, where the bytes are not a sound packet or stand for more. Raises TypeError
    where ``into`` is no such array, ValueError where it has another length.
    """
    if into is not None and not (
        isinstance(into, np.ndarray)
        and into.dtype == np.dtype(np.float32)
        and into.ndim == 1
        and into.flags.c_contiguous
        and into.flags.aligned
        and into.flags.writeable
    ):
        raise TypeError('"into" expected a writeable, contiguous array of float32 of one dimension')
    read, codec, description = _open(packet, max_elements)
    if into is None:
        return codec.decode(read, description, None).view(np.float32)
    if into.size != read.n:
        raise ValueError(f'"into" expected {read.n} elements, as the packet has, got {into.size}')
    codec.decode(read, description, into.view(np.uint32))
    return into


def read_index_list(packet: Bytes, max_elements: int = 2**28) -> Tuple[np.ndarray, int, int]:
    """What a packet of an index list holds: (k,) int64, ascending; n, which all are below; the sender's tag.

    Raises PacketError, and nothing else, where the bytes are not a sound packet of a list or n is above
    ``max_elements``.
    """
    read, codec, description = _open(packet, max_elements)
    if codec.name != "indexList":
        raise PacketError(f"compressor {read.compressor}, expected a list of indices", 5)
    return _decode_list(read, description), read.n, description.parameters["tag"]


def _open(packet: Bytes, max_elements: int) -> Tuple[_Packet, "_Codec", _Description]:
    """A packet whose frame and lengths are sound, of ``max_elements`` or fewer."""
    most = operator.index(max_elements)
    read = _read(packet)
    codec, description = _describe(read)
    if read.n > most:
        raise PacketError(f'n = {read.n} elements; "max_elements" allows {most}', 8)
    return read, codec, description


# --------------------------------------------------------------------------------------------------- encoders


def _bits_of(x: Any) -> Tuple[np.ndarray, int]:
    """The bits of a vector of numbers as float32, (n,) uint32, and those of the largest magnitude, 0 where n = 0."""
    array = np.asarray(x)
    if array.dtype.kind not in "fiu":
        raise TypeError(f'"x" expected a vector of real numbers, got {array.dtype}')
    if array.ndim != 1 or array.size > MOST:
        raise ValueError(f'"x" expected one dimension of up to 2^32 - 1 elements, got the shape {array.shape}')
    with np.errstate(over="ignore"):
        words = np.ascontiguousarray(array, np.float32).view(np.uint32)
    largest = max((int((words[first:last] & MAGNITUDE).max()) for first, last in _pieces(words.size)), default=0)
    if largest >= INFINITE:
        bad = np.flatnonzero((words & MAGNITUDE) >= INFINITE)
        plural = "" if bad.size == 1 else "s"
        raise ValueError(f"the input has {bad.size} NaN or infinite element{plural}, the first at index {bad[0]}")
    return words, largest


def _require_integer(name: str, value: Any, least: int, most: int) -> int:
    try:
        integer = operator.index(value)
    except TypeError:
        raise TypeError(f'"{name}" expected an integer in {least}..{most}, got {value!r}') from None
    if not least <= integer <= most:
        raise ValueError(f'"{name}" expected an integer in {least}..{most}, got {integer}')
    return integer


def _require_number(name: str, value: Any, expected: str, holds: Callable[[float], bool]) -> float:
    if not isinstance(value, numbers.Real):
        raise TypeError(f'"{name}" expected {expected}, got {value!r}')
    if not holds(float(value)):
        raise ValueError(f'"{name}" expected {expected}, got {value}')
    return float(value)


def _require_one_of(name: str, value: Any, choices: Sequence[str]) -> str:
    if value not in choices:
        kind = ValueError if isinstance(value, str) else TypeError
        raise kind(f'"{name}" expected one of {", ".join(choices)}, got {value!r}')
    return value


def compress_float32(x: Any) -> bytes:
    """The packet of x, (n,) float32, as it is. The bytes equal those of ``float32()`` in JavaScript.

    Raises ValueError where x holds NaN or infinity (how many, and where the first is).
    """
    words, _ = _bits_of(x)
    return _write(5, words.size, (), (words,))


def compress_top_k(
    x: Any, k: Optional[int] = None, ratio: Optional[float] = None, values: str = "float32"
) -> bytes:
    """The packet of the k elements of the largest magnitude of x, (n,) float32; all others decode to zero.

    Exactly one of k, 1 <= k <= n, and ratio, 0 < ratio <= 1, is given; k = max(1, floor(ratio n + 1e-9)). Ties go to
    the lowest index. ``values`` is the form of what is sent: 'float32', or rounded to 'bfloat16' or 'float16'; or
    'levels', two bits, a sign and which of two mean magnitudes; or 'sign', one bit, and the mean magnitude of all. The
    bytes equal those of ``topK({ k, values })`` and ``topK({ ratio, values })`` in JavaScript.

    Raises ValueError where x holds NaN or infinity (how many, and where the first is), or k, ratio or values is out of
    range.
    """
    if (k is None) == (ratio is None):
        raise ValueError(f'compress_top_k expected either "k" or "ratio", got k {k} and ratio {ratio}')
    if k is not None:
        k = _require_integer("k", k, 1, MOST)
    else:
        ratio = _require_number("ratio", ratio, "a number above 0 and up to 1", lambda value: 0 < value <= 1)
    number = _KEPT_FORMATS.index(_require_one_of("values", values, _KEPT_FORMATS))
    words, largest = _bits_of(x)
    n = words.size
    if n == 0:
        return _write(1, 0, (0, 0, 0, 0, number), ())
    k = max(1, math.floor(ratio * n + 1e-9)) if ratio is not None else _require_integer("k", k, 1, n)

    # 1. select: all keys above the k-th largest, and of those equal to it the first
    indices = _largest(words, k)
    bits = _code_bits(values)
    sent = _encode_coded(words[indices], k, bits) if bits else (_encode_values(words[indices], values),)
    # 2. code where they are
    parameters, sections = _encode_list(indices, n)
    return _write(1, n, (*parameters, number), (*sections, *sent))


def _encode_coded(sent: np.ndarray, segment: int, bits: int) -> Tuple[np.ndarray, np.ndarray]:
    """The sections levels and codes of values, (count,) words, count >= 1: the means of two classes of each segment."""
    keys = sent & MAGNITUDE
    counts = np.full(-(-keys.size // segment), segment, np.int64)
    counts[-1] = keys.size - segment * (counts.size - 1)
    means = _mean_keys(keys, counts, segment)
    high = keys > np.repeat(means, counts) if bits == 2 else np.zeros(keys.size, bool)
    above = np.add.reduceat(high, np.arange(0, keys.size, segment), dtype=np.int64)
    low_levels = _levels_of(_mean_keys(np.where(high, 0, keys), counts - above, segment))
    high_levels = _levels_of(_mean_keys(np.where(high, keys, 0), above, segment))
    low_levels = np.where(above == counts, high_levels, low_levels)
    levels = np.stack((low_levels, np.maximum(low_levels, high_levels)), axis=1)[:, :bits]
    section = np.zeros(_value_words(levels.size, "bfloat16"), WORD)
    section.view("<u2")[: levels.size] = levels.ravel()
    codes = (sent > SIGN).astype(np.uint8) | high.astype(np.uint8) << 1
    return section, _pack_codes(codes, bits)


def write_index_list(indices: Any, n: int, tag: int = 0) -> bytes:
    """The packet of a list: ascending indices below n, (k,) integers, and a tag, which means what the sender says.

    As a vector it is 1 at the indices and 0 elsewhere. The bytes equal those of ``writeIndexList`` in JavaScript.

    Raises TypeError or ValueError where indices, n or tag are not that.
    """
    n = _require_integer("n", n, 0, MOST)
    tag = _require_integer("tag", tag, 0, MOST)
    array = np.asarray(indices)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f'"indices" expected integers, got {array.dtype}')
    if array.ndim != 1:
        raise ValueError(f'"indices" expected one dimension, got the shape {array.shape}')
    if array.size and not (array[0] >= 0 and array[-1] < n and np.all(array[:-1] < array[1:])):
        raise ValueError(f'"indices" expected ascending integers in 0..{n - 1}')
    parameters, sections = _encode_list(array.astype(np.int64), n)
    return _write(12, n, (*parameters, tag), sections)


def _encode_list(indices: np.ndarray, n: int) -> Tuple[Tuple[int, ...], Tuple[np.ndarray, ...]]:
    """Ascending indices below n, (k,) int64, as parameters and sections: the smaller coding, Rice where equal."""
    k = indices.size
    if k == 0:
        return (0, 0, 0, 0), ()
    r, unary_lengths = _rice_parameters(indices)
    unary_bits = int(unary_lengths.sum())
    low_words = int(((_blocks_of(k) * r + 31) // 32).sum())
    if -(-r.size // 2) + low_words + _words(unary_bits) <= _words(n):
        return (k, 0, low_words, unary_bits), _encode_rice(indices, r, unary_lengths)
    bitmap = np.zeros(_words(n), WORD)
    ends = np.searchsorted(indices, np.arange(0, n + PIECE, PIECE)).tolist()
    for piece, (first, last) in enumerate(_pieces(n)):
        marks = np.zeros(last - first, np.uint8)
        marks[indices[ends[piece] : ends[piece + 1]] - first] = 1
        bitmap[first // 32 : -(-last // 32)] = _pack(marks)
    return (k, 1, 0, 0), (bitmap,)


def _gaps(indices: np.ndarray, first: int) -> np.ndarray:
    """The gaps of some blocks from number ``first`` on: (blocks, 128) int64, with zeros behind the last."""
    start = first * _BLOCK
    some = indices[start : start + _BLOCKS * _BLOCK]
    gaps = np.zeros((-(-some.size // _BLOCK), _BLOCK), np.int64)
    flat = gaps.ravel()
    flat[0] = some[0] - (indices[start - 1] + 1 if start > 0 else 0)
    np.subtract(some[1:], some[:-1], out=flat[1 : some.size])
    flat[1 : some.size] -= 1
    return gaps


def _rice_parameters(indices: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Each block's r, and how many bits its unary part has then: (blocks,) int64; of (k,) int64 indices, k >= 1.

    r is floor(log2(floor(mean gap))) or one less, whichever gives fewer bits, the larger of equals.
    """
    counts = _blocks_of(indices.size)
    r, unary_lengths = np.empty_like(counts), np.empty_like(counts)
    for first in range(0, counts.size, _BLOCKS):
        blocks = slice(first, first + _BLOCKS)
        gaps, own = _gaps(indices, first), counts[blocks]
        means = gaps.sum(axis=1) // own
        largest = np.maximum(np.frexp(means.astype(np.float64))[1].astype(np.int64) - 1, 0)
        smaller = np.maximum(largest - 1, 0)
        many, more = ((gaps >> choice[:, None]).sum(axis=1) for choice in (largest, smaller))
        less = own * smaller + more < own * largest + many
        r[blocks] = np.where(less, smaller, largest)
        unary_lengths[blocks] = np.where(less, more, many) + own
    return r, unary_lengths


def _encode_rice(
    indices: np.ndarray, r: np.ndarray, unary_lengths: np.ndarray
) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ascending indices, (k,) int64 with k >= 1, as head, low and unary."""
    counts = _blocks_of(indices.size)
    head = np.zeros(-(-counts.size // 2), WORD)
    head.view("<u2")[: counts.size] = r | (unary_lengths << 5)
    low_ends = np.cumsum((counts * r + 31) // 32)
    unary_ends = np.cumsum(unary_lengths)
    low = np.empty(int(low_ends[-1]), WORD)
    unary = np.zeros(_words(int(unary_ends[-1])), WORD)
    low_start = unary_start = 0
    for first in range(0, counts.size, _BLOCKS):
        blocks = slice(first, first + _BLOCKS)
        own, count = r[blocks], int(counts[blocks].sum())
        low_end, unary_end = int(low_ends[blocks][-1]), int(unary_ends[blocks][-1])
        gaps = _gaps(indices, first)

        # unary: a one behind each gap's zeros; the first word may be shared with the blocks before
        ends = np.cumsum(((gaps >> own[:, None]) + 1).ravel()[:count])
        ends += (unary_start & 31) - 1
        bits = np.zeros(int(ends[-1]) + 1, np.uint8)
        bits[ends] = 1
        unary[unary_start >> 5 : _words(unary_end)] |= _pack(bits)

        # low: gaps whose low parts start in one word are joined first, then the words that they reach into
        places, shifts, masks = (table[own] for table in _low_tables())
        places += (np.append(low_start, low_ends[blocks][:-1]) - low_start)[:, None]
        rest = gaps.view(np.uint64)
        rest &= masks
        rest <<= shifts
        flat = places.ravel()[:count]
        starts = np.flatnonzero(np.append(True, flat[1:] != flat[:-1]))
        joined = np.bitwise_or.reduceat(rest.ravel()[:count], starts)
        words = np.zeros(low_end - low_start + 2, np.uint64)
        words[flat[starts]] = joined & np.uint64(0xFFFFFFFF)
        words[flat[starts] + 1] |= joined >> np.uint64(32)
        low[low_start:low_end] = words[: low_end - low_start]
        low_start, unary_start = low_end, unary_end
    return head, low, unary


def compress_scaled_sign(x: Any, block: Optional[int] = None) -> bytes:
    """The packet of the signs and the mean magnitude of x, (n,) float32, whole or by blocks of ``block`` elements.

    x_i decodes to mean |x|, negated where x_i < 0; the mean is of its block. The bytes equal those of
    ``scaledSign({ block })`` in JavaScript.

    Raises ValueError where x holds NaN or infinity (how many, and where the first is), or block is out of range.
    """
    if block is not None:
        block = _require_integer("block", block, 1, MOST)
    words, largest = _bits_of(x)
    n = words.size
    if n == 0:
        return _write(2, 0, (block or 0,), ())
    segment = min(block or n, n)
    # 1. signs: negative, and not -0
    signs = _pack_signs(words)
    # 2. scales: the means, divided in float64 and rounded once
    sums = _sum_magnitudes(words, largest, segment)
    lengths = np.full(sums.size, segment)
    lengths[-1] = n - segment * (sums.size - 1)
    scales = (sums / lengths).astype(np.float32)
    return _write(2, n, (block or 0,), (scales.view(np.uint32), signs))


def _pack_signs(words: np.ndarray) -> np.ndarray:
    """Bits that are 1 where the float32 of these bits is negative, and not -0."""
    bits = np.empty(_words(words.size), WORD)
    for first, last in _pieces(words.size):
        bits[first // 32 : -(-last // 32)] = _pack(words[first:last] > SIGN)
    return bits


def compress_block_top_k(
    x: Any, block: int = 4096, k: int = 64, bits: Optional[int] = None, values: Optional[str] = None
) -> bytes:
    """The packet of the k elements of the largest magnitude of each ``block`` of x, (n,) float32.

    Each is sent as a sign and, with 2 bits (the default), which of two levels of its block it has; with 1 bit there is
    one level a block. In the place of bits ``values`` is a format in which they are sent as they are. Of a last block
    of L elements max(1, floor(k L / block)) are kept; ties go to the lowest index; all others decode to zero. The
    bytes equal those of ``blockTopK({ block, k, bits, values })`` in JavaScript.

    Raises ValueError where x holds NaN or infinity (how many, and where the first is), block is no power of two in
    64..4096, k is not in 1..block, bits is not 1 or 2, values is no format, or both of these are given.
    """
    block = _require_integer("block", block, 64, 4096)
    if block & (block - 1):
        raise ValueError(f'"block" expected a power of two in 64..4096, got {block}')
    k = _require_integer("k", k, 1, block)
    if bits is not None and values is not None:
        raise ValueError(f'compress_block_top_k expected "bits" or "values", got bits {bits} and values {values}')
    bits = _require_integer("bits", 2 if bits is None else bits, 1, 2) if values is None else 0
    form = _require_one_of("values", "float32" if values is None else values, _FORMATS)
    words, _ = _bits_of(x)
    n = words.size

    # 1. select: the k largest of each block
    indices = np.flatnonzero(_largest_of_blocks(words & MAGNITUDE, block, k))
    parameters, sections = _encode_list(indices, n)
    parameters = (*parameters, block, k, bits, _FORMATS.index(form))
    sent = words[indices]
    if bits == 0:
        return _write(13, n, parameters, (*sections, _encode_values(sent, form)))
    if n == 0:
        return _write(13, n, parameters, ())
    # 2. levels: the means of the two classes of a block; codes: the sign and the class
    return _write(13, n, parameters, (*sections, *_encode_coded(sent, k, bits)))


def _largest_of_blocks(keys: np.ndarray, block: int, k: int) -> np.ndarray:
    """Where the k largest of each block of (n,) keys are, the first of equal ones, a share of the last: (n,) bool."""
    kept = np.zeros(keys.size, bool)
    whole = keys.size // block * block
    if whole:
        rows = keys[:whole].reshape(-1, block)
        cuts = np.partition(rows, block - k, axis=1)[:, block - k, None]
        above, equal = rows > cuts, rows == cuts
        ties = k - np.count_nonzero(above, axis=1)
        kept[:whole] = (above | (equal & (np.cumsum(equal, axis=1) <= ties[:, None]))).ravel()
    if whole < keys.size:
        kept[whole + _largest(keys[whole:], max(1, k * (keys.size - whole) // block))] = True
    return kept


def _mean_keys(keys: np.ndarray, counts: np.ndarray, segment: int) -> np.ndarray:
    """The bits of the means of magnitudes, given by theirs: the sum of each segment, scaled by its own, over a count.

    The sums are rounded as _tree_sums rounds, the quotient once to float32; 0 where the count is 0.
    """
    largest = np.maximum.reduceat(keys, np.arange(0, keys.size, segment))
    exponents = np.where((largest > 0) & (largest < _key(-60)), 96, np.where(largest >= _key(95), -96, 0))
    least = np.where(exponents > 0, -126, -102 - exponents)
    tiny = ((least + 127) << 23).astype(np.uint32)
    own = np.arange(keys.size) // segment
    counted = np.where(keys < tiny[own], 0, keys).astype(np.uint32).view(np.float32)
    terms = counted * np.exp2(exponents).astype(np.float32)[own]
    sums = _tree_sums(lambda first, last: [terms[first:last]], terms.size, segment).astype(np.float64)
    sums *= np.exp2(-exponents.astype(np.float64))
    with np.errstate(over="ignore"):
        return (sums / np.maximum(counts, 1)).astype(np.float32).view(np.uint32)


def _levels_of(keys: np.ndarray) -> np.ndarray:
    """The bits of means as bfloat16: half to even, at most the largest finite one, +0 below 2^-126."""
    levels = np.minimum(_rounded(keys, 16), 0x7F7F)
    return np.where(levels < 0x80, 0, levels)


def _code_symbols(codes: np.ndarray, width: int) -> Optional[np.ndarray]:
    """The section of coded symbols, of (n,) codes below 2^width; None unless a packet is shorter by it."""
    n = codes.size
    most = _words(n * width) - 2
    counts = np.bincount(codes, minlength=2**width)
    symbols = np.flatnonzero(counts)
    counts = counts[symbols]
    used = symbols.size
    if used == 1:
        head = _write_table(0, 0, 5, symbols, np.ones(1, np.int64))
        return head if head.size <= most else None
    # 1. the slots: one for each symbol, and of the others what its count is worth beyond one
    largest = int(counts.max())
    fine = max(5 + used.bit_length() + n.bit_length() - (n - largest).bit_length(), 12)
    precision = min(fine, 16, max(n.bit_length() - 4, used.bit_length() + 1))
    weights = np.cumsum(np.maximum(counts - (n >> precision), 0))
    weight = int(weights[-1])
    k = max(0, weight.bit_length() - 16)
    ends = np.arange(1, used + 1) + (weights >> k) * (2**precision - used) // (weight >> k)
    shares = np.diff(ends, prepend=0)
    # 2. about the bits of all, and by these the blocks and lanes
    m = max(0, n.bit_length() - 16)
    wholes = np.frexp(shares.astype(np.float64))[1].astype(np.int64) - 1
    each = 16 * (precision - wholes) - ((shares - (1 << wholes)) * 16 >> wholes)
    rare = (counts >> 8) * 16 * each + ((counts & 255) * each >> 4)
    frequent = ((counts >> m) * (2**precision - shares) >> precision) * 3 >> 1 << m
    bits = int(np.where(shares > 2 ** (precision - 1), frequent, rare).sum())
    block = 15
    while n - 1 >> block >= max(1, bits >> 17):
        block += 1
    lanes = min(max(1, bits >> 10, n >> 12).bit_length() - 1, 5)
    head = _write_table(precision, lanes, block, symbols, shares)
    # 3. all blocks side by side, backwards; what a lane gives at a symbol, and whether it does
    count, length = 2**lanes, min(2**block, n)
    blocks = -(-n // length)
    share_of, start_of = np.zeros((2, 2**width), np.uint64)
    share_of[symbols], start_of[symbols] = shares, ends - shares
    padded = np.zeros((blocks, length), codes.dtype)
    padded.ravel()[:n] = codes
    states = np.full((blocks, count), _START, np.uint64)
    halves, gives = np.zeros((blocks, length), "<u2"), np.zeros((blocks, length), bool)
    limit, slots = np.uint64(32 - precision), np.uint64(precision)

    def step(b: int, e: int, row: int, lanes: int) -> None:
        own = slice(row * count, row * count + lanes)
        x = states[b:e, :lanes]
        symbol = padded[b:e, own]
        share = share_of[symbol]
        large = x >= share << limit
        gives[b:e, own] = large
        halves[b:e, own] = x & np.uint64(0xFFFF)
        x = np.where(large, x >> np.uint64(16), x)
        quotient = x // share
        states[b:e, :lanes] = (quotient << slots) + (x - quotient * share) + start_of[symbol]

    last = n - (blocks - 1) * length
    if last % count:
        step(blocks - 1, blocks, last // count, last % count)
    for row in reversed(range(length // count)):
        step(0, blocks if row < last // count else blocks - 1, row, count)
    # 4. the lengths, and of each block the states and the halves, as a decoder takes them
    parts = []
    for own, given, state in zip(halves, gives, states):
        taken = own[given]
        words = np.zeros(count + (taken.size + 1) // 2, WORD)
        words[:count] = state
        words.view("<u2")[2 * count :][: taken.size] = taken
        parts.append(words)
    section = np.concatenate([head, np.array([part.size for part in parts[:-1]], WORD), *parts])
    return section if section.size <= most else None


def _write_table(precision: int, lanes: int, block: int, symbols: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Header and table, as words."""
    value = precision | lanes << 5 | block << 8 | (symbols.size - 1) << 13
    pieces, at = [value], 25

    def put(value: int, bits: int) -> None:
        nonlocal at
        while at // 32 >= len(pieces):
            pieces.append(0)
        pieces[at // 32] |= value << at % 32
        if at % 32 + bits > 32:
            pieces.append(pieces[at // 32] >> 32)
        pieces[at // 32] &= 0xFFFFFFFF
        at += bits

    def put_gamma(v: int) -> None:
        rest = v.bit_length() - 1
        put(1 << rest, rest + 1)
        put(v - (1 << rest), rest)

    listed = symbols.tolist()
    end = before = 0
    for i, (symbol, share) in enumerate(zip(listed, shares.tolist())):
        if i == 0 or symbol > end:
            put_gamma(symbol + 1 if i == 0 else symbol - end)
            end = symbol
            while i + end - symbol < len(listed) and listed[i + end - symbol] == end:
                end += 1
            put_gamma(end - symbol)
        whole = share.bit_length() - 1
        put_gamma(2 * (before - whole) if whole < before else 2 * (whole - before) + 1)
        put(share - (1 << whole), whole)
        before = whole
    return np.array(pieces[: _words(at)], WORD)


def compress_quantized(x: Any, bits: int, coding: str = "entropy") -> bytes:
    """The packet of x, (n,) float32, with each element as the nearest of 2^bits levels, from min x to max x.

    x_i decodes to min + m_i (max - min) / (2^bits - 1), m_i rounded half to even. With ``coding`` 'entropy' codes are
    sent by their entropy where that is smaller, with 'packed' as they are. The bytes equal those of
    ``quantized({ bits, coding })`` in JavaScript. Source: the baseline QU of arXiv 2408.13787.

    Raises ValueError where x holds NaN or infinity (how many, and where the first is), bits is not in 1..16, or coding
    is another.
    """
    bits = _require_integer("bits", bits, 1, 16)
    _require_one_of("coding", coding, ("entropy", "packed"))
    words, largest = _bits_of(x)
    n = words.size
    if n == 0:
        return _write(8, 0, (bits, 0, 0), ())
    floats = (words[first:last].view(np.float32) for first, last in _pieces(n))
    lows, highs = zip(*((piece.min(), piece.max()) for piece in floats))
    ends = np.array([min(lows), max(highs)], np.float32) + np.float32(0)  # a zero as +0
    # 1. the levels, over x times 2^exponent
    exponent = _exponent_for(largest)
    tiny = _key(-126 - exponent) if exponent <= 0 else 1  # scaled up, even subnormals count
    low, high = _times(ends.view(np.uint32), exponent, tiny)
    most = 2**bits - 1
    width = float(high - low)
    scale = np.float32(most / width if width > 0 else 0.0)
    # 2. each element to its nearest
    packed = np.empty(_words(n * bits), WORD)
    for first, last in _pieces(n):
        piece = words[first:last]
        # where nothing is scaled, whether subnormals are zeros changes no code: they are far below a step
        steps = (_times(piece, exponent, tiny) if exponent else piece.view(np.float32)) - low
        steps *= scale
        np.rint(steps, out=steps)
        if steps.max() > most:
            np.minimum(steps, np.float32(most), out=steps)
        codes = steps.astype(np.uint8 if bits <= 8 else np.uint16)
        start = first * bits // 32
        packed[start : start + _words(codes.size * bits)] = _pack_codes(codes, bits)
    parameters = (bits, *map(int, ends.view(np.uint32)))
    if coding == "entropy" and _is_codable(n, bits):
        section = _code_symbols(_unpack_codes(packed, 0, n, bits), bits)
        if section is not None:
            return _write(8, n, (*parameters, section.size), (section,))
    return _write(8, n, parameters, (packed,))


def compress_flattened_one_bit(
    x: Any,
    seed: int,
    lambda_: Union[None, str, float] = None,
    c: Optional[float] = None,
    block: Union[int, str] = 4096,
    scale: str = "dither",
    step: int = 0,
    stream: int = 0,
) -> bytes:
    """The packet of one bit an element of z = H D x / sqrt(d), for each block of d elements of x, (n,) float32.

    D are random signs, H the Walsh-Hadamard matrix. ``block`` is d, a power of two, or 'whole'; a vector shorter than a
    block is one block of the next power of two. ``scale`` says what bits are and stand for: 'dither', signs of z + u
    for u uniform in [-lambda, lambda], times lambda; 'mean', signs of z, times the mean |z|; 'drive', signs of z, times
    |z|_2^2 / |z|_1. ``lambda_`` is 'norm', c |x|_2 sqrt(2 ln(2d) / d), where c is 0.3 if left out; 'max', max |z|; or a
    number. Draws are keyed by (seed, step, stream). The bytes equal those of
    ``flattenedOneBit({ seed, lambda, c, block, scale })`` with ``{ step, stream }`` in JavaScript.
    Source: arXiv 2405.11095; drive: arXiv 2105.08339.

    Raises ValueError where x holds NaN or infinity (how many, and where the first is); unless seed, step and stream are
    in 0..2^32 - 1, block up to 2^26, lambda_ in 2^-60..2^60 and c in 2^-20..2^20; where lambda_ or c has no use; where
    a whole vector is longer than 2^26.
    """
    key = _require_key(seed, step, stream)
    _require_block(block)
    number = _SCALES.index(_require_one_of("scale", scale, _SCALES))
    if scale != "dither" and not (lambda_ is None and c is None):
        raise ValueError(f"\"lambda_\" and \"c\" belong to scale 'dither', got scale {scale!r}")
    if isinstance(lambda_, str):
        _require_one_of("lambda_", lambda_, ("norm", "max"))
    elif lambda_ is not None:
        expected = "'norm', 'max' or a number in 2^-60..2^60"
        lambda_ = _require_number("lambda_", lambda_, expected, lambda value: 2**-60 <= value <= 2**60)
    if c is not None and lambda_ not in (None, "norm"):
        raise ValueError(f"\"c\" belongs to lambda_ 'norm', got {lambda_!r}")
    expected = "a number in 2^-20..2^20"
    c = _require_number("c", 0.3 if c is None else c, expected, lambda value: 2**-20 <= value <= 2**20)

    words, largest = _bits_of(x)
    n = words.size
    if n == 0:
        return _write(11, 0, (1, *key, number), ())
    order = _order_of(block, n)
    exponent = _exponent_for(largest)
    blocks = -(-n // order)
    scales, bits = np.empty(blocks, np.float64), np.empty(_words(blocks * order), WORD)
    chunk = max(order, 4 * PIECE)
    for first in range(0, n, chunk):  # some whole blocks at a time
        own = words[first : first + chunk]
        # 1. flatten: z sqrt(d) = H D x, over x times 2^exponent
        z = _flattened(own, first, order, exponent, key)
        # 2. one bit an element, and what it stands for in each block
        if scale == "dither":
            width = "norm" if lambda_ is None else lambda_
            widths, found = _widths(own, z, order, exponent, width, c)
            signs = _pack(_dithered(z, widths, order, first, key))
        else:
            signs = _pack_signs(z.view(np.uint32))
            found = _means(own, z, order, exponent, scale)
        scales[first // order :][: found.size] = found
        bits[first // 32 :][: signs.size] = signs
    return _write(11, n, (order, *key, number), (_sent_scales(scales), bits))


def _require_key(seed: int, step: int, stream: int) -> List[int]:
    given = (("seed", seed), ("step", step), ("stream", stream))
    return [_require_integer(name, part, 0, MOST) for name, part in given]


def _require_block(block: Union[int, str]) -> None:
    if isinstance(block, str) or _require_integer("block", block, 1, _LONGEST) & (block - 1):
        if block != "whole":
            raise ValueError(f"\"block\" expected 'whole' or a power of two, got {block!r}")


def _order_of(block: Union[int, str], n: int) -> int:
    """The order of the transform of n >= 1 elements."""
    if block == "whole" and n > _LONGEST:
        raise ValueError(f"\"x\" expected up to {_LONGEST} elements for block 'whole', got {n}")
    return _order_for(n) if block == "whole" else min(int(block), _order_for(n))


def _flattened(words: np.ndarray, first: int, order: int, exponent: int, key: Sequence[int]) -> np.ndarray:
    """H D x by blocks, padded with zeros, of x times 2^exponent, given by its bits from element ``first`` on: float32."""
    z = np.zeros(-(-words.size // order) * order, np.float32)
    z[: words.size] = _times(words ^ _flips(first, words.size, key), exponent, _tiny(-102, exponent))
    return _transform(z, order)


def _sent_scales(scales: np.ndarray) -> np.ndarray:
    """The bits of (blocks,) float64 scales as they are sent: held to the largest float32, +0 below 2^-126."""
    sent = np.minimum(scales, np.float64(LARGEST)).astype(np.float32)
    sent[sent < np.float32(2.0**-126)] = 0
    return sent.view(np.uint32)


def compress_flattened_levels(
    x: Any,
    seed: int,
    bits: int = 2,
    block: Union[int, str] = 4096,
    scale: str = "unbiased",
    coding: str = "entropy",
    step: int = 0,
    stream: int = 0,
) -> bytes:
    """The packet of the sign and level of each element of z = H D x, for each block of d elements of x, (n,) float32.

    D are random signs, H the Walsh-Hadamard matrix. z is close to normal, and the 2^(bits - 1) levels are Lloyd and
    Max's for it. ``block`` is d, a power of two, or 'whole'; a vector shorter than a block is one block of the next
    power of two. ``scale`` 'unbiased' gives decoded . x = |x|^2, 'least' the least squared error. With
    ``coding`` 'entropy' codes are sent by their entropy where that is smaller, with 'packed' as they are. Draws are
    keyed by (seed, step, stream). The bytes equal those of ``flattenedLevels({ seed, bits, block, scale, coding })``
    with ``{ step, stream }`` in JavaScript. Source: arXiv 2108.08842.

    Raises ValueError where x holds NaN or infinity (how many, and where the first is); unless seed, step and stream are
    in 0..2^32 - 1, bits is 2, 3 or 4 and block up to 2^26; where a whole vector is longer than 2^26.
    """
    key = _require_key(seed, step, stream)
    bits = _require_integer("bits", bits, 2, 4)
    _require_block(block)
    number = _LEVEL_SCALES.index(_require_one_of("scale", scale, _LEVEL_SCALES))
    _require_one_of("coding", coding, ("entropy", "packed"))
    words, largest = _bits_of(x)
    n = words.size
    if n == 0:
        return _write(14, 0, (1, *key, bits, number, 0), ())
    order = _order_of(block, n)
    exponent = _exponent_for(largest)
    blocks = -(-n // order)
    levels = np.array(_LEVELS[bits], np.float64)
    edges = ((levels[:-1] + levels[1:]) / (2 * 32 * 2 ** (bits - 1))).astype(np.float32)
    scales, codes = np.empty(blocks, np.float64), np.empty(_words(blocks * order * bits), WORD)
    chunk = max(order, 4 * PIECE)
    for first in range(0, n, chunk):  # some whole blocks at a time
        own = words[first : first + chunk]
        # 1. flatten: z = H D x, over x times 2^exponent
        z = _flattened(own, first, order, exponent, key).view(np.uint32)
        keys = z & MAGNITUDE
        # 2. the level of each |z_i| beside |x|
        squares = _square_sums(own, order, exponent)
        roots = np.sqrt(squares.astype(np.float64)).astype(np.float32)
        level = np.zeros(keys.size, np.uint8)
        for edge in edges:
            level += (keys.reshape(-1, order) >= (edge * roots).view(np.uint32)[:, None]).ravel()
        code = level | (z > SIGN).astype(np.uint8) << (bits - 1)
        packed = _pack_codes(code, bits)
        codes[first * bits // 32 :][: packed.size] = packed
        # 3. what the scale of a block is made of: the sum and the number of each level
        counted = np.where(keys < _key(-102), np.uint32(0), keys)
        dot, norm = np.zeros(roots.size), np.zeros(roots.size)
        for number_of, value in enumerate(levels):
            terms = np.where(level == number_of, counted, np.uint32(0)).view(np.float32)
            dot += value * _tree_sums(lambda a, b, of=terms: [of[a:b]], terms.size, order).astype(np.float64)
            norm += value**2 * np.count_nonzero((level == number_of).reshape(-1, order), axis=1)
        parts = (squares.astype(np.float64), dot) if scale == "unbiased" else (dot, order * norm)
        some = np.divide(*parts, out=np.zeros_like(dot), where=dot > 0)
        scales[first // order :][: some.size] = some / 2.0**exponent
    head = (order, *key, bits, number)
    if coding == "entropy" and _is_codable(blocks * order, bits):
        section = _code_symbols(_unpack_codes(codes, 0, blocks * order, bits), bits)
        if section is not None:
            return _write(14, n, (*head, 1, section.size), (_sent_scales(scales), section))
    return _write(14, n, (*head, 0), (_sent_scales(scales), codes))


def _widths(
    words: np.ndarray, z: np.ndarray, order: int, exponent: int, width: Union[str, float], c: float
) -> Tuple[np.ndarray, np.ndarray]:
    """lambda sqrt(d) 2^exponent of each block, float32, and lambda / sqrt(d), float64."""
    if width == "max":
        widths = (z.view(np.uint32) & MAGNITUDE).reshape(-1, order).max(axis=1).view(np.float32)
    elif width == "norm":
        roots = np.sqrt(_square_sums(words, order, exponent).astype(np.float64)).astype(np.float32)
        # sqrt(2 ln(2d)), of operations that every machine rounds alike, which its logarithm need not be
        flatness = math.sqrt(2 * order.bit_length() * 0.6931471805599453)
        widths = roots * np.float32(c * flatness)
    else:  # more than 2^100 outweighs any z as much as 2^100 does
        same = min(width * math.sqrt(order) * 2.0**exponent, 2.0**100)
        widths = np.full(z.size // order, same, np.float32)
    widths = np.where(widths < np.float32(2.0**-102), np.float32(0), widths)
    if isinstance(width, str):
        return widths, widths.astype(np.float64) / order / 2.0**exponent
    return widths, np.full(widths.size, width / math.sqrt(order))


def _dithered(z: np.ndarray, widths: np.ndarray, order: int, first: int, key: Sequence[int]) -> np.ndarray:
    """Where z + u is negative, for u uniform in [-width, width] of its block: (z.size,) bool; z from ``first`` on."""
    odd = _random_words(first, z.size, key)
    odd >>= np.uint32(8)
    odd |= np.uint32(1)
    draws = (odd.view(np.int32) - np.int32(2**23)).astype(np.float32).reshape(-1, order)
    draws *= (widths * np.float32(2.0**-23))[:, None]
    return _times(z.view(np.uint32), 0, _key(-102)) < draws.ravel()


def _means(words: np.ndarray, z: np.ndarray, order: int, exponent: int, scale: str) -> np.ndarray:
    """What the signs of each block's z stand for, of the scales 'mean' and 'drive', divided by sqrt(d): float64."""

    def terms(first: int, last: int) -> List[np.ndarray]:
        return [_times(z[first:last].view(np.uint32) & MAGNITUDE, 0, _key(-102))]

    sums = _tree_sums(terms, z.size, order).astype(np.float64)
    if scale == "mean":
        return sums / order / order / 2.0**exponent
    squares = _square_sums(words, order, exponent).astype(np.float64)
    return np.divide(squares, sums, out=np.zeros_like(sums), where=sums > 0) / 2.0**exponent


#: Names of biases, and of the parameters and averages of normalisation.
_SMALL_NAMES = re.compile(r"bias|norm|beta|gamma|(moving|running)_|(^|[^a-z])(bn|ln)\d*([^a-z]|$)", re.IGNORECASE)
#: Vectors of fewer elements are biases or normalisation, whatever they are called.
_SHORT = 2**15


def compress_plan(
    x: Any,
    rules: Sequence[Tuple[Any, ...]],
    layout: Sequence[Tuple[str, Sequence[int]]],
    small: bool = True,
    tiny: int = 256,
    step: int = 0,
    stream: int = 0,
) -> bytes:
    """The packet of x, (n,) float32, the tensors of a model, each compressed by the first rule that matches its name.

    ``layout`` has the (name, shape) of each tensor, in the order in which they lie in x, end to end. A rule is (match,
    compress), or (match, compress, True) for tensors that are compressed as one where they follow each other: match is
    a name, a pattern with ``*`` for any letters, or a compiled ``re.Pattern``, found anywhere; compress a function of
    a vector that gives its packet, such as ``functools.partial(compress_top_k, ratio=0.01)``; it is called with
    ``step`` and ``stream`` where it takes them. Small tensors go as float32 where no rule but ``"*"`` matches them:
    those of fewer than ``tiny`` elements, and vectors of fewer than 2^15 elements or with a name of a bias or of
    normalisation; ``small=False`` leaves them to the rules. The bytes equal those of ``plan`` in JavaScript, where the
    functions are those of this module or partials of them.

    Raises ValueError where x has not the elements of the layout, holds NaN or infinity, or no rule matches a tensor.
    """
    step, stream = _require_integer("step", step, 0, MOST), _require_integer("stream", stream, 0, MOST)
    tiny = _require_integer("tiny", tiny, 0, MOST)
    words, _ = _bits_of(x)
    parts = _plan_parts(rules, layout, small, tiny)
    n = sum(part[0] for part in parts)
    if words.size != n:
        raise ValueError(f'"x" expected {n} elements, as the layout has, got {words.size}')
    table, bodies, first = [], [], 0
    for i, (elements, compress, *_) in enumerate(parts):
        # 1. each part by its own compressor, with draws of its own
        keys = {"step": step, "stream": (stream + i * 0x9E3779B9) & MOST}
        taken = signature(compress).parameters
        draw = {name: key for name, key in keys.items() if name in taken}
        packet = compress(words[first : first + elements].view(np.float32), **draw)
        first += elements
        _, _, compressor, count, had, _ = struct.unpack_from("<4sBBHII", packet)
        if compressor == _PLAN or had != elements:
            raise ValueError(f"part {i} expected the packet of one vector of {elements} elements")
        bodies.append(np.frombuffer(packet, WORD)[4:-1])
        table += [elements, compressor | count << 16, bodies[-1].size - count]
    # 2. one packet of them
    return _write(_PLAN, n, (len(parts),), (np.array(table, WORD), *bodies))


def _plan_parts(
    rules: Sequence[Tuple[Any, ...]], layout: Sequence[Tuple[str, Sequence[int]]], small: bool, tiny: int
) -> List[Tuple[int, Callable[..., bytes], bool, int]]:
    """The parts of a plan: elements, the function that compresses them, whether more join, and by which rule."""
    parts: List[Tuple[int, Callable[..., bytes], bool, int]] = []
    names: Set[str] = set()
    for name, shape in layout:
        if name in names:
            raise ValueError(f'"layout" has two tensors called {name!r}')
        names.add(name)
        n = math.prod(shape)
        if n == 0:
            continue
        number, compress = _choose(rules, name, shape, small, tiny)
        joined = number < 0 or any(rules[number][2:3])
        if parts:
            before, other, _, owner = parts[-1]
            if (joined and owner == number) or (_is_float32(other) and _is_float32(compress)):
                parts[-1] = (before + n, *parts[-1][1:])
                continue
        parts.append((n, compress, joined, number))
    if len(parts) > 0xFFFF:
        raise ValueError(f'"layout" expected at most 65535 parts, got {len(parts)}')
    return parts


def _choose(
    rules: Sequence[Tuple[Any, ...]], name: str, shape: Sequence[int], small: bool, tiny: int
) -> Tuple[int, Callable[..., bytes]]:
    """The rule of a tensor and its function: -1 and float32 where it is a small one."""
    n = math.prod(shape)
    number = next((i for i, rule in enumerate(rules) if _matches(rule[0], name)), -1)
    general = number < 0 or rules[number][0] == "*"
    vector = sum(size > 1 for size in shape) <= 1
    if small and general and (n < tiny or (vector and (n < _SHORT or _SMALL_NAMES.search(name)))):
        return -1, compress_float32
    if number < 0:
        raise ValueError(f"no rule of the plan matches the tensor {name!r}; '*' matches all")
    return number, rules[number][1]


def _matches(match: Any, name: str) -> bool:
    if isinstance(match, re.Pattern):
        return match.search(name) is not None
    return re.fullmatch(".*".join(re.escape(piece) for piece in match.split("*")), name, re.DOTALL) is not None


def _is_float32(compress: Callable[..., bytes]) -> bool:
    return getattr(compress, "func", compress) is compress_float32


# ------------------------------------------------------------------------ scaling and sums (docs/same-bytes.md)


def _exponent_for(largest: int) -> int:
    """The e by whose 2^e a vector is scaled, by the bits of its largest magnitude: 0 where that does not ask for it."""
    if largest == 0 or _key(-27) <= largest < _key(40):
        return 0
    return min(max(127 - (largest >> 23), -126), 96)


def _tiny(least: int, exponent: int) -> np.uint32:
    """The bits below which a magnitude times 2^exponent lies below 2^least; those of a normal number, at least."""
    return _key(max(least - exponent, -126))


def _times(words: np.ndarray, exponent: int, tiny: int) -> np.ndarray:
    """The float32 with these bits times 2^exponent; +0 where the bits of the magnitude are below ``tiny``."""
    zeros = (words & MAGNITUDE) < np.uint32(tiny)
    counted = words * ~zeros if np.any(zeros) else words
    if exponent == 0:
        return counted.view(np.float32)
    with np.errstate(over="ignore"):
        return counted.view(np.float32) * np.float32(2.0**exponent)


def _sum_magnitudes(words: np.ndarray, largest: int, segment: int) -> np.ndarray:
    """The sums over segments of magnitudes of a vector: (ceil(n / segment),) float64; of its bits, the largest ones."""

    def run(exponent: int, least: int) -> np.ndarray:
        """Sums of the magnitudes times 2^exponent, where those below 2^least count as zero."""

        def terms(first: int, last: int) -> List[np.ndarray]:
            return [_times(words[first:last] & MAGNITUDE, exponent, _key(least))]

        with np.errstate(over="ignore"):
            return _tree_sums(terms, words.size, segment).astype(np.float64)

    if 0 < largest < _key(-60):
        return run(96, -126) * 2.0**-96
    plain = run(0, -102)
    if largest < _key(95):
        return plain
    scaled = run(-96, -6) * 2.0**96
    return np.where(scaled < 2.0**95, plain, scaled)


def _square_sums(words: np.ndarray, segment: int, exponent: int) -> np.ndarray:
    """The sums over segments of squares of a vector, given by its bits, times 2^exponent: float32."""

    def terms(first: int, last: int) -> List[np.ndarray]:
        magnitudes = _times(words[first:last] & MAGNITUDE, exponent, _tiny(-51, exponent))
        high = (magnitudes.view(np.uint32) & np.uint32(0xFFFFF000)).view(np.float32)
        return [high * high, (high + high) * (magnitudes - high)]

    return _tree_sums(terms, words.size, segment)


def _tree_sums(terms: Callable[[int, int], List[np.ndarray]], size: int, segment: int) -> np.ndarray:
    """Sums over segments of float32, none negative, in the one order that gives the same bits everywhere.

    ``terms`` gives the terms of the elements from one place up to another; where there are several arrays, the terms of
    one element are added one after the other. 1024 elements are 32 rows of 32 lanes, padded with +0. A lane adds its
    rows in order, lanes fold by halves. The sums are the elements of the next level, until one is left. Adding +0
    changes nothing, so rows of it are left out, and lanes where a segment has fewer.
    """
    while True:
        blocks = -(-segment // 1024)
        lanes = min(32, 1 << (segment - 1).bit_length())
        width = blocks * 1024 if blocks > 1 else -(-segment // lanes) * lanes
        sums = []
        if segment < PIECE:  # some whole segments at a time
            step = PIECE // segment * segment
            for first in range(0, size, step):
                last = min(first + step, size)
                grids = [_padded(term, segment, width) for term in terms(first, last)]
                sums.append(_block_sums(grids, lanes, min(width, 1024)))
        else:
            for start in range(0, size, segment):
                for first, last in _pieces(min(segment, size - start)):
                    grids = [_padded(term, 1024, 1024) for term in terms(start + first, start + last)]
                    sums.append(_block_sums(grids, 32, 1024))
        added = np.concatenate(sums)
        if blocks == 1:
            return added
        terms, size, segment = (lambda first, last, of=added: [of[first:last]]), added.size, blocks


def _padded(term: np.ndarray, segment: int, width: int) -> np.ndarray:
    """Segments, the last of which may have fewer elements, each padded with zeros: (segments, width)."""
    if segment == width and term.size % segment == 0:
        return term.reshape(-1, width)
    whole = term.size // segment
    grid = np.zeros((-(-term.size // segment), width), np.float32)
    grid[:whole, :segment] = term[: whole * segment].reshape(whole, segment)
    if whole < len(grid):
        grid[whole, : term.size - whole * segment] = term[whole * segment :]
    return grid


def _block_sums(grids: Sequence[np.ndarray], lanes: int, length: int) -> np.ndarray:
    """The sums of each ``length`` elements, in rows of ``lanes``; grids of the same shape hold an element's terms."""
    rows = length // lanes
    ordered = [np.ascontiguousarray(grid.reshape(-1, rows, lanes).swapaxes(0, 1)) for grid in grids]
    sums = np.zeros(ordered[0].shape[1:], np.float32)
    for row in range(rows):
        for term in ordered:
            sums += term[row]
    while sums.shape[1] > 1:
        half = sums.shape[1] // 2
        sums = sums[:, :half] + sums[:, half:]
    return sums[:, 0]


# --------------------------------------------------------------------------- models as one .safetensors file

#: Bits of an element, for each type of the format; and the types that compressors take.
_BITS = {
    **dict.fromkeys(("F4",), 4),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 64),
}
_FLOATS = ("F16", "BF16", "F32", "F64")
_METADATA, _PACKED = "__metadata__", "fewbits"
_MOST_HEADER = 100_000_000


class _Tensor(NamedTuple):
    """A tensor of a .safetensors file."""

    name: str
    dtype: str
    shape: Tuple[int, ...]
    data: memoryview


def _unique(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _is_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(size) is int and 0 <= size < 2**53 for size in value)


def _read_safetensors(data: Bytes) -> Tuple[List[_Tensor], Dict[str, str]]:
    """The tensors of a .safetensors file in the order of their data, and its texts. Raises ValueError for no such."""
    view = memoryview(data).cast("B")
    length = int.from_bytes(view[:8], "little")
    if len(view) < 8 or 8 + length > len(view) or length > _MOST_HEADER:
        raise ValueError("the .safetensors file ends inside its header, or that is too long")
    try:
        header = json.loads(bytes(view[8 : 8 + length]).decode(), object_pairs_hook=_unique)
    except ValueError as error:
        raise ValueError(f"the .safetensors header is not sound JSON: {error}") from None
    if not isinstance(header, dict) or view[8:9] != b"{":
        raise ValueError("the .safetensors header is not an object, which starts with {")
    texts = header.pop(_METADATA, None) or {}
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise ValueError(f"{_METADATA} is not an object of texts")
    body, found = view[8 + length :], []
    for name, entry in header.items():
        dtype, shape, size = _tensor_of(name, entry)
        places = entry.get("data_offsets")
        if not _is_sizes(places) or len(places) != 2 or places[1] - places[0] != size:
            raise ValueError(f"the header's entry {name!r} makes no sense")
        found.append((places[0], places[1], _Tensor(name, dtype, shape, body[places[0] : places[1]])))
    found.sort(key=lambda own: own[:2])
    end = 0
    for start, stop, tensor in found:
        if start != end or stop > len(body):
            what = "does not start where the one before it ends, or passes the end"
            raise ValueError(f"the tensor {tensor.name!r} {what}")
        end = stop
    if end != len(body):
        raise ValueError(f"no tensor has the last {len(body) - end} bytes of the .safetensors file")
    return [tensor for _, _, tensor in found], texts


def _tensor_of(name: str, entry: Any) -> Tuple[str, Tuple[int, ...], int]:
    """The type, shape and bytes of an entry."""
    if not isinstance(entry, dict) or not _is_sizes(entry.get("shape")) or entry.get("dtype") not in _BITS:
        raise ValueError(f"the entry of the tensor {name!r} makes no sense")
    bits = math.prod(entry["shape"]) * _BITS[entry["dtype"]]
    if bits % 8:
        raise ValueError(f"the tensor {name!r} ends inside a byte")
    return entry["dtype"], tuple(entry["shape"]), bits // 8


def _write_safetensors(tensors: Sequence[_Tensor], texts: Dict[str, str]) -> bytes:
    header: Dict[str, Any] = {_METADATA: texts} if texts else {}
    at = 0
    for name, dtype, shape, data in tensors:
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join((len(text).to_bytes(8, "little"), text, *(tensor.data for tensor in tensors)))


def _floats_in(tensor: _Tensor) -> np.ndarray:
    """The values of a floating-point tensor: (n,) float32."""
    if tensor.dtype == "BF16":
        return (np.frombuffer(tensor.data, "<u2").astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):
        return np.frombuffer(tensor.data, f"<f{_BITS[tensor.dtype] // 8}").astype(np.float32)


def _floats_as(values: np.ndarray, dtype: str) -> memoryview:
    """(n,) float32 as the bytes of a type: rounded half to even, and too large ones to the largest."""
    if dtype in ("F16", "BF16"):
        section = _encode_values(values.view(np.uint32), "float16" if dtype == "F16" else "bfloat16")
        return memoryview(section.tobytes())[: 2 * values.size]
    return memoryview(values.astype("<f4" if dtype == "F32" else "<f8").tobytes())


def _base_of(base: Bytes) -> Tuple[Dict[str, _Tensor], str]:
    tensors, texts = _read_safetensors(base)
    if _PACKED in texts:
        raise ValueError("the base is a model of packets: decompress it first")
    floats = {tensor.name: tensor for tensor in tensors if tensor.dtype in _FLOATS}
    return floats, hashlib.sha256(base).hexdigest()


def compress_model(
    data: Bytes,
    rules: Sequence[Tuple[Any, ...]],
    small: bool = True,
    tiny: int = 256,
    base: Optional[Bytes] = None,
    step: int = 0,
) -> bytes:
    """A .safetensors file as one whose tensors are packets, each by the first rule that matches its name.

    Rules, small and tiny are those of ``compress_plan``; small tensors, and those of types that are no floating-point
    numbers, stay as they are. With ``base``, another .safetensors file, packets are of the difference to its tensors,
    and ``decompress_model`` needs it; tensors that it has not stay as they are. The bytes equal those of
    ``fewbits compress IN.safetensors -o OUT.safetensors -c PLAN.json``.

    Raises ValueError where the bytes are no such file, the model is packed already, no rule matches a tensor, or one
    holds NaN or infinity.
    """
    tensors, texts = _read_safetensors(data)
    if _PACKED in texts:
        raise ValueError("the model is one of packets already")
    if any(any(rule[2:3]) for rule in rules):
        raise ValueError("in a model as one file each tensor is a packet of its own: no rule is for several together")
    old, digest = _base_of(base) if base is not None else ({}, None)
    carried: List[_Tensor] = []
    packed: List[_Tensor] = []
    said = []
    for place, tensor in enumerate(tensors):
        name, dtype, shape, _ = tensor
        own = old.get(name)
        number, compress = -1, compress_float32
        if dtype in _FLOATS and math.prod(shape) > 0:
            number, compress = _choose(rules, name, shape, small, tiny)
        if number < 0 or (base is not None and (own is None or own.shape != shape)):
            carried.append(tensor)
            continue
        x = _floats_in(tensor) if own is None else _floats_in(tensor) - _floats_in(own)
        keys = {"step": step, "stream": len(packed) * 0x9E3779B9 & MOST}
        taken = signature(compress).parameters
        packet = compress(x, **{key: value for key, value in keys.items() if key in taken})
        packed.append(_Tensor(name, "U8", (len(packet),), memoryview(packet)))
        what = {"name": name, "dtype": dtype, "shape": list(shape), "place": place}
        said.append({**what, "delta": True} if own is not None else what)
    about = {"version": 1, **({"base": digest} if digest else {}), "tensors": said}
    text = json.dumps(about, ensure_ascii=False, separators=(",", ":"))
    return _write_safetensors([*carried, *packed], {**texts, _PACKED: text})


def decompress_model(data: Bytes, base: Optional[Bytes] = None, max_elements: int = 2**28) -> bytes:
    """The .safetensors file that ``compress_model`` or ``fewbits compress`` made packets of, as far as they keep it.

    Raises ValueError, of which PacketError is one, where the bytes are not such a file, it has more than
    ``max_elements`` elements, or it needs another ``base``, which is told by its SHA-256.
    """
    most = operator.index(max_elements)
    tensors, texts = _read_safetensors(data)
    if _PACKED not in texts:
        raise ValueError("the file is a model, not one of packets")
    about = json.loads(texts.pop(_PACKED), object_pairs_hook=_unique)
    if not isinstance(about, dict) or about.get("version") != 1 or not isinstance(about.get("tensors"), list):
        raise ValueError("what the file says of its packets makes no sense")
    wanted = about.get("base")
    old, digest = _base_of(base) if base is not None else ({}, None)
    if wanted != digest:
        if wanted is None:
            raise ValueError("the model is no difference to a base, and one was given")
        if digest is None:
            raise ValueError(f"the model is the difference to a base, whose SHA-256 is {wanted}")
        raise ValueError(f"the base has the SHA-256 {digest}; the model is the difference to that of {wanted}")
    here = {tensor.name: tensor for tensor in tensors}
    restored: Dict[int, _Tensor] = {}
    total = 0
    for entry in about["tensors"]:
        name, place = (entry.get("name"), entry.get("place")) if isinstance(entry, dict) else (None, None)
        dtype, shape, _ = _tensor_of(str(name), entry)
        if not isinstance(name, str) or name not in here or here[name].dtype != "U8" or dtype not in _FLOATS:
            raise ValueError(f"the tensor {name!r} is no packet")
        if type(place) is not int or not 0 <= place < len(tensors) or place in restored:
            raise ValueError(f"the tensor {name!r} has no place of its own among {len(tensors)}")
        n = math.prod(shape)
        total += n
        if total > most:
            raise ValueError(f'the model has {total} elements or more; "max_elements" allows {most}')
        y = decompress(here.pop(name).data, max_elements=n)
        if y.size != n:
            raise ValueError(f"the packet of {name!r} is of {y.size} elements, its shape of {n}")
        if entry.get("delta", False):
            own = old.get(name)
            if own is None or own.shape != shape:
                raise ValueError(f"the base has no tensor {name!r} of the same shape")
            y = y + _floats_in(own)
        restored[place] = _Tensor(name, dtype, shape, _floats_as(y, dtype))
    rest = (tensor for tensor in tensors if tensor.name in here)
    return _write_safetensors([restored.get(i) or next(rest) for i in range(len(tensors))], texts)


# ---------------------------------------------------------------------------------------------------- messages

#: The head of a message: `fbm1`, id, bytes of the whole, which piece, pieces in all, CRC-32.
_HEAD = struct.Struct("<4sIIHHI")
_HEAD_MAGIC = b"fbm1"
#: Wholes of a sender whose late duplicates are known as such.
_REMEMBERED = 64


class Joined(NamedTuple):
    """What is whole again: the sender's number of it, and the bytes."""

    id: int
    bytes: bytes


#: Bytes of a chunk of a whole: several pieces of 16 KiB, and little beside the pieces where only one of them comes.
_CHUNK = 2**16


class _Unfinished:
    """A whole of which some pieces are here.

    What it claims to be costs next to nothing: its bytes lie in chunks, which are allocated when a piece first reaches
    into them, and are joined once all pieces are here.
    """

    def __init__(self, length: int, parts: int) -> None:
        self.length = length
        self._chunks: Dict[int, bytearray] = {}
        self._here = bytearray(-(-parts // 8))  # a bit a piece
        self._missing = parts

    def put(self, part: int, piece: memoryview, start: int) -> bool:
        """Copies a piece, unless it is here, to byte ``start`` of the whole: whether the whole is complete with it."""
        bit = 1 << (part & 7)
        if self._here[part >> 3] & bit:
            return False
        self._here[part >> 3] |= bit
        done = 0
        while done < len(piece):
            index, at = divmod(start + done, _CHUNK)
            run = piece[done : done + _CHUNK - at]
            chunk = self._chunks.get(index)
            if chunk is None:
                chunk = self._chunks[index] = bytearray(min(_CHUNK, self.length - index * _CHUNK))
            chunk[at : at + len(run)] = run
            done += len(run)
        self._missing -= 1
        return self._missing == 0

    def join(self) -> bytes:
        """The whole, of which ``put`` has said that it is complete."""
        return b"".join(self._chunks[index] for index in range(len(self._chunks)))


def split_message(data: Bytes, limit: int = 16_384, id: Optional[int] = None) -> List[bytes]:
    """Cuts bytes to messages of at most ``limit`` bytes, those of ``splitMessage`` in JavaScript (docs/messages.md).

    ``id`` tells the messages of one sender apart while they are under way; it is drawn by chance if left out.
    """
    limit = _require_integer("limit", limit, _HEAD.size + 1, 2**31)
    id = _require_integer("id", int.from_bytes(os.urandom(4), "little") if id is None else id, 0, MOST)
    view = memoryview(data).cast("B")
    length = _require_integer("len(data)", len(view), 0, MOST)
    parts = _require_integer("parts of the message", max(1, -(-length // (limit - _HEAD.size))), 1, 0xFFFF)
    size = -(-length // parts)
    seal = _seal(id, length, parts, zlib.crc32(view))
    return [
        _HEAD.pack(_HEAD_MAGIC, id, length, part, parts, seal) + view[part * size : (part + 1) * size].tobytes()
        for part in range(parts)
    ]


def _seal(id: int, length: int, parts: int, crc: int) -> int:
    """What stands in all heads of a whole whose own CRC is ``crc``."""
    return zlib.crc32(struct.pack("<4sIIHI", _HEAD_MAGIC, id, length, parts, crc))


class Joiner:
    """Puts together what ``split_message`` or ``splitMessage`` cut, by sender, in whatever order it comes.

    ``longest`` is the most bytes that a whole may have; of one sender at most ``unfinished`` wholes are kept
    incomplete, the oldest makes room for another.
    """

    def __init__(self, longest: int = 2**26, unfinished: int = 16) -> None:
        self._longest = _require_integer("longest", longest, 0, MOST)
        self._most = _require_integer("unfinished", unfinished, 1, 0xFFFF)
        # ordered dictionaries: a plain one looks ever longer for its first key where the first is removed again and
        # again
        self._senders: Dict[Any, OrderedDict[Tuple[int, ...], _Unfinished]] = {}
        self._done: Dict[Any, OrderedDict[Tuple[int, ...], None]] = {}
        self._held = 0
        self._dropped = 0

    @property
    def held(self) -> int:
        """Bytes that the wholes which are not complete yet will have; at most senders * unfinished * longest.

        That is the most that is held of them: memory is taken as their pieces come.
        """
        return self._held

    @property
    def dropped(self) -> int:
        """How many were given up before they were whole."""
        return self._dropped

    def take(self, message: Bytes, sender: Any = "") -> Optional[Joined]:
        """Takes a message: what is whole with it, else None. One that comes twice changes nothing.

        Raises PacketError where the message is damaged or none, its whole too long, or what is complete is damaged:
        that is forgotten, and may be sent again.
        """
        view = memoryview(message).cast("B")
        if len(view) < _HEAD.size:
            raise PacketError(f"{len(view)} bytes, fewer than the head of a message has", len(view))
        magic, id, length, part, parts, seal = _HEAD.unpack_from(view)
        if magic != _HEAD_MAGIC:
            raise PacketError("no piece of a message: it starts otherwise", 0)
        if part >= parts:
            raise PacketError(f"part {part} of {parts}", 12)
        if length > self._longest:
            raise PacketError(f'a whole of {length} bytes; "longest" allows {self._longest}', 8)
        piece = view[_HEAD.size :]
        size = -(-length // parts)
        start = part * size
        expected = max(0, min(size, length - start))
        if len(piece) != expected or (parts > 1 and expected == 0):
            raise PacketError(f"part {part} of {parts} has {len(piece)} bytes, expected {expected} of {length}", 12)
        key = (id, length, parts, seal)
        if key in self._done.get(sender, ()):
            return None
        whole = bytes(piece) if parts == 1 else self._put(sender, key, piece, part, start)
        if whole is None:
            return None
        if _seal(id, length, parts, zlib.crc32(whole)) != seal:
            raise PacketError(f"the CRC of a whole of {length} bytes does not match", 16)
        done = self._done.setdefault(sender, OrderedDict())
        done[key] = None
        if len(done) > _REMEMBERED:
            done.popitem(last=False)
        return Joined(id, whole)

    def _put(self, sender: Any, key: Tuple[int, ...], piece: memoryview, part: int, start: int) -> Optional[bytes]:
        """Copies a piece to its place in one of several pieces: that one, where it is whole now."""
        _, length, parts, _ = key
        wholes = self._senders.setdefault(sender, OrderedDict())
        whole = wholes.get(key)
        if whole is None:
            if len(wholes) >= self._most:
                self._held -= wholes.popitem(last=False)[1].length
                self._dropped += 1
            whole = wholes[key] = _Unfinished(length, parts)
            self._held += length
        if not whole.put(part, piece, start):
            return None
        del wholes[key]
        self._held -= length
        return whole.join()

    def forget(self, sender: Any = "") -> None:
        """Forgets all that a sender has begun: for one that has gone."""
        wholes = self._senders.pop(sender, {})
        self._held -= sum(whole.length for whole in wholes.values())
        self._dropped += len(wholes)
        self._done.pop(sender, None)


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
