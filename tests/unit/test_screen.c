// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The full screen, judged by a terminal: tmux shows what a person would see, of a story that this program tells to itself when
 * it is started with "child". However it ends, the terminal must be as it was, and the findings must be left to read.
 */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "reporter.h"
#include "story.h"

#define PATIENCE_MS 30000
#define POLL_MS	    50

/* --- the child: a story, and then its last snapshot until q ------------------------------ */

struct feed {
	struct reporter *reporter;
	struct analysis *analysis;
	struct snapshot last;
	bool ready;
};

static void tell(const struct finding *f, void *arg)
{
	struct feed *feed = arg;

	reporter_finding(feed->reporter, f, feed->last.realtime_ms);
}

static void see(const struct snapshot *snap, void *arg)
{
	const struct status ready = { .state = STATUS_READY,
				      .hooks = { { .name = "tc egress wg0", .attached = true, .how = "tcx" } },
				      .hooks_n = 1,
				      .links = snap->inventory.links,
				      .links_n = snap->inventory.links_n };
	struct feed *feed = arg;

	if (!feed->ready)
		reporter_status(feed->reporter, &ready, snap->realtime_ms);
	feed->ready = true;
	feed->last = *snap;
	analysis_step(feed->analysis, snap, tell, feed);
	reporter_snapshot(feed->reporter, snap, false);
}

static int child(void)
{
	const struct options opt = { .no_color = getenv("NO_COLOR") };
	struct status status = { .state = STATUS_EXIT, .findings_opened = 1, .findings_open = 1 };
	struct story story = story_draw(24, story_kind_named("hole"));
	struct pollfd keys = { .fd = STDIN_FILENO, .events = POLLIN };
	struct feed feed = { .analysis = analysis_new() };
	struct link link = {
		.ifindex = 5, .name = "wg0", .role = WIRE_ROLE_TUNNEL, .mtu = 1412, .kernel_wireguard = true
	};
	const struct snapshot small = { .realtime_ms = 1, .inventory.links = &link, .inventory.links_n = 1 };

	if (reporter_open(&feed.reporter, &opt, "watch"))
		return 1;
	reporter_full_screen(feed.reporter, &opt);
	story_tell(&story, see, &feed);
	fprintf(stderr, "said to stderr\n");
	while (reporter_has_screen(feed.reporter) && reporter_keys(feed.reporter)) {
		poll(&keys, 1, POLL_MS);
		reporter_snapshot(feed.reporter, &small, false); /* whose size may have changed */
	}
	reporter_status(feed.reporter, &status, 1);
	reporter_close(feed.reporter);
	analysis_free(feed.analysis);
	return 0;
}

/* --- the parent ------------------------------------------------------------------------ */

static char dir[] = "/tmp/mtuscope-screen.XXXXXX";
static const char *program;
static pid_t parent, server;
static char pane[65536];

