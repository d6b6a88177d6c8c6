# spills.bats: the loops that multiply keep their sums in registers, whichever compiler built them.
load helper

# disassemble FILE.o: its hot loops and their spills, as spills.awk has them
disassemble() {
	objdump -d --no-show-raw-insn "$1" | awk -f "$FM_ROOT/tests/spills.awk"
}

# check_build FOLDER: every instruction set's kernels that this build has
check_build() {
	local object found loops seen=0
	while IFS= read -r object; do
		found=$(disassemble "$object")
		loops=${found##*$'\n'}
		echo "${object#"$1"/common/cpu/}: $loops"
		[ "${loops%% *}" -ge 8 ] || fail "too few hot loops were recognised"
		[ "${loops#*, }" = '0 spills' ] || fail "$found"
		seen=$((seen + 1))
	done < <(find "$1/common/cpu" \( -path '*/avx*/kernels.o' -o -path '*vnni/int8.o' \) | LC_ALL=C sort)
	[ "$seen" -ge 3 ] || fail "only $seen instruction sets were looked at"
}

setup_file() {
	[ "$(uname -m)" = x86_64 ] || skip "registers of other processors are not looked at"
	command -v objdump > /dev/null || skip "objdump is not there"
}

@test "no vector of sums is kept on the stack" {
	check_build "${FM_BIN%/bin}"
}

@test "nor by clang" {
	[ -e "${FM_BIN%/bin}/clang/common/cpu/avx2/kernels.o" ] || skip "there is no build by clang (make check-build)"
	check_build "${FM_BIN%/bin}/clang"
}

@test "sums that do not fit into registers are found" {
	cat > tile.c <<- 'END'
		#include <immintrin.h>
		void tile(const float *x, const float *w, float *y, int n)
		{
			__m256 sums[20] = { 0 };
			for (; n; n--, w += 8, x += 20)
		#pragma GCC unroll 20
				for (int i = 0; i < 20; i++)
					sums[i] = _mm256_fmadd_ps(_mm256_loadu_ps(w), _mm256_set1_ps(x[i]), sums[i]);
		#pragma GCC unroll 20
			for (int i = 0; i < 20; i++)
				_mm256_storeu_ps(y + 8 * i, sums[i]);
		}
	END
	"${CC:-cc}" -O2 -mavx2 -mfma -c tile.c
	run -0 disassemble tile.o
	assert_output --partial '1 hot loops'
	[ "${lines[-1]}" != '1 hot loops, 0 spills' ]
}
