/* source/download.c: fetch a file over HTTP, by libcurl. */
#include "source/download.h"

#include "cli/atomic.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "memory.h"
#include "source/curl.h"
#include "source/response.h"
#include "version.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
	REDIRECTS_MOST = 10,
	PAUSE_FIRST_MS = 250,
	PAUSE_MOST_MS = 60000,
};

/* What a try comes to. */
typedef enum Verdict { VERDICT_DONE, VERDICT_AGAIN, VERDICT_AFRESH, VERDICT_HOPELESS } Verdict;

typedef struct Transfer {
	const DownloadManners *manners;
	char *name; /* the address, for messages */
	int fd;
	bool is_checked;
	uint64_t size; /* 0: unknown */
	uint64_t have; /* bytes in the file */
	bool is_begun; /* this try has brought bytes, have counts them */
	Response response;
	char validator[RESPONSE_VALIDATOR_MOST]; /* of the response that the file's bytes came from */
	Status failure; /* what a callback failed with, its words are the thread's message */
	const Curl *curl;
	CURL *handle;
	char reason[CURL_ERROR_SIZE];
} Transfer;

/* ---- what arrives ---- */

static Status
empty(Transfer *transfer)
{
	transfer->have = 0;
	if (ftruncate(transfer->fd, 0) || lseek(transfer->fd, 0, SEEK_SET) < 0)
		return fail_errno("%s: can't begin its file again", transfer->name);
	return STATUS_OK;
}

/* The first bytes of a body: do they continue the file, or are they a file of their own? */
static Status
begin_body(Transfer *transfer)
{
	const Response *response = &transfer->response;

	transfer->is_begun = true;
	snprintf(transfer->validator, sizeof transfer->validator, "%s", response->validator);
	if (response->code != 206)
		return empty(transfer);
	if (response->begin != transfer->have)
		return fail(STATUS_INPUT, "%s: asked for its bytes from %" PRIu64 ", the server sends those from %" PRIu64,
			    transfer->name, transfer->have, response->begin);
	return STATUS_OK;
}

static Status
take(Transfer *transfer, const char *data, size_t size)
{
	Status status = transfer->is_begun ? STATUS_OK : begin_body(transfer);

	if (status >= 0 && transfer->size && transfer->have + size > transfer->size)
		status = fail(STATUS_INPUT, "%s: longer than the %" PRIu64 " bytes that it should have", transfer->name,
			      transfer->size);
	if (status >= 0 && (status = write_all(transfer->fd, data, size, transfer->name)) >= 0)
		transfer->have += size;
	return status;
}

static size_t
on_body(char *data, size_t one, size_t size, void *context)
{
	Transfer *transfer = context;

	transfer->failure = take(transfer, data, one * size);
	return transfer->failure < 0 ? CURL_WRITEFUNC_ERROR : one * size;
}

static size_t
on_header(char *data, size_t one, size_t size, void *context)
{
	response_read_line(&((Transfer *)context)->response, data, one * size);
	return one * size;
}

static int
on_progress(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
	const Transfer *transfer = context;

	(void)total, (void)now, (void)up_total, (void)up_now;
	if (transfer->size)
		progress("%s: %.1f of %.1f MB", transfer->name, (double)transfer->have / 1e6, (double)transfer->size / 1e6);
	else
		progress("%s: %.1f MB", transfer->name, (double)transfer->have / 1e6);
	return 0;
}

/* ---- one try ---- */

/* What the file holds is kept only if the caller will check it, or the server can say that its file is still the same. */
static Status
prepare_range(Transfer *transfer, char *range, size_t size, struct curl_slist **headers)
{
	char condition[RESPONSE_VALIDATOR_MOST + 16];

	*range = '\0';
	*headers = NULL;
	if (transfer->have && !transfer->is_checked && !*transfer->validator)
		return empty(transfer);
	if (!transfer->have)
		return STATUS_OK;
	snprintf(range, size, "%" PRIu64 "-", transfer->have);
	if (*transfer->validator) {
		snprintf(condition, sizeof condition, "If-Range: %s", transfer->validator);
		*headers = transfer->curl->slist_append(NULL, condition);
	}
	return STATUS_OK;
}

