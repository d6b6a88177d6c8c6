/* stream.cc: streams, events and graphs. Work is put off until somebody waits for it, unless the tests want it at once. */
#include "control.h"
#include "cuda_runtime.h"
#include "written.h"

#include <deque>
#include <functional>
#include <set>
#include <vector>

using emulator::check_device;
using emulator::check_pinned;
using emulator::control;
using emulator::die;

typedef std::function<void()> Work;

struct CUgraph_st {
	std::vector<Work> works;
};

struct CUgraphExec_st {
	std::vector<Work> works;
};

struct CUevent_st {
	cudaStream_t stream;	   /* where it was last recorded */
	unsigned long long number; /* of work in that stream before it */
};

struct CUstream_st {
	std::deque<Work> waiting;
	unsigned long long queued, done;
	cudaGraph_t capture;
};

static std::set<cudaStream_t> streams;
static int captures;

bool
emulator::is_capturing(void)
{
	return captures != 0;
}

static void
advance(cudaStream_t stream, unsigned long long number)
{
	while (stream->done < number) {
		Work work = std::move(stream->waiting.front());

		stream->waiting.pop_front();
		work();
		stream->done++;
	}
}

void
emulator::finish_all(void)
{
	for (cudaStream_t stream : streams)
		advance(stream, stream->queued);
}

static cudaError_t
outcome(void)
{
	return control.is_lost ? cudaErrorECCUncorrectable : cudaSuccess;
}

cudaError_t
emulator_queue(cudaStream_t stream, Work work)
{
	if (!streams.count(stream))
		die("work for a stream that isn't open");
	if (stream->capture) {
		stream->capture->works.push_back(std::move(work));
		control.counts.captured++;
		return outcome();
	}
	stream->waiting.push_back(std::move(work));
	stream->queued++;
	if (control.is_eager)
		advance(stream, stream->queued);
	return outcome();
}

cudaError_t
cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned)
{
	*stream = new CUstream_st();
	streams.insert(*stream);
	return outcome();
}

cudaError_t
cudaStreamDestroy(cudaStream_t stream)
{
	advance(stream, stream->queued);
	streams.erase(stream);
	delete stream;
	return outcome();
}

cudaError_t
cudaStreamSynchronize(cudaStream_t stream)
{
	if (stream->capture)
		return cudaErrorStreamCaptureUnsupported;
	advance(stream, stream->queued);
	return outcome();
}

cudaError_t
cudaMemcpyAsync(void *to, const void *from, size_t size, enum cudaMemcpyKind kind, cudaStream_t stream)
{
	return emulator_queue(stream, [=] {
		if (kind == cudaMemcpyHostToDevice)
			check_pinned("copy in a stream from", from, size);
		else
			check_device("copy from", from, size);
		if (kind == cudaMemcpyDeviceToHost)
			check_pinned("copy in a stream to", to, size);
		else
			check_device("copy to", to, size);
		emulator::copy(to, from, size);
	});
}

cudaError_t
cudaMemsetAsync(void *memory, int value, size_t size, cudaStream_t stream)
{
	return emulator_queue(stream, [=] {
		check_device("set", memory, size);
		memset(memory, value, size);
		emulator::written_mark(memory, size);
	});
}

cudaError_t
cudaEventCreateWithFlags(cudaEvent_t *event, unsigned)
{
	*event = new CUevent_st();
	return outcome();
}

cudaError_t
cudaEventDestroy(cudaEvent_t event)
{
	delete event;
	return outcome();
}

cudaError_t
cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
	if (stream->capture)
		return cudaErrorStreamCaptureUnsupported; /* that graphs may have branches isn't emulated */
	event->stream = stream;
	event->number = stream->queued;
	return outcome();
}

cudaError_t
cudaEventSynchronize(cudaEvent_t event)
{
	if (event->stream)
		advance(event->stream, event->number);
	return outcome();
}

cudaError_t
cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned)
{
	const cudaStream_t other = event->stream;
	const unsigned long long number = event->number;

	if (stream->capture)
		return cudaErrorStreamCaptureUnsupported;
	if (!other)
		return outcome();
	return emulator_queue(stream, [=] { advance(other, number); });
}

cudaError_t
cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode)
{
	if (stream->capture)
		return cudaErrorStreamCaptureUnsupported;
	stream->capture = new CUgraph_st();
	captures++;
	return outcome();
}

cudaError_t
cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
	if (!stream->capture)
		return cudaErrorInvalidValue;
	*graph = stream->capture;
	stream->capture = nullptr;
	captures--;
	return outcome();
}

cudaError_t
cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long)
{
	*exec = new CUgraphExec_st{ graph->works };
	control.counts.graphs_made++;
	return outcome();
}

cudaError_t
cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream)
{
	cudaError_t error = cudaSuccess;

	control.counts.graph_launches++;
	for (size_t i = 0; i < exec->works.size() && error == cudaSuccess; i++)
		error = emulator_queue(stream, exec->works[i]);
	return error;
}

cudaError_t
cudaGraphExecDestroy(cudaGraphExec_t exec)
{
	delete exec;
	return outcome();
}

cudaError_t
cudaGraphDestroy(cudaGraph_t graph)
{
	delete graph;
	return outcome();
}
