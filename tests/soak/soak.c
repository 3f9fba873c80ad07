// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tells as many stories (../unit/story.h) as it is asked to, each in a process of its own, one on each processor, and
 * judges the whole: soak SEEDS [KIND [FIRST]], an empty KIND for all. Called by `make soak`. Leaves: a line for each seed
 * that went wrong, one for each kind that is known to, and the sum. Exit: 1 on any false alarm, miss or wrong finding.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "story.h"

#define JOBS_MAX 64

static const char *const ENDS[] = { "right", "FALSE ALARM", "MISSED", "WRONG" };

struct job {
	pid_t pid;
	int fd;
	struct story story;
};

struct sums {
	size_t told, found, false_alarms, missed, wrong;
	size_t *told_of, *right_of; /* by kind */
	uint32_t *open_ms;
	size_t open_n;
};

static void job_start(struct job *j, uint64_t seed, size_t kind)
{
	int ends[2];

	if (pipe(ends))
		exit(3);
	j->story = story_draw(seed, kind);
	j->pid = fork();
	if (j->pid < 0)
		exit(3);
	if (!j->pid) {
		struct story_result r = story_tell(&j->story, NULL, NULL);

		_exit(write(ends[1], &r, sizeof(r)) != sizeof(r));
	}
	close(ends[1]);
	j->fd = ends[0];
}

static void job_end(struct job *j, struct sums *sums)
{
	struct story_result r;
	char text[256];
	bool whole = read(j->fd, &r, sizeof(r)) == sizeof(r);

	close(j->fd);
	waitpid(j->pid, NULL, 0);
	if (!whole) {
		r.end = STORY_WRONG;
		r.open_ms = 0;
		strcpy(r.what, "died");
	}
	sums->told++;
	sums->told_of[j->story.kind]++;
	sums->right_of[j->story.kind] += r.end == STORY_RIGHT;
	sums->found += r.end == STORY_RIGHT && r.open_ms;
	sums->false_alarms += r.end == STORY_FALSE_ALARM;
	sums->missed += r.end == STORY_MISSED;
	sums->wrong += r.end == STORY_WRONG;
	if (j->story.hole && r.open_ms)
		sums->open_ms[sums->open_n++] = r.open_ms;
	if (r.end == STORY_RIGHT)
		return;
	story_describe(&j->story, text, sizeof(text));
	printf("seed %llu: %s: %s: %s\n", (unsigned long long)j->story.seed, text, ENDS[r.end], r.what);
}

static int ascending(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint32_t percentile(const struct sums *s, unsigned int percent)
{
	return s->open_n ? s->open_ms[(s->open_n - 1) * percent / 100] : 0;
}

/* The kind of that name; none: all kinds. */
static size_t kind_named(const char *name)
{
	for (size_t kind = 0; kind < story_kinds(); kind++)
		if (!strcmp(story_kind_name(kind), name))
			return kind;
	if (!*name)
		return story_kinds();
	fprintf(stderr, "soak: no kind of story is named '%s'; see tests/unit/kinds_*.c\n", name);
	exit(3);
}

int main(int argc, char **argv)
{
	uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 200,
		 first = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
	size_t kind = kind_named(argc > 2 ? argv[2] : ""), jobs_n = sysconf(_SC_NPROCESSORS_ONLN);
	struct sums sums = { .told_of = calloc(story_kinds(), sizeof(size_t)),
			     .right_of = calloc(story_kinds(), sizeof(size_t)),
			     .open_ms = calloc(seeds + 1, sizeof(uint32_t)) };
	struct job jobs[JOBS_MAX];

	if (!sums.told_of || !sums.right_of || !sums.open_ms)
		return 3;
	setvbuf(stdout, NULL, _IOLBF, 0);
	jobs_n = jobs_n < JOBS_MAX ? jobs_n : JOBS_MAX;
	for (uint64_t i = 0; i < seeds + jobs_n; i++) {
		if (i >= jobs_n && i - jobs_n < seeds)
			job_end(&jobs[i % jobs_n], &sums);
		if (i < seeds)
			job_start(&jobs[i % jobs_n], first + i, kind);
	}
	for (size_t i = 0; i < story_kinds(); i++)
		if (story_kind_is_unsolved(i) && sums.told_of[i])
			printf("not solved yet: %s: %zu of %zu not right\n", story_kind_name(i),
			       sums.told_of[i] - sums.right_of[i], sums.told_of[i]);
	qsort(sums.open_ms, sums.open_n, sizeof(uint32_t), ascending);
	printf("%zu told, %zu false alarms, %zu missed, %zu wrong; precision %.3f, recall %.3f; opens after %u ms "
	       "(half), "
	       "%u (90 %%), %u (95 %%), %u (all)\n",
	       sums.told, sums.false_alarms, sums.missed, sums.wrong,
	       sums.open_n ? (double)sums.found / (double)(sums.open_n + sums.false_alarms) : 1.0,
	       sums.open_n + sums.missed ? (double)sums.found / (double)(sums.open_n + sums.missed) : 1.0,
	       percentile(&sums, 50), percentile(&sums, 90), percentile(&sums, 95), percentile(&sums, 100));
	free(sums.told_of);
	free(sums.right_of);
	free(sums.open_ms);
	return sums.false_alarms || sums.missed || sums.wrong;
}
