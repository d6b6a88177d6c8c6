/* plugin.h: the plug-in's door, and the card behind it.
 *
 * The program that loads a plug-in has looked at the driver, but only CUDA's own run time knows whether the card computes:
 * card_open asks it. Everything that CUDA refuses becomes one line that says which card, what for and what to do. */
#ifndef FM_GPU_PLUGIN_H
#define FM_GPU_PLUGIN_H

#include "backend.h"

#include <cuda_runtime_api.h>
#include <stddef.h>

typedef struct Card {
	int device; /* as CUDA counts those that it sees (CUDA_VISIBLE_DEVICES) */
	char name[256];
	int major, minor; /* 6, 0: sm_60 */
	int processors;
	size_t memory, memory_free;	 /* bytes; free when it was opened */
	size_t shared_most;		 /* bytes of shared memory that a block may ask for */
} Card;

/**
 * Make host->device the calling thread's card, see that there is code for it here and that a kernel runs on it.
 *
 * @return STATUS_OK, or STATUS_DEVICE after host->fail
 */
Status card_open(Card *card, const BackendHost *host);

/**
 * Say what CUDA refused.
 *
 * @param card   NULL before there is one
 * @param doing  half a sentence: "keeping the data set"
 * @return STATUS_DEVICE
 */
Status cuda_failed(const BackendHost *host, const Card *card, cudaError_t error, const char *doing);

#endif
