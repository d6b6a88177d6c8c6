/* pieces.c: memory for everything that a backend keeps, from rooms of large pages.
 *
 * Streams through megabytes meet a page's end every few microseconds, where prefetching stops and addresses are looked up
 * anew. One by one most pieces are too small for large pages, or hold none but in their middle; side by side they fill them. */
#include "cpu/engine.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define PIECES_APART
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PIECES_APART
#endif
#endif

enum { ALIGNMENT = 64, PAGE = 4096, LARGE_PAGE = 2 << 20 };

static size_t
round_up(size_t size, size_t unit)
{
	return (size + unit - 1) / unit * unit;
}

#if defined(PIECES_APART) /* so that the sanitizer sees who leaves his own */

static bool
open_room(Mapping *room, size_t size)
{
	room->raw = calloc(1, size + ALIGNMENT);
	room->raw_size = room->size = size;
	room->begin = (char *)round_up((uintptr_t)room->raw, ALIGNMENT);
	return room->raw != NULL;
}

static void
close_room(Mapping *room)
{
	free(room->raw);
}

#else

/* Large pages are a wish; nothing depends on it. */
static bool
open_room(Mapping *room, size_t size)
{
	enum { ROOM_LEAST = 4 * LARGE_PAGE };

	room->size = round_up(size < ROOM_LEAST ? ROOM_LEAST : size, LARGE_PAGE);
	room->raw_size = room->size + LARGE_PAGE;
	room->raw = mmap(NULL, room->raw_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room->raw == MAP_FAILED)
		return false;
	room->begin = (char *)round_up((uintptr_t)room->raw, LARGE_PAGE);
	(void)madvise(room->begin, room->size, MADV_HUGEPAGE);
	return true;
}

static void
close_room(Mapping *room)
{
	(void)munmap(room->raw, room->raw_size);
}

#endif

/* Where in a room the next piece goes. Of two streams at the same place of their pages the loads of one wait for the stores of
 * the other, and both want the same lines of a cache: every large piece begins three lines further into its page. */
static size_t
place_in(const Mapping *room, size_t size, size_t number)
{
	enum { LARGE_PIECE = 128 << 10, STAGGER = 3 * ALIGNMENT };

	return room->used && size >= LARGE_PIECE ? round_up(room->used, PAGE) + number * STAGGER % PAGE : room->used;
}

/* @return NULL: no memory */
static Mapping *
room_for(Backend *backend, size_t size)
{
	Mapping *rooms;

	for (size_t i = 0; i < backend->room_count; i++) {
		Mapping *room = &backend->rooms[i];
		if (place_in(room, size, backend->piece_count) + size <= room->size)
			return room;
	}
	rooms = realloc(backend->rooms, (backend->room_count + 1) * sizeof *rooms);
	if (!rooms)
		return NULL;
	backend->rooms = rooms;
	rooms[backend->room_count] = (Mapping){ 0 };
	return open_room(&rooms[backend->room_count], size) ? &rooms[backend->room_count++] : NULL;
}

/* Pages are touched when they are used. */
void *
engine_piece(Backend *backend, size_t size)
{
	const size_t whole = round_up(size ? size : 1, ALIGNMENT);
	Mapping *room = size < SIZE_MAX / 2 ? room_for(backend, whole) : NULL;
	size_t at;

	if (!room)
		return NULL;
	at = place_in(room, whole, backend->piece_count++);
	room->used = at + whole;
	return room->begin + at;
}

void
engine_free_pieces(Backend *backend)
{
	for (size_t i = 0; i < backend->room_count; i++)
		close_room(&backend->rooms[i]);
	free(backend->rooms);
}
