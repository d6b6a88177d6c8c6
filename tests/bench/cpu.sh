#!/bin/sh
# Speed of the CPU backend: the seed's net and others, threads and precisions; then its kernels, alone. cost.sh has more.
set -eu

bench=${FM_BENCH:?make bench sets it}
seconds=${FM_BENCH_SECONDS:-1}
small='conv 32 3x3 same, bn, relu, maxpool 2, conv 64 3x3 same, bn, relu, globalavgpool, dense classes'

for precision in fp32 bf16 int8; do
	for threads in 1 2; do
		"$bench/cpu" --precision "$precision" --threads "$threads" --seconds "$seconds" || true
	done
done
echo '32x32x3, 100 classes; 64x64x1:'
"$bench/cpu" --input 32x32x3 --classes 100 --threads 2 --seconds "$seconds"
"$bench/cpu" --input 64x64x1 --arch "$small" --threads 2 --seconds "$seconds"
echo 'kernels, on one core:'
"$bench/../kernels/conv" --bench
"$bench/../kernels/int8" --bench