/* Again, if it may be the weather: the answers that say "not now", and connections that broke. */
static Verdict
judge_answer(const Transfer *transfer)
{
	long code = transfer->response.code;

	if (code == 416 && transfer->have)
		return VERDICT_AFRESH;
	return code == 408 || code == 429 || code >= 500 ? VERDICT_AGAIN : VERDICT_HOPELESS;
}

static Verdict
judge_failure(Transfer *transfer, CURLcode code)
{
	switch (code) {
	case CURLE_HTTP_RETURNED_ERROR:
		snprintf(transfer->reason, sizeof transfer->reason, "the server answers %ld", transfer->response.code);
		return judge_answer(transfer);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_PARTIAL_FILE:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
	case CURLE_SSL_CONNECT_ERROR:
		return VERDICT_AGAIN;
	default:
		return VERDICT_HOPELESS;
	}
}

static Verdict
judge(Transfer *transfer, CURLcode code)
{
	if (transfer->failure < 0)
		return VERDICT_HOPELESS;
	if (code != CURLE_OK) {
		if (!*transfer->reason)
			snprintf(transfer->reason, sizeof transfer->reason, "%s", transfer->curl->easy_strerror(code));
		return judge_failure(transfer, code);
	}
	if (!transfer->is_begun && (transfer->failure = empty(transfer)) < 0) /* an empty body is an empty file */
		return VERDICT_HOPELESS;
	if (!transfer->size || transfer->have == transfer->size)
		return VERDICT_DONE;
	/* a server that said how much it would send has sent it all; one that didn't may have been cut off */
	snprintf(transfer->reason, sizeof transfer->reason, "it has %" PRIu64 " bytes; expected %" PRIu64, transfer->have,
		 transfer->size);
	if (!transfer->response.has_length)
		return VERDICT_AGAIN;
	transfer->failure = fail(STATUS_INPUT, "%s: %s", transfer->name, transfer->reason);
	return VERDICT_HOPELESS;
}

static Verdict
try_once(Transfer *transfer)
{
	char range[32];
	struct curl_slist *headers;

	transfer->is_begun = false;
	transfer->response = (Response){ 0 };
	*transfer->reason = '\0';
	transfer->failure = prepare_range(transfer, range, sizeof range, &headers);
	if (transfer->failure < 0)
		return VERDICT_HOPELESS;
	transfer->curl->easy_setopt(transfer->handle, CURLOPT_RANGE, *range ? range : NULL);
	transfer->curl->easy_setopt(transfer->handle, CURLOPT_HTTPHEADER, headers);
	CURLcode code = transfer->curl->easy_perform(transfer->handle);

	transfer->curl->slist_free_all(headers);
	progress_clear();
	return judge(transfer, code);
}

/* ---- try after try ---- */

static void
pause_before(const Transfer *transfer, uint64_t try)
{
	uint64_t pause = try < 8 ? (uint64_t)PAUSE_FIRST_MS << try : PAUSE_MOST_MS;
	curl_off_t asked = 0;

	transfer->curl->easy_getinfo(transfer->handle, CURLINFO_RETRY_AFTER, &asked);
	if (asked > 0)
		pause = asked > PAUSE_MOST_MS / 1000 ? PAUSE_MOST_MS : (uint64_t)asked * 1000;
	pause = pause < PAUSE_MOST_MS ? pause : PAUSE_MOST_MS;
	verbose("%s: %s; trying again in %" PRIu64 ".%02" PRIu64 " s", transfer->name, transfer->reason, pause / 1000,
		pause % 1000 / 10);

	struct timespec left = { (time_t)(pause / 1000), (long)(pause % 1000) * 1000000 };

	nanosleep(&left, NULL);
}

