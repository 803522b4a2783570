/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/cause.h"

#include <assert.h>

static const struct {
	const char *name, *text, *hint;
} causes[] = {
#define CAUSE_ROW(sym, name, text, hint) [CAUSE_##sym] = { name, text, hint },
	CAUSES(CAUSE_ROW)
#undef CAUSE_ROW
};

const char *cause_name(enum cause c)
{
	assert(c < CAUSE_COUNT);
	return causes[c].name;
}

const char *cause_text(enum cause c)
{
	assert(c < CAUSE_COUNT);
	return causes[c].text;
}

const char *cause_hint(enum cause c)
{
	assert(c < CAUSE_COUNT);
	return causes[c].hint;
}
