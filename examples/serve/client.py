#!/usr/bin/env python3
"""client.py ADDRESS BYTES < FRAMES: send frames of so many bytes, one by one; print class and probability of each.

ADDRESS is a socket's path, or HOST:PORT.
"""
import json
import socket
import sys

address, size = sys.argv[1], int(sys.argv[2])
if ":" in address:
    link = socket.create_connection(address.rsplit(":", 1))
else:
    link = socket.socket(socket.AF_UNIX)
    link.connect(address)
answers = link.makefile(encoding="utf-8")
while frame := sys.stdin.buffer.read(size):
    link.sendall(frame)
    answer = json.loads(answers.readline() or sys.exit("client.py: the server closed the connection"))
    print(answer["predicted"], "%.3f" % answer["prob"], flush=True)
