// SPDX-License-Identifier: GPL-2.0-or-later
/* The terminal side of the full screen; see screen.h. */
#define _GNU_SOURCE /* memfd_create */
#include "screen.h"

#include <curses.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "lines.h"

#define FINDINGS_MAX 64 /* shown; the oldest resolved one gives way */

struct screen {
	SCREEN *curses;
	int verbose, top;		/* first line of the findings that is shown */
	int stderr_kept, stderr_caught; /* -1: not caught */
	struct shown shown[FINDINGS_MAX];
	size_t shown_n;
	struct lines status, peers, findings, foot;
	struct status now;
	bool quits;
};

/* For the handler of crashes, which may call next to nothing. */
static struct {
	struct termios before;
	char leave[256];
	size_t leave_len;
} terminal;

static const int CRASHES[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGQUIT };
#define CRASHES_N (sizeof(CRASHES) / sizeof(CRASHES[0]))

static void on_crash(int sig)
{
	if (write(STDOUT_FILENO, terminal.leave, terminal.leave_len) >= 0)
		tcsetattr(STDOUT_FILENO, TCSANOW, &terminal.before);
	raise(sig); /* SA_RESETHAND: this time for good */
}

static void crashes_handle(bool by_us)
{
	struct sigaction action = { .sa_handler = by_us ? on_crash : SIG_DFL,
				    .sa_flags = by_us ? (int)SA_RESETHAND : 0 };

	for (size_t i = 0; i < CRASHES_N; i++)
		sigaction(CRASHES[i], &action, NULL);
}

/*
 * SIGTSTP, Ctrl-Z. curses' own handler would stop in the middle of a drawing, so curses ignores the signal while it draws, and
 * one that comes then is lost; where there is a handler it sets none. The next drawing begins with the stop.
 */
static volatile sig_atomic_t stop_asked;

static void on_stop(int sig)
{
	(void)sig;
	stop_asked = true;
}

static void stops_handle(bool by_us)
{
	struct sigaction action = { .sa_handler = by_us ? on_stop : SIG_DFL, .sa_flags = SA_RESTART };

	sigaction(SIGTSTP, &action, NULL);
}

/* Returns when it is continued; the next refresh() takes the terminal again. */
static void stop(void)
{
	stop_asked = false;
	endwin();
	stops_handle(false);
	raise(SIGTSTP);
	stops_handle(true);
}

static void remember_leaving(const char *capability)
{
	const char *text = tigetstr(capability);
	size_t len = text && text != (const char *)-1 ? strlen(text) : 0;

	if (len > sizeof(terminal.leave) - terminal.leave_len)
		return;
	memcpy(terminal.leave + terminal.leave_len, text, len);
	terminal.leave_len += len;
}

/* What anybody writes to a terminal's stderr would be written across the screen. */
static void stderr_catch(struct screen *s)
{
	s->stderr_kept = s->stderr_caught = -1;
	if (!isatty(STDERR_FILENO))
		return;
	s->stderr_caught = memfd_create("mtuscope-stderr", MFD_CLOEXEC);
	s->stderr_kept = s->stderr_caught < 0 ? -1 : dup(STDERR_FILENO);
	if (s->stderr_kept >= 0)
		dup2(s->stderr_caught, STDERR_FILENO);
}

static void stderr_release(struct screen *s)
{
	char text[4096];
	ssize_t n;

	if (s->stderr_kept < 0)
		return;
	fflush(stderr);
	dup2(s->stderr_kept, STDERR_FILENO);
	lseek(s->stderr_caught, 0, SEEK_SET);
	while ((n = read(s->stderr_caught, text, sizeof(text))) > 0)
		if (write(STDERR_FILENO, text, (size_t)n) < 0)
			break;
	close(s->stderr_kept);
	close(s->stderr_caught);
}

static void colors_start(void)
{
	static const short of[INKS] = {
		[INK_CRITICAL] = COLOR_RED, [INK_WARNING] = COLOR_YELLOW, [INK_RESOLVED] = COLOR_GREEN
	};

	start_color();
	use_default_colors();
	for (short ink = INK_CRITICAL; ink < INKS; ink++)
		init_pair(ink, of[ink], -1);
}

/* A background job would be stopped, and has no screen to fill. */
static bool is_ours(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && tcgetpgrp(STDOUT_FILENO) == getpgrp() && term && *term && strcmp(term, "dumb");
}

/* NULL: the terminal is not known, or cannot place its cursor. */
static SCREEN *curses_start(void)
{
	SCREEN *curses = newterm(NULL, stdout, stdin);
	const char *place = curses ? tigetstr("cup") : NULL;

	if (!curses || (place && place != (const char *)-1))
		return curses;
	endwin();
	delscreen(curses);
	return NULL;
}

struct screen *screen_open(bool color, int verbose)
{
	struct screen *s;

