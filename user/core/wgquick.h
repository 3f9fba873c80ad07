/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MTU in a wg-quick file: bytes in, bytes out, read as wg-quick reads them (parse_options() of wg-quick(8)): sections and
 * keys in any case, '#' begins a comment, of several MTU lines the last one counts.
 */
#ifndef MTUSCOPE_WGQUICK_H
#define MTUSCOPE_WGQUICK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WGQUICK_GROWTH 32 /* bytes by which wgquick_set_mtu() makes a file longer, at most */

/* The MTU that the file sets, 0 if none or none that is a number. */
uint32_t wgquick_mtu(const char *text, size_t len);

/*
 * Writes the file with that MTU to out, which has room for len + WGQUICK_GROWTH bytes: the value of the line that counts is
 * replaced, or a line is put under the first [Interface]; every other byte stays. Its length, or 0 if there is no
 * [Interface].
 */
size_t wgquick_set_mtu(const char *text, size_t len, uint32_t mtu, char *out);

#endif
