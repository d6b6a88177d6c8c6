"""closed.py MACHINE FOLDER: a portable folder is closed: every file of it that is a program or a library is for MACHINE
("AArch64", as readelf says), and the libraries that it needs, each version of a symbol included, are in FOLDER/lib."""
import os
import re
import subprocess
import sys


def readelf(option, path):
    return subprocess.run(["readelf", option, path], capture_output=True, text=True, check=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout


def section(text, title):
    """What readelf -V says below "Version definition section…" or "Version needs section…"."""
    parts = text.split("\nVersion ")
    return "".join(part for part in parts if part.startswith(title))


def programs_and_libraries(folder):
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                if file.read(4) == b"\x7fELF":
                    yield path


def main(machine, folder):
    files = sorted(programs_and_libraries(folder))
    defined = {os.path.basename(path): set(re.findall(r"Name: (\S+)", section(readelf("-VW", path), "definition")))
               for path in files if os.path.dirname(path) == os.path.join(folder, "lib")}
    wanted, wrong = 0, []
    for path in files:
        if machine not in readelf("-hW", path):
            wrong.append(f"{path} is not for {machine}")
        for library in re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("-dW", path)):
            if library not in defined:
                wrong.append(f"{path} needs {library}")
        for part in section(readelf("-VW", path), "needs").split("File: ")[1:]:
            library = part.split()[0]
            for version in re.findall(r"Name: (\S+)", part):
                wanted += 1
                if version not in defined.get(library, ()):
                    wrong.append(f"{path} needs {version} of {library}")
    print("\n".join(wrong), end="\n" if wrong else "")
    print(f"{len(files)} programs and libraries need {wanted} versions")
    return 1 if wrong or len(files) < 20 or not wanted else 0


sys.exit(main(*sys.argv[1:]))
