/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the lines for a person have in common: defined in text.c, used by text_*.c. */
#ifndef MTUSCOPE_TEXT_INTERNAL_H
#define MTUSCOPE_TEXT_INTERNAL_H

#include "format.h"

#define INDENT	      "          " /* as wide as the time and the gap after it */
#define KEY_SHOWN     8		   /* characters of a public key: enough to tell peers apart */
#define COLOR_NEUTRAL "\033[1m"

/* "10:41:07  CRITICAL  ": the word in capitals. */
void text_first_columns(struct out *o, int64_t realtime_ms, const char *word, const char *color, bool with_color);

#endif