static bool tmux_does(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What the command prints is in `pane`. */
static bool tmux_does(const char *format, ...)
{
	char command[1024];
	int n = snprintf(command, sizeof(command), "tmux -N -S %s/socket ", dir);
	va_list args;
	size_t len;
	FILE *f;

	va_start(args, format);
	vsnprintf(command + n, sizeof(command) - (size_t)n, format, args);
	va_end(args);
	f = popen(command, "r");
	assert_non_null(f);
	len = fread(pane, 1, sizeof(pane) - 1, f);
	pane[len] = '\0';
	return pclose(f) == 0;
}

#define tmux(...) assert_true(tmux_does(__VA_ARGS__))

static bool shows(const char *text)
{
	tmux("capture-pane -p -t 0");
	return strstr(pane, text);
}

/* The same with the sequences that make it bold or red. */
static bool shows_sequence(const char *text)
{
	tmux("capture-pane -e -p -t 0");
	return strstr(pane, text);
}

static bool is_full(void)
{
	tmux("display-message -p -t 0 '#{alternate_on}'");
	return pane[0] == '1';
}

/* Looks again and again, and fails with what is there instead. */
#define assert_soon(condition)                                                                                         \
	do {                                                                                                           \
		int waited_ms = 0;                                                                                     \
                                                                                                                       \
		while (!(condition) && waited_ms < PATIENCE_MS) {                                                      \
			usleep(POLL_MS * 1000);                                                                        \
			waited_ms += POLL_MS;                                                                          \
		}                                                                                                      \
		if (!(condition))                                                                                      \
			fail_msg("%s:\n%s", #condition, pane);                                                         \
	} while (0)

/* The server, and with it all that runs in it, ends with this program, however that ends. */
static void serve(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/socket", dir);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	execlp("tmux", "tmux", "-f", "/dev/null", "-S", path, "-D", NULL);
	_exit(1);
}

static int start(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	parent = getpid();
	server = fork();
	if (!server)
		serve();
	assert_soon(tmux_does("list-sessions 2>/dev/null"));
	return 0;
}

static int end(void **state)
{
	char command[128];

	(void)state;
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

/* In a window of that size: the child, between two looks at the terminal's modes. The shell has job control. */
static void run(const char *before, const char *after, int width, int height)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/script", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "set -m\nstty -g >%s/before\n", dir);
	fprintf(f, "%s bash -c 'echo $$ >%s/pid; exec %s child' %s\n", before, dir, program, after);
	fprintf(f, "stty -g >%s/after\necho THE END\nexec cat\n", dir);
	assert_int_equal(fclose(f), 0);
	tmux("new-session -d -x %d -y %d bash %s", width, height, path);
}

static pid_t child_pid(void)
{
	char path[64];
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/pid", dir);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &pid), 1);
	fclose(f);
	return pid;
}

static void assert_restored(void)
{
	char command[128];

	assert_soon(shows("THE END"));
	assert_false(is_full());
	tmux("display-message -p -t 0 '#{cursor_flag}'");
	assert_int_equal(pane[0], '1');
	snprintf(command, sizeof(command), "cmp %s/before %s/after", dir, dir);
	assert_int_equal(system(command), 0);
	tmux("kill-session");
}

static void test_what_is_shown_and_left(void **state)
{
	(void)state;
	run("", "", 100, 40);
	assert_soon(shows("q quit"));
	assert_true(is_full());
	assert_soon(shows("path-blackhole"));
	assert_soon(shows("READY     watching wg0 (tunnel, MTU 1412)"));
	assert_soon(shows("hooks: "));
	assert_soon(shows("WAY     MTU    PACKETS   LOST LARGEST  PATH MTU (OUTER)"));
	assert_soon(shows("Packets of 1472 bytes and more vanish"));
	assert_soon(shows("fix: ip link set dev wg0 mtu 1280"));
	assert_null(strstr(pane, "said to stderr"));
	tmux("send-keys -t 0 q");
	assert_soon(shows("THE END"));
	assert_soon(shows("Packets of 1472 bytes and more vanish"));
	assert_soon(shows("fix: ip link set dev wg0 mtu 1280"));
	assert_soon(shows("EXIT      1 finding"));
	assert_soon(shows("said to stderr"));
	assert_restored();
}

/* The last line is the foot, whatever the size is; what is too long is broken and not cut. */
static void test_sizes(void **state)
{
	(void)state;
	run("", "", 100, 40);
	assert_soon(shows("path-blackhole"));
	tmux("resize-window -t 0 -x 44 -y 30");
	assert_soon(shows("q quit") && strstr(pane, "Packets of 1472 bytes and more\n") &&
		    strstr(pane, "dev wg0 mtu 1280"));
	for (const char *line = strtok(pane, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= 44);
	tmux("resize-window -t 0 -x 44 -y 8");
	assert_soon(shows("READY") && strstr(pane, "q quit") && !strstr(pane, "end of the tunnel"));
	for (int i = 0; i < 12; i++)
		tmux("send-keys -t 0 Down");
	assert_soon(shows("end of the tunnel"));
	tmux("send-keys -t 0 Home");
	assert_soon(!shows("end of the tunnel"));
	tmux("resize-window -t 0 -x 2 -y 1");
	assert_soon(shows("q") && pane[0] == 'q');
	tmux("resize-window -t 0 -x 300 -y 90");
	assert_soon(shows("Packets of 1472 bytes and more vanish on the way to the peer of wg0 and nobody says so"));
	tmux("send-keys -t 0 q");
	assert_restored();
}

static void test_a_crash(void **state)
{
	static const int signals[] = { SIGSEGV, SIGABRT, SIGTERM, SIGINT };

	(void)state;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		run("", "", 80, 24);
		assert_soon(shows("path-blackhole"));
		assert_int_equal(kill(child_pid(), signals[i]), 0);
		assert_restored();
	}
}

static void test_stopped_and_continued(void **state)
{
	(void)state;
	/* The shell has the terminal back, with its modes, when it says so: Enter is none before. */
	run("", "; echo STOPPED; read -r; fg >/dev/null", 80, 24);
	assert_soon(shows("path-blackhole"));
	assert_int_equal(kill(child_pid(), SIGTSTP), 0);
	assert_soon(shows("STOPPED"));
	assert_false(is_full());
	tmux("send-keys -t 0 Enter");
	assert_soon(is_full());
	assert_soon(shows("path-blackhole"));
	tmux("send-keys -t 0 q");
	assert_restored();
}

static void test_colors(void **state)
{
	(void)state;
	run("", "", 80, 24);
	assert_soon(shows_sequence("\033[1m\033[31m"));
	tmux("send-keys -t 0 q");
	assert_restored();
	run("NO_COLOR=1", "", 80, 24);
	assert_soon(shows("path-blackhole"));
	assert_false(shows_sequence("\033[31m"));
	tmux("send-keys -t 0 q");
	assert_restored();
}

/* Where there is no full screen there are lines. */
static void test_lines_elsewhere(void **state)
{
	static const char *const variables[] = { "TERM=dumb", "TERM=", "TERM=nonsense" };
	static const char *const ends[] = { "| cat", "& wait" };

	(void)state;
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		run(variables[i], "", 120, 40);
		assert_soon(shows("THE END"));
		assert_non_null(strstr(pane, "CRITICAL  path-blackhole"));
		assert_null(strstr(pane, "q quit"));
		assert_restored();
	}
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		run("", ends[i], 120, 40);
		assert_soon(shows("THE END"));
		assert_non_null(strstr(pane, "CRITICAL  path-blackhole"));
		assert_null(strstr(pane, "q quit"));
		assert_restored();
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_shown_and_left),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_a_crash),
		cmocka_unit_test(test_stopped_and_continued),
		cmocka_unit_test(test_colors),
		cmocka_unit_test(test_lines_elsewhere),
	};

	if (argc == 2 && !strcmp(argv[1], "child"))
		return child();
	program = realpath(argv[0], NULL);
	return cmocka_run_group_tests(tests, start, end);
}
