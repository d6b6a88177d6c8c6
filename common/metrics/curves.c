/* curves.c */
#include "metrics/curves.h"

#include "json/canonical.h"
#include "json/number.h"
#include "metrics/ranking.h"

#include <stdlib.h>

/* Of the samples predicted as one class: mean probability, share that is right, upper edge; empty bins are left out.
 * The count lets a reader add classes up to the diagram of the whole. */
static void
put_reliability(const Bin bins[SCORES_BINS], FILE *out)
{
	const char *comma = "";

	fputc('[', out);
	for (int i = 0; i < SCORES_BINS; i++) {
		const Bin *bin = &bins[i];
		double count = (double)bin->count;
		char x[32], y[32], edge[32];
		if (!bin->count)
			continue;
		fprintf(out, "%s{\"x\":%s,\"y\":%s,\"threshold\":%s,\"count\":%llu}", comma,
			json_number(bin->prob / count, x), json_number((double)bin->correct / count, y),
			json_number((i + 1.0) / SCORES_BINS, edge), (unsigned long long)bin->count);
		comma = ",";
	}
	fputc(']', out);
}

/* One kind of curve for every class. Sorting twice is cheaper than keeping what was sorted. */
static void
put_curves(const Scores *scores, Ranking *ranking, FILE *out, const char *key,
	   void (*write)(const Ranking *ranking, FILE *out))
{
	fprintf(out, "\"%s\":[", key);
	for (uint32_t i = 0; i < scores->classes; i++) {
		ranking_of_class(ranking, &scores->kept, i);
		if (i)
			fputc(',', out);
		write(ranking, out);
	}
	fputs("],", out);
}

Status
curves_write(const Scores *scores, FILE *out)
{
	Ranking ranking;
	Status status = ranking_init(&ranking, scores->kept.n);

	if (status < 0)
		return status;
	fputc('{', out);
	put_curves(scores, &ranking, out, "roc", ranking_write_roc);
	put_curves(scores, &ranking, out, "pr", ranking_write_pr);
	fputs("\"reliability\":[", out);
	for (uint32_t i = 0; i < scores->classes; i++) {
		if (i)
			fputc(',', out);
		put_reliability(&scores->bins[(size_t)i * SCORES_BINS], out);
	}
	fputs("]}", out);
	ranking_release(&ranking);
	return STATUS_OK;
}

Status
scores_write(FILE *out, const json_t *object, const Scores *curves_of)
{
	size_t length;
	char *text = json_canonical(object, &length);
	Status status = STATUS_OK;

	/* curves stand last, before the brace that closes the object */
	fwrite(text, 1, length - 1, out);
	free(text);
	fputs(",\"curves\":", out);
	if (curves_of)
		status = curves_write(curves_of, out);
	else
		fputs("null", out);
	fputs("}\n", out);
	return status;
}
