// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes the recordings of golden.h to a directory. Called by `make recordings`. */
#include <stdio.h>

#include "golden.h"
#include "recording.h"
#include "story.h"

static void keep(const struct snapshot *snap, void *file)
{
	recording_write(file, snap);
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < GOLDEN_N; i++) {
		const struct story s = story_draw(GOLDEN[i].seed, story_kind_named(GOLDEN[i].kind));
		struct recording_file *file;
		char path[256];

		snprintf(path, sizeof(path), "%s/%s", argv[1], GOLDEN[i].file);
		if (recording_create(&file, path)) {
			perror(path);
			return 1;
		}
		story_tell(&s, keep, file);
		if (recording_close(file)) {
			perror(path);
			return 1;
		}
	}
	return argc != 2;
}
