"""A recipe's whole wall time from a cold start, ours against PyTorch's, in turn: load, train, predict, score.

usage: recipe.py FOLDER wall|processor PAIRS RECIPE EPOCHS [NAME=VALUE]...

Ours is what README.md would have a person type with fm-train --recipe RECIPE; NAME=VALUE goes to torch_recipe.py, whose
defaults are the recipe fast. FOLDER gets models and scores.
"""
import json
import os
import statistics
import sys

from ours import Absent, Ours
from settings import MEMORY
from worker import environment


class Theirs(Ours):
    def __init__(self, folder, clock):
        super().__init__(folder, clock)
        self.variables = environment({"environment": MEMORY["kept"]}, clock, folder)

    def environment(self, **more):
        return self.variables


def our_command(recipe, epochs):
    return (f"fm-fetch fashion-mnist | fm-augment --preset {recipe} --epochs {epochs} | "
            f"fm-train -q --recipe {recipe} -o recipe.safetensors; "
            "fm-fetch fashion-mnist --split test | fm-predict -m recipe.safetensors | fm-metrics --json > recipe.json")


def main():
    folder, clock, pairs, recipe, epochs = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
    ours, theirs = Ours(folder, clock), Theirs(folder, clock)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch_recipe.py")
    words = " ".join(f"'{word}'" for word in [f"epochs={epochs}", *sys.argv[6:]])
    ratios = []
    for _ in range(pairs):
        a = ours.seconds(our_command(recipe, epochs))
        b = theirs.seconds(f"'{sys.executable}' '{script}' {words} > torch_recipe.json")
        ratios.append(a / b)
        print(f"ours {a:.2f} s, PyTorch {b:.2f} s by the {clock} clock: {a / b:.3f} of it", flush=True)
    scores = json.load(open(os.path.join(folder, "recipe.json"))), json.load(open(os.path.join(folder, "torch_recipe.json")))
    print(f"{pairs} pairs: min {min(ratios):.3f}, median {statistics.median(ratios):.3f}, max {max(ratios):.3f}; accuracy of "
          f"the last: ours {scores[0]['accuracy']:.4f}, PyTorch {scores[1]['accuracy']:.4f}; PyTorch's parts in seconds: "
          + ", ".join(f"{name} {value:.1f}" for name, value in scores[1]["seconds"].items()))


if __name__ == "__main__":
    try:
        main()
    except Absent as why:
        sys.exit(f"recipe.py: {why}")
