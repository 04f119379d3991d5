"""Holds python/fewbits.py to the golden packets, for tests/python/golden.node.test.ts.

    python3 tests/vectors/check.py INPUTS DAMAGED

INPUTS is a folder with the vector that each packet was made from, as NAME.f32. DAMAGED is a file to write: the
damaged packets, and for each what it decoded to. Prints what was seen, as JSON.
"""

import base64
import functools
import json
import keyword
import math
import pathlib
import random
import re
import struct
import sys
import tracemalloc
import warnings

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "python"))

import numpy as np  # noqa: E402

import fewbits  # noqa: E402

ROUNDS = 4000
MAX_ELEMENTS = 10_000
EXTREMES = (0, 1, 2, 3, 31, 32, 0x7FFFFF, 0x7F800000, 0x7FFFFFFF, 0x80000000, 0xFF800000, 0xFFFFFFFE, 0xFFFFFFFF)


def list_of(x: np.ndarray, t: float, tag: int) -> bytes:
    """The list that golden packets are made of: where the magnitude of x is t or more."""
    return fewbits.write_index_list(np.flatnonzero(np.abs(x) >= t), x.size, tag)


#: The tensors of the plans in ts/verify/golden-plans.ts.
TENSORS = (
    ("conv/kernel", 0.2),
    ("conv/bias", 0.02),
    ("norm/gamma", 0.03),
    ("norm/moving_variance", 0.05),
    ("middle/0/kernel", 0.1),
    ("middle/1/kernel", 0.1),
    ("middle/2/kernel", 0.15),
    ("dense/bias", 0.01),
    ("dense/kernel", 1),
)


def plan_of(x: np.ndarray, of: str, step: int, stream: int) -> bytes:
    """The plan `network`, the one of those whose compressors Python has."""
    layout, left = [], x.size
    for name, share in TENSORS:
        size = min(math.floor(share * x.size), left)
        left -= size
        layout.append((name, (2, size // 2) if name.endswith("kernel") and size % 2 == 0 else (size,)))
    partial = functools.partial
    rules = [
        ("conv/k*", partial(fewbits.compress_top_k, ratio=0.1)),
        (re.compile("middle/[02]"), partial(fewbits.compress_flattened_one_bit, seed=9, block=64)),
        ("*", partial(fewbits.compress_quantized, bits=3)),
    ]
    assert of == "network"
    return fewbits.compress_plan(x, rules, layout, tiny=0, step=step, stream=stream)


ENCODERS = {
    "topK": fewbits.compress_top_k,
    "scaledSign": fewbits.compress_scaled_sign,
    "blockTopK": fewbits.compress_block_top_k,
    "float32": fewbits.compress_float32,
    "quantized": fewbits.compress_quantized,
    "flattenedOneBit": fewbits.compress_flattened_one_bit,
    "flattenedLevels": fewbits.compress_flattened_levels,
    "indexList": list_of,
    "plan": plan_of,
}


def arguments(golden: dict) -> dict:
    """The options of a golden packet, and what it is keyed by, as Python has them."""
    options = {f"{name}_" if keyword.iskeyword(name) else name: value for name, value in golden["options"].items()}
    return {**options, **golden["draw"]} if "seed" in options or golden["compressor"] == "plan" else options


def sealed(packet: bytearray, length: bool) -> bytes:
    """The packet with its CRC, and perhaps its length, made right again."""
    if length:
        struct.pack_into("<I", packet, 12, len(packet))
    struct.pack_into("<I", packet, len(packet) - 4, fewbits._crc32c(bytes(packet[:-4])))
    return bytes(packet)


def damaged(packet: bytes, draw: random.Random) -> bytes:
    """Flipped bits, cuts, added words or extreme numbers; one in eight keeps the CRC that no longer fits."""
    bad = bytearray(packet)
    way = draw.randrange(5)
    if way == 0:  # bits
        for _ in range(draw.randint(1, 4)):
            bad[draw.randrange(4, len(bad))] ^= 1 << draw.randrange(8)
    elif way == 1:  # a cut, of whole words or not
        bad = bad[: draw.randrange(20, len(bad) + 1) & (-4 if draw.randrange(4) else -1)]
    elif way == 2:  # more words
        at = 4 * draw.randrange(4, len(bad) // 4)
        bad[at:at] = bytes(draw.randrange(256) for _ in range(4 * draw.randint(1, 3)))
    else:  # extremes: anywhere, and in the header and the parameters
        for _ in range(draw.randint(1, 2)):
            last = len(bad) // 4 - 1 if way == 3 else min(10, len(bad) // 4 - 1)
            struct.pack_into("<I", bad, 4 * draw.randrange(1, last), draw.choice(EXTREMES))
    return bytes(bad) if draw.randrange(8) == 0 else sealed(bad, draw.randrange(8) > 0)


def main(inputs: pathlib.Path, output: pathlib.Path) -> None:
    warnings.simplefilter("error")
    files = sorted(HERE.glob("*.jsonl"))
    goldens = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    packets = {golden["name"]: base64.b64decode(golden["packet"]) for golden in goldens}

    decoded, encoded, inspected = {}, {}, {}
    for golden in goldens:
        name = golden["name"]
        vector = fewbits.decompress(packets[name])
        expected = base64.b64decode(golden["vector"])
        decoded[name] = vector.dtype == np.float32 and vector.astype("<f4").tobytes() == expected
        inspected[name] = fewbits.inspect(packets[name])
        if golden["compressor"] in ENCODERS and golden["options"].get("of", "network") == "network":
            x = np.frombuffer((inputs / f"{name}.f32").read_bytes(), "<f4")
            encoded[name] = ENCODERS[golden["compressor"]](x, **arguments(golden)) == packets[name]

    refused: dict = {}
    accepted, other, most = 0, [], 0
    draw = random.Random(17)
    small = [packets[golden["name"]] for golden in goldens if golden["n"] <= 1000]
    tracemalloc.start()
    with output.open("wb") as file:
        for round in range(ROUNDS):
            bad = damaged(small[draw.randrange(len(small))], draw)
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            vector, message = b"", ""
            try:
                fewbits.inspect(bad)
                y = fewbits.decompress(bad, max_elements=MAX_ELEMENTS)
                vector = y.astype("<f4").tobytes()
                accepted += 1
            except fewbits.PacketError as error:
                message = str(error)
                refused[message] = refused.get(message, 0) + 1
            except BaseException as error:  # noqa: BLE001: whatever else it is, it is a failure
                other.append(f"round {round}: {type(error).__name__}: {error}")
                message = "?"
            most = max(most, tracemalloc.get_traced_memory()[1] - before)
            text = message.encode()
            file.write(struct.pack("<III", len(bad), len(text), len(vector)) + bad + text + vector)
    tracemalloc.stop()
    report = {"numpy": np.__version__, "decoded": decoded, "encoded": encoded, "inspected": inspected}
    report["damaged"] = {"accepted": accepted, "refused": sum(refused.values()), "messages": len(refused)}
    json.dump({**report, "other": other, "mostMemory": most}, sys.stdout)


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
