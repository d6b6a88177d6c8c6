# neon.bats: the kernels for aarch64, built by a cross compiler and run by an emulator; and plain C on that processor.
load helper

compiler=aarch64-linux-gnu-gcc
cross_flags=(-std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -Wno-psabi -fno-math-errno -ffp-contract=off -ffunction-sections
	-fopenmp -DXXH_INLINE_ALL -isystem here)

# What the kernels' tests are made of. Of the libraries they need one, xxhash, whose header is all of it.
sources() {
	find "$FM_ROOT"/common/{cpu,pixel,ref,random,threads} -name '*.c' ! -path '*/avx*'
	find "$FM_ROOT/common/net" -name '*.c' ! -name 'model*'
	find "$FM_ROOT/common" -maxdepth 1 -name '*.c'
	echo "$FM_ROOT/common/json/canonical.c"
	echo "$FM_ROOT/common/json/number.c"
	echo "$PWD/host.c"
}

@test "NEON's kernels do what plain sums do, on an emulated processor" {
	local emulator test object source
	[ "$(uname -m)" != aarch64 ] || skip "the usual build is for this one"
	need "$compiler"
	emulator=$(command -v qemu-aarch64 || command -v qemu-aarch64-static) || skip "qemu-aarch64 is not there (qemu-user)"
	mkdir -p here objects
	ln -s /usr/include/xxh*.h /usr/include/jansson*.h here/
	cat > host.c <<- 'END'
		#include "device/device.h"

		const BackendHost *
		device_host(void)
		{
			static const BackendHost host = { .fail = fail };

			return &host;
		}
	END
	sources > list
	while read -r source; do
		object=objects/$(tr / - <<< "${source#"$FM_ROOT"/}").o
		"$compiler" "${cross_flags[@]}" -I"$FM_ROOT/common" -c -o "$object" "$source"
	done < list
	for test in int8 columns conv dropout winograd; do
		"$compiler" "${cross_flags[@]}" -I"$FM_ROOT/common" -I"$FM_ROOT/tests" -static -Wl,--gc-sections -o "$test" \
			"$FM_ROOT/tests/kernels/$test.c" objects/*.o -lm -lpthread
		run -0 "$emulator" "./$test"
		refute_output --partial 'not ok'
		assert_output --partial '# neon'
	done
}
