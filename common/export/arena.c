/* arena.c: greedy by size. */
#include "export/arena.h"

#include "net/shape.h"

#include <stdlib.h>

/* One value: the pixels, or what a step makes; steps in place lengthen the life of the value that they read. */
typedef struct Value {
	size_t floats, begin, end; /* it must lie there from step `begin` to step `end`, both included */
	size_t place;
	bool is_placed;
} Value;

typedef struct Planner {
	const Graph *graph;
	Arena *arena;
	size_t count;
	Value *values;	 /* [steps + 1] */
	size_t *value_of; /* [steps + 1]: the pixels', then each step's */
} Planner;

static size_t
after(size_t step)
{
	return step == STEP_PIXELS ? 0 : step + 1;
}

static void
collect(Planner *planner)
{
	const Graph *graph = planner->graph;

	/* the pixels are written before the first step, and by it they are read */
	planner->values[planner->count++] = (Value){ shape_size(graph->model->net.input), 0, graph->pixels_last, 0, false };
	for (size_t i = 0; i < graph->count; i++) {
		const Step *step = &graph->steps[i];
		Value *before = &planner->values[planner->value_of[after(step->from)]];
		bool is_last = before->end == i && !(step->layer->kind == LAYER_RESIDUAL && step->from == step->other);

		planner->arena->is_in_place[i] = step_works_in_place(step) && is_last;
		if (planner->arena->is_in_place[i]) {
			planner->value_of[after(i)] = planner->value_of[after(step->from)];
			before->end = step->last;
			continue;
		}
		planner->value_of[after(i)] = planner->count;
		planner->values[planner->count++] = (Value){ shape_size(step->layer->out), i, step->last, 0, false };
	}
}

static Value *
largest_left(Planner *planner)
{
	Value *largest = NULL;

	for (size_t i = 0; i < planner->count; i++) {
		Value *value = &planner->values[i];

		if (!value->is_placed && (!largest || value->floats > largest->floats))
			largest = value;
	}
	return largest;
}

static bool
is_in_the_way(const Value *placed, const Value *value)
{
	return placed->is_placed && placed->begin <= value->end && value->begin <= placed->end &&
	       placed->place < value->place + value->floats && value->place < placed->place + placed->floats;
}

/* Behind whatever is in the way, until nothing is: the lowest place, since every step leads over something that is. */
static void
settle(const Planner *planner, Value *value)
{
	bool has_moved = true;

	while (has_moved) {
		has_moved = false;
		for (size_t i = 0; i < planner->count; i++) {
			const Value *other = &planner->values[i];

			if (!is_in_the_way(other, value))
				continue;
			value->place = other->place + other->floats;
			has_moved = true;
		}
	}
	value->is_placed = true;
	if (planner->arena->floats < value->place + value->floats)
		planner->arena->floats = value->place + value->floats;
}

static void
place_all(Planner *planner)
{
	for (Value *value; (value = largest_left(planner));)
		settle(planner, value);
	planner->arena->pixels = planner->values->place;
	for (size_t i = 0; i < planner->graph->count; i++)
		planner->arena->places[i] = planner->values[planner->value_of[after(i)]].place;
}

Status
arena_init(Arena *arena, const Graph *graph)
{
	Planner planner = { .graph = graph, .arena = arena,
			    .values = calloc(graph->count + 1, sizeof *planner.values),
			    .value_of = calloc(graph->count + 1, sizeof *planner.value_of) };
	Status status = STATUS_OK;

	*arena = (Arena){ .places = calloc(graph->count + 1, sizeof *arena->places),
			  .is_in_place = calloc(graph->count + 1, sizeof *arena->is_in_place) };
	if (!planner.values || !planner.value_of || !arena->places || !arena->is_in_place) {
		arena_release(arena);
		status = fail_errno("no memory for %zu steps", graph->count);
	} else {
		collect(&planner);
		place_all(&planner);
	}
	free(planner.values);
	free(planner.value_of);
	return status;
}

void
arena_release(Arena *arena)
{
	free(arena->places);
	free(arena->is_in_place);
	*arena = (Arena){ 0 };
}