static Status
transfer_run(Transfer *transfer)
{
	bool was_afresh = false;

	for (uint64_t try = 0;; try++) {
		Verdict verdict = try_once(transfer);

		if (verdict == VERDICT_DONE)
			return STATUS_OK;
		if (transfer->failure < 0)
			return transfer->failure;
		if (verdict == VERDICT_AFRESH && !was_afresh) { /* the file had more than the server has: it can't be its */
			was_afresh = true;
			if ((transfer->failure = empty(transfer)) < 0)
				return transfer->failure;
			continue;
		}
		if (verdict != VERDICT_AGAIN || try >= transfer->manners->retries)
			return fail(STATUS_IO, "%s: %s (tried %" PRIu64 " times)", transfer->name, transfer->reason, try + 1);
		pause_before(transfer, try);
	}
}

static void
set_options(Transfer *transfer, const char *address)
{
	CURLcode (*set)(CURL *, CURLoption, ...) = transfer->curl->easy_setopt;
	CURL *handle = transfer->handle;
	bool is_secure = !strncasecmp(address, "https:", 6);
	const char *certificates = getenv("SSL_CERT_FILE");

	/* CURLOPT_NOSIGNAL stays off: it is what makes libcurl hold SIGPIPE back while it writes to a socket */
	set(handle, CURLOPT_URL, address);
	set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
	set(handle, CURLOPT_REDIR_PROTOCOLS_STR, is_secure ? "https" : "http,https");
	set(handle, CURLOPT_FOLLOWLOCATION, 1L);
	set(handle, CURLOPT_MAXREDIRS, (long)REDIRECTS_MOST);
	set(handle, CURLOPT_FAILONERROR, 1L);
	set(handle, CURLOPT_CONNECTTIMEOUT, (long)transfer->manners->timeout_seconds);
	set(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
	set(handle, CURLOPT_LOW_SPEED_TIME, (long)transfer->manners->timeout_seconds);
	set(handle, CURLOPT_USERAGENT, "fm-fetch/" FM_VERSION);
	set(handle, CURLOPT_ERRORBUFFER, transfer->reason);
	set(handle, CURLOPT_WRITEFUNCTION, on_body);
	set(handle, CURLOPT_WRITEDATA, transfer);
	set(handle, CURLOPT_HEADERFUNCTION, on_header);
	set(handle, CURLOPT_HEADERDATA, transfer);
	set(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
	set(handle, CURLOPT_XFERINFODATA, transfer);
	set(handle, CURLOPT_NOPROGRESS, progress_is_on() ? 0L : 1L);
	if (certificates && *certificates)
		set(handle, CURLOPT_CAINFO, certificates);
}

/* What an earlier run left at the file's end is where this one goes on. */
static Status
find_end(Transfer *transfer)
{
	off_t end = lseek(transfer->fd, 0, SEEK_END);

	if (end < 0)
		return fail_errno("%s: can't find its file's end", transfer->name);
	transfer->have = (uint64_t)end;
	return transfer->size && transfer->have > transfer->size ? empty(transfer) : STATUS_OK;
}

Status
download(const char *address, int fd, bool is_checked, uint64_t size, const DownloadManners *manners)
{
	Transfer transfer = { .manners = manners, .fd = fd, .is_checked = is_checked, .size = size };
	Status status = curl_load(&transfer.curl);

	if (status < 0)
		return status;
	if (!(transfer.handle = transfer.curl->easy_init()))
		return fail(STATUS_IO, "no memory for a download");
	transfer.name = address_public(address);
	set_options(&transfer, address);
	status = find_end(&transfer);
	if (status >= 0 && (!size || transfer.have < size))
		status = transfer_run(&transfer);
	transfer.curl->easy_cleanup(transfer.handle);
	free(transfer.name);
	return status;
}
