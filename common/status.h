/* status.h: how library code reports what went wrong. */
#ifndef FM_STATUS_H
#define FM_STATUS_H

/**
 * What a library function returns. Zero or more is success (what it counts is the function's own business);
 * less than zero is a failure, and its absolute value is the exit status that fits it, see fm-tools(7).
 */
typedef int Status;

enum {
	STATUS_OK = 0,
	STATUS_NO = -1,		  /* the answer is no: a gate failed, the loss is not finite */
	STATUS_USAGE = -2,	  /* options that can't be, or that disagree with each other or the input */
	STATUS_INPUT = -3,	  /* bad, torn or unsuitable input */
	STATUS_IO = -4,		  /* the system refused: file, disk, memory, network */
	STATUS_DEVICE = -5,	  /* the computing device can't be used */
	STATUS_INTERRUPTED = -75, /* stopped by a signal, after saving a checkpoint */
};

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

/**
 * Record why a function fails: what, where, what was found, what was expected, what to do. The text belongs to the
 * calling thread, as errno does, and lasts until that thread fails again. No tool name, no full stop, no new line.
 *
 * @param status  one of the negative codes above
 * @return status, so that a function can end with `return fail(STATUS_INPUT, "…");`
 */
Status fail(Status status, const char *format, ...) PRINTF_LIKE(2, 3);

/** As fail(STATUS_IO, …), with a colon and the text of errno appended. */
Status fail_errno(const char *format, ...) PRINTF_LIKE(1, 2);

/** Put where in front of the message of a failure passed upwards ("WHERE: MESSAGE"). @return status */
Status fail_in(Status status, const char *format, ...) PRINTF_LIKE(2, 3);

/** The calling thread's last message; "" before the first. May hold bytes from outside: print it made visible. */
const char *status_message(void);

#endif
