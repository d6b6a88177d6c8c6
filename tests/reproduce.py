"""Tables of what reproduce.sh has made: reproduce.py FOLDER SEED..."""
import json
import statistics
import sys

folder, seeds = sys.argv[1], sys.argv[2:]


def load(name):
    return [json.load(open(f"{folder}/{seed}/{name}")) for seed in seeds]


def spread(values, factor=1, unit="", digits=4):
    values = [factor * value for value in values if value is not None]
    if not values:
        return "undefined"
    deviation = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{digits}f}{deviation}{unit}"


runs, uncalibrated, seconds = load("metrics.json"), load("uncalibrated.json"), load("seconds")
print(f"\n| | published | here, {len(runs)} seed{'s' * (len(runs) > 1)} |")
print("|---|---|---|")
print(f"| test accuracy | 92.80 % | {spread([run['accuracy'] for run in runs], 100, ' %', 2)} |")
print(f"| F1, weighted | 92.84 % | {spread([run['f1']['weighted'] for run in runs], 100, ' %', 2)} |")
print(f"| MCC | 0.92 | {spread([run['mcc'] for run in runs])} |")
print(f"| log loss | 0.20 | {spread([run['log_loss'] for run in runs])} |")
print(f"| log loss at temperature 1 | | {spread([run['log_loss'] for run in uncalibrated])} |")
print(f"| calibration error | | {spread([run['ece'] for run in runs])} |")
print(f"| calibration error at temperature 1 | | {spread([run['ece'] for run in uncalibrated])} |")
print(f"| seconds, from the first picture to the report | | {spread(seconds, digits=1)} |")

print("\n| class | precision | recall | F1 |")
print("|---|---|---|---|")
for number, one in enumerate(runs[0]["classes"]):
    columns = [spread([run["classes"][number][key] for run in runs], 100, " %", 2) for key in ("precision", "recall", "f1")]
    print(f"| {one['name']} | {' | '.join(columns)} |")
print()