	if (!is_ours() || tcgetattr(STDOUT_FILENO, &terminal.before))
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->verbose = verbose;
	stops_handle(true);
	s->curses = curses_start();
	if (!s->curses) {
		stops_handle(false);
		free(s);
		return NULL;
	}
	terminal.leave_len = 0;
	remember_leaving("sgr0");
	remember_leaving("cnorm");
	remember_leaving("rmcup");
	crashes_handle(true);
	cbreak();
	noecho();
	curs_set(0);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	if (color && has_colors())
		colors_start();
	stderr_catch(s);
	return s;
}

void screen_leave(struct screen *s)
{
	endwin();
	delscreen(s->curses);
	crashes_handle(false);
	stops_handle(false);
	stderr_release(s);
}

void screen_free(struct screen *s)
{
	lines_free(&s->status);
	lines_free(&s->peers);
	lines_free(&s->findings);
	lines_free(&s->foot);
	free(s);
}

/* Room for one more: the oldest resolved one gives way, else the oldest. */
static struct shown *make_room(struct screen *s)
{
	size_t oldest = 0;

	if (s->shown_n < FINDINGS_MAX)
		return &s->shown[s->shown_n++];
	while (oldest < FINDINGS_MAX && s->shown[oldest].f.state != FINDING_RESOLVED)
		oldest++;
	oldest %= FINDINGS_MAX;
	memmove(&s->shown[oldest], &s->shown[oldest + 1], (FINDINGS_MAX - 1 - oldest) * sizeof(s->shown[0]));
	return &s->shown[FINDINGS_MAX - 1];
}

void screen_finding(struct screen *s, const struct finding *f, int64_t realtime_ms)
{
	struct shown *shown = NULL;

	for (size_t i = 0; i < s->shown_n; i++)
		if (!strcmp(s->shown[i].f.id, f->id))
			shown = &s->shown[i];
	if (!shown)
		shown = make_room(s);
	*shown = (struct shown){ *f, realtime_ms };
}

void screen_status(struct screen *s, const struct status *status)
{
	s->now = *status;
	s->now.links = NULL; /* the next snapshot has them */
	s->now.links_n = 0;
}

static void put(const struct lines *l, size_t from, int y, int rows)
{
	for (int i = 0; i < rows && from + (size_t)i < l->n; i++) {
		const struct line *line = &l->at[from + (size_t)i];

		attrset(line->ink == INK_PLAIN ? A_NORMAL : A_BOLD | (has_colors() ? COLOR_PAIR(line->ink) : 0));
		mvaddnstr(y + i, 0, line->text, COLS);
	}
	attrset(A_NORMAL);
}

/* From the top: status, peers, a blank line, findings; the last line is the foot. What has no room is left out. */
static void draw(struct screen *s)
{
	int peers_y = (int)s->status.n, findings_y = peers_y + (int)s->peers.n + 1, room = LINES - 1 - findings_y;
	int most = (int)s->findings.n - (room > 0 ? room : 0);

	if (stop_asked)
		stop();
	if (s->top > most)
		s->top = most;
	if (s->top < 0)
		s->top = 0;
	erase();
	put(&s->status, 0, 0, LINES - 1);
	put(&s->peers, 0, peers_y, LINES - 1 - peers_y);
	put(&s->findings, (size_t)s->top, findings_y, room);
	put(&s->foot, 0, LINES - 1, 1);
	refresh();
}

void screen_snapshot(struct screen *s, const struct snapshot *snap)
{
	s->now.links = snap->inventory.links;
	s->now.links_n = snap->inventory.links_n;
	lines_status(&s->status, &s->now, snap->realtime_ms, COLS, LINES / 6 > 0 ? LINES / 6 : 1);
	s->now.links = NULL;
	s->now.links_n = 0;
	lines_peers(&s->peers, snap, s->shown, s->shown_n, LINES / 3);
	lines_findings(&s->findings, s->shown, s->shown_n, s->verbose, COLS);
	lines_foot(&s->foot, snap);
	draw(s);
}

bool screen_keys(struct screen *s)
{
	int key;

	while ((key = getch()) != ERR) {
		switch (key) {
		case 'q':
			s->quits = true;
			break;
		case KEY_UP:
			s->top--;
			break;
		case KEY_DOWN:
			s->top++;
			break;
		case KEY_PPAGE:
			s->top -= LINES / 2;
			break;
		case KEY_NPAGE:
			s->top += LINES / 2;
			break;
		case KEY_HOME:
			s->top = 0;
			break;
		default:
			break;
		}
	}
	draw(s);
	return !s->quits;
}

void screen_findings(const struct screen *s, void (*fn)(const struct finding *f, int64_t realtime_ms, void *arg),
		     void *arg)
{
	for (size_t i = 0; i < s->shown_n; i++)
		fn(&s->shown[i].f, s->shown[i].realtime_ms, arg);
}
