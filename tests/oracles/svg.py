"""Geometry of an SVG that cairo wrote: print the axis-parallel rectangles as "x y width height r g b", in points.

Golden tests compare where things lie, not pixels, which change with every font.
"""
import re
import sys

text = open(sys.argv[1]).read()
number = r"(-?[\d.]+)"
path = re.compile(
    r'<path[^>]*fill="rgb\(([\d.]+)%, ?([\d.]+)%, ?([\d.]+)%\)"[^>]*'
    rf'd="M {number} {number} L {number} {number} L {number} {number} L {number} {number} Z[^"]*"'
)
style = re.compile(
    r'<path[^>]*style="[^"]*fill:rgb\(([\d.]+)%,([\d.]+)%,([\d.]+)%\)[^"]*"[^>]*'
    rf'd="M {number} {number} L {number} {number} L {number} {number} L {number} {number} Z[^"]*"'
)
rect = re.compile(
    rf'<rect x="{number}" y="{number}" width="{number}" height="{number}"[^>]*'
    r"fill(?:=\"|:)rgb\(([\d.]+)%, ?([\d.]+)%, ?([\d.]+)%\)"
)
for pattern in (path, style):
    for found in pattern.finditer(text):
        values = [float(value) for value in found.groups()]
        xs, ys = values[3::2], values[4::2]
        if len(set(xs)) == 2 and len(set(ys)) == 2:
            print(min(xs), min(ys), round(max(xs) - min(xs), 2), round(max(ys) - min(ys), 2), *values[:3])
for found in rect.finditer(text):
    print(*[float(value) for value in found.groups()])
