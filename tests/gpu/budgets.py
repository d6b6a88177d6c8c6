#!/usr/bin/python3
"""Compare what ptxas said of each kernel with budgets.txt; print what is over budget; exit 1 if anything is.

    budgets.py BUDGETS FILE.ptxas...     beside each FILE.ptxas lies its FILE.o, for the instructions (cuobjdump)
"""

import functools
import re
import shutil
import subprocess
import sys

CARDS = {60, 90}
# A multiprocessor: registers, shared memory, blocks, threads; unit in which a block gets shared memory, bytes of it that
# the system keeps for each block (CUDA C++ Programming Guide, "Compute Capabilities"; CUDA Occupancy Calculator).
MACHINE = {60: (65536, 64 << 10, 32, 2048, 256, 0), 90: (65536, 228 << 10, 32, 2048, 128, 1024)}


def read_budgets(path):
    rows = []
    for line in open(path):
        words = line.split()
        if words and not words[0].startswith("#"):
            name, card, *numbers, instructions = words
            threads, dynamic, registers, shared, blocks = map(int, numbers)
            rows.append(dict(name=name, card=card, threads=threads, dynamic=dynamic, registers=registers, shared=shared,
                             blocks=blocks, instructions=[] if instructions == "-" else instructions.split(",")))
    return rows


def demangle(names):
    text = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True).stdout
    # "void conv<8, float>(float const*)" -> "conv<8,float>"
    lines = [line.replace("(anonymous namespace)::", "").partition("(")[0].replace(", ", ",") for line in text.splitlines()]
    return [re.sub(r"^void ", "", line) for line in lines]


def read_ptxas(path):
    """[(mangled name, card, spilled bytes, registers, shared bytes)]"""
    found, name, card, spilled = [], None, 0, 0
    for line in open(path):
        if match := re.search(r"Compiling entry function '(\S+)' for 'sm_(\d+)", line):
            name, card, spilled = match[1], int(match[2]), 0
        elif match := re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", line):
            spilled = int(match[2]) + int(match[3])
        elif name and (match := re.search(r"Used (\d+) registers", line)):
            shared = re.search(r"(\d+)(?:\+\d+)? bytes smem", line)
            found.append((name, card, spilled, int(match[1]), int(shared[1]) if shared else 0))
            name = None
    return found


def round_up(value, unit):
    return -(-value // unit) * unit


def blocks_held(card, threads, registers, shared):
    all_registers, all_shared, most_blocks, all_threads, unit, kept = MACHINE[card]
    warps = round_up(threads, 32) // 32
    by_registers = all_registers // (round_up(registers * 32, 256) * warps)
    by_shared = all_shared // (round_up(shared, unit) + kept) if shared + kept else most_blocks
    return min(by_registers, by_shared, most_blocks, all_threads // (warps * 32))


@functools.cache
def disassembled(path, card):
    """{mangled name: machine code}: one run an object, since cuobjdump takes seconds"""
    text = subprocess.run(["cuobjdump", "-sass", "-arch", f"sm_{card}", path], capture_output=True, text=True).stdout
    return dict(part.split("\n", 1) for part in text.split("Function : ")[1:])


def machine_code(path, mangled, card):
    return disassembled(path, card).get(mangled, "")


def has_instruction(code, instruction):
    """LDG.128 is LDG.E.CI.128 on one card, LDG.E.128.CONSTANT on another"""
    name, *suffixes = instruction.split(".")
    return any(set(suffixes) <= set(found.split(".")) for found in re.findall(r"\b" + re.escape(name) + r"((?:\.\w+)*)", code))


def judge(where, row, kernel, object_file):
    mangled, card, spilled, registers, shared = kernel
    if spilled:
        yield f"{where}: spills {spilled} bytes; nothing may be spilled"
    if registers > row["registers"]:
        yield f"{where}: {registers} registers; budget {row['registers']}"
    if shared > row["shared"]:
        yield f"{where}: {shared} bytes of shared memory; budget {row['shared']}"
    held = blocks_held(card, row["threads"], registers, shared + row["dynamic"])
    if held < row["blocks"]:
        yield f"{where}: a multiprocessor holds {held} blocks of {row['threads']} threads; budget {row['blocks']}"
    if row["instructions"] and shutil.which("cuobjdump"):
        code = machine_code(object_file, mangled, card)
        for instruction in row["instructions"]:
            # an older cuobjdump reads nothing of a newer toolkit's objects
            if code and not has_instruction(code, instruction):
                yield f"{where}: no {instruction} in its machine code"


def main(budgets, paths):
    rows = read_budgets(budgets)
    used, complaints, count = set(), [], 0
    for path in paths:
        kernels = [kernel for kernel in read_ptxas(path) if kernel[1] in CARDS]
        for kernel, name in zip(kernels, demangle([kernel[0] for kernel in kernels])):
            # one budget for all that a template makes, unless one of them has its own
            names = (name, name.partition("<")[0], "*")
            row = next((r for r in rows if r["name"] in names and r["card"] in (str(kernel[1]), "*")), None)
            where = f"{path}: {name} ({kernel[0]}), sm_{kernel[1]}"
            count += 1
            if not row:
                complaints.append(f"{where}: has no budget")
                continue
            used.add(row["name"])
            complaints += judge(where, row, kernel, path.replace(".ptxas", ".o"))
    complaints += [f"{budgets}: {row['name']}: no such kernel" for row in rows if row["name"] not in used | {"*"}]
    print("\n".join(complaints) if complaints else f"{count} kernels are within their budgets")
    return 1 if complaints or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
