/* device: reading the driver's version, comparing versions. */
#include "device/driver.h"
#include "unit/check.h"

#include <string.h>

static const char *
version_in(const char *text)
{
	static char version[32];

	memset(version, 'x', sizeof version);
	driver_version(text, version);
	return version;
}

TEST(a_version_is_found_in_what_the_kernel_says)
{
	static const struct { const char *text, *version; } known[] = {
		{ "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n"
		  "GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n", "535.104.05" },
		{ "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (root@x)  Sun Jul 27\n", "580.65.06" },
		{ "NVRM version: NVIDIA UNIX aarch64 Kernel Module  450.80.02  Wed Sep 23\n", "450.80.02" },
		{ "", "" },
		{ "NVRM version: none\n", "" },
		{ "123456789012345678901234567890.12345678 1.2", "1.2" }, /* too long for a version */
		{ "530.1", "530.1" },
		{ "x530.1 530.2y", "" },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		CHECK(!strcmp(version_in(known[i].text), known[i].version), "%s: found %s", known[i].text, version_in(known[i].text));
}

TEST(versions_compare_number_by_number)
{
	CHECK(driver_is_as_new("450.80.02", "450.80.02"));
	CHECK(driver_is_as_new("450.102.04", "450.80.02"));
	CHECK(driver_is_as_new("535.104.05", "450.80.02"));
	CHECK(driver_is_as_new("580.65.06", "580"));
	CHECK(!driver_is_as_new("450.80", "450.80.02"));
	CHECK(!driver_is_as_new("450.36.06", "450.80.02"));
	CHECK(!driver_is_as_new("99.99", "450.80.02"));
	CHECK(!driver_is_as_new("579.999", "580"));
	CHECK(!driver_is_as_new("", "1"));
}

int
main(void)
{
	RUN(a_version_is_found_in_what_the_kernel_says);
	RUN(versions_compare_number_by_number);
	return check_done();
}
