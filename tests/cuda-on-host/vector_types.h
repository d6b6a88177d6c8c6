/* vector_types.h, for the host: CUDA's small vectors, with its alignment. */
#ifndef FM_TESTS_CUDA_VECTOR_TYPES_H
#define FM_TESTS_CUDA_VECTOR_TYPES_H

struct uint3 {
	unsigned x, y, z;
};

struct dim3 {
	unsigned x, y, z;

	dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

struct __attribute__((aligned(8))) float2 {
	float x, y;
};

struct __attribute__((aligned(16))) float4 {
	float x, y, z, w;
};

struct __attribute__((aligned(8))) uint2 {
	unsigned x, y;
};

struct __attribute__((aligned(16))) uint4 {
	unsigned x, y, z, w;
};

static inline float2 make_float2(float x, float y) { return { x, y }; }
static inline float4 make_float4(float x, float y, float z, float w) { return { x, y, z, w }; }
static inline uint2 make_uint2(unsigned x, unsigned y) { return { x, y }; }
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return { x, y, z, w }; }

#endif
