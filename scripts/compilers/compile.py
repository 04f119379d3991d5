"""Hands SPIR-V to a Vulkan driver as compute pipelines, and runs none of them: `compile.py DRIVER FILE...`.

DRIVER is the driver's library, which is loaded without the Vulkan loader. On the standard error a line `=== FILE`
stands before what the driver itself prints of each file. The descriptor set's layout comes from the decorations of the
SPIR-V.
"""

import ctypes
import os
import struct
import sys
from ctypes import byref

U32, POINTER = ctypes.c_uint32, ctypes.c_void_p
# VkStructureType
INSTANCE, QUEUE, DEVICE, MODULE, STAGE, PIPELINE, LAYOUT, SET_LAYOUT = 1, 2, 3, 16, 18, 29, 30, 32
FEATURES = (1000059000, 49, 51, 53)  # VkPhysicalDeviceFeatures2, and those of Vulkan 1.1, 1.2 and 1.3
COMPUTE = 0x20  # VK_SHADER_STAGE_COMPUTE_BIT
UNIFORM_BUFFER, STORAGE_BUFFER = 6, 7  # VkDescriptorType
PUSH_BYTES = 128
MOST_BOOLEANS = 64  # no structure of FEATURES has more


def structure(name, fields):
    """A ctypes structure of `fields`, each a name and u (32 bits), q (64) or p (a pointer), as in `count:u`."""
    types = {"u": U32, "q": ctypes.c_uint64, "p": POINTER}
    pairs = [field.split(":") for field in fields.split()]
    return type(name, (ctypes.Structure,), {"_fields_": [(key, types[kind]) for key, kind in pairs]})


Application = structure("Application", "type:u next:p name:p version:u engine:p engine_version:u api:u")
Instance = structure("Instance", "type:u next:p flags:u app:p layers:u layer:p extensions:u extension:p")
Queue = structure("Queue", "type:u next:p flags:u family:u count:u priorities:p")
Device = structure(
    "Device", "type:u next:p flags:u queues:u queue:p layers:u layer:p extensions:u extension:p features:p"
)
Binding = structure("Binding", "binding:u type:u count:u stages:u samplers:p")
SetLayout = structure("SetLayout", "type:u next:p flags:u count:u bindings:p")
PushRange = structure("PushRange", "stages:u offset:u size:u")
Layout = structure("Layout", "type:u next:p flags:u sets:u set:p ranges:u range:p")
Module = structure("Module", "type:u next:p flags:u size:q code:p")
Stage = structure("Stage", "type:u next:p flags:u stage:u module:q name:p specialization:p")


class Features(ctypes.Structure):
    _fields_ = [("type", U32), ("next", POINTER), ("booleans", U32 * MOST_BOOLEANS)]


class Pipeline(ctypes.Structure):
    _fields_ = [("type", U32), ("next", POINTER), ("flags", U32), ("stage", Stage)]
    _fields_ += [("layout", ctypes.c_uint64), ("base", ctypes.c_uint64), ("base_index", ctypes.c_int32)]


def words_of(path):
    with open(path, "rb") as file:
        data = file.read()
    return struct.unpack(f"<{len(data) // 4}I", data)


def instructions(words):
    """(opcode, operands) of a SPIR-V module, behind its header of five words."""
    at = 5
    while at < len(words):
        count, opcode = words[at] >> 16, words[at] & 0xFFFF
        yield opcode, words[at + 1 : at + count]
        at += count


def text_of(words):
    return struct.pack(f"<{len(words)}I", *words).split(b"\0")[0]


def interface(words):
    """The entry point's name, and pairs (binding, type of descriptor)."""
    name, bindings, classes = b"", {}, {}
    for opcode, operands in instructions(words):
        if opcode == 15:  # OpEntryPoint
            name = text_of(operands[2:])
        elif opcode == 71 and operands[1] == 33:  # OpDecorate ... Binding
            bindings[operands[0]] = operands[2]
        elif opcode == 59:  # OpVariable: its type, its id, its storage class
            classes[operands[1]] = operands[2]
    storage = 12  # StorageBuffer
    kinds = {binding: STORAGE_BUFFER if classes[i] == storage else UNIFORM_BUFFER for i, binding in bindings.items()}
    return name, sorted(kinds.items())


class Vulkan:
    """A device of a driver's first GPU, with every feature that it has."""

    def __init__(self, driver):
        library = ctypes.CDLL(driver)
        self.address_of = library.vk_icdGetInstanceProcAddr
        self.address_of.restype, self.address_of.argtypes = POINTER, [POINTER, ctypes.c_char_p]
        self.instance = None
        application = Application(api=(1 << 22) | (3 << 12))
        info = Instance(type=INSTANCE, app=ctypes.addressof(application))
        instance = POINTER()
        self.call("vkCreateInstance", byref(info), None, byref(instance))
        self.instance = instance
        gpu, count = POINTER(), U32(1)
        self.call("vkEnumeratePhysicalDevices", instance, byref(count), byref(gpu))
        if count.value == 0:
            raise SystemExit(f"{driver} has no GPU")
        self.device = self.open(gpu)

    def call(self, name, *arguments):
        """A function that gives a VkResult; 64-bit arguments have their ctypes type, None is a null pointer."""
        found = self.address_of(self.instance, name.encode())
        result = ctypes.CFUNCTYPE(ctypes.c_int32)(found)(*arguments)
        if result < 0:
            raise SystemExit(f"{name} gives VkResult {result}")

    def open(self, gpu):
        chain = [Features(type=kind) for kind in FEATURES]
        for one, following in zip(chain, chain[1:]):
            one.next = ctypes.addressof(following)
        query = self.address_of(self.instance, b"vkGetPhysicalDeviceFeatures2")
        ctypes.CFUNCTYPE(None)(query)(gpu, byref(chain[0]))
        priority = ctypes.c_float(1)
        queue = Queue(type=QUEUE, count=1, priorities=ctypes.addressof(priority))
        start = ctypes.addressof(chain[0])
        info = Device(type=DEVICE, next=start, queues=1, queue=ctypes.addressof(queue))
        device = POINTER()
        self.call("vkCreateDevice", gpu, byref(info), None, byref(device))
        return device

    def make(self, name, info):
        handle = ctypes.c_uint64()
        self.call(name, self.device, byref(info), None, byref(handle))
        return handle.value

    def compile(self, words):
        """@throws SystemExit where the driver refuses"""
        name, kinds = interface(words)
        bindings = (Binding * len(kinds))(*(Binding(at, kind, 1, COMPUTE) for at, kind in kinds))
        info = SetLayout(type=SET_LAYOUT, count=len(kinds), bindings=ctypes.addressof(bindings))
        descriptors = ctypes.c_uint64(self.make("vkCreateDescriptorSetLayout", info))
        push = PushRange(COMPUTE, 0, PUSH_BYTES)
        sets, ranges = ctypes.addressof(descriptors), ctypes.addressof(push)
        layout = self.make("vkCreatePipelineLayout", Layout(type=LAYOUT, sets=1, set=sets, ranges=1, range=ranges))
        code = (U32 * len(words))(*words)
        info = Module(type=MODULE, size=4 * len(words), code=ctypes.addressof(code))
        module = self.make("vkCreateShaderModule", info)
        entry = ctypes.create_string_buffer(name)
        stage = Stage(type=STAGE, stage=COMPUTE, module=module, name=ctypes.addressof(entry))
        info = Pipeline(type=PIPELINE, stage=stage, layout=layout, base_index=-1)
        pipeline = ctypes.c_uint64()
        no_cache, one = ctypes.c_uint64(0), U32(1)
        self.call("vkCreateComputePipelines", self.device, no_cache, one, byref(info), None, byref(pipeline))


def main(driver, *files):
    vulkan = Vulkan(driver)
    for file in files:
        # unbuffered, as what the driver prints
        os.write(2, f"=== {os.path.basename(file)}\n".encode())
        vulkan.compile(words_of(file))


main(*sys.argv[1:])
