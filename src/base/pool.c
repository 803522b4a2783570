/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/pool.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define POOL_ASAN
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define POOL_ASAN
#endif

/* With the address sanitizer, gaps and buffers that are not out may not be touched. */
#ifdef POOL_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(ptr, bytes)	((void)(ptr), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(ptr, bytes)	((void)(ptr), (void)(bytes))
#endif

static size_t pool_bytes(const struct pool *p)
{
	return p->stride * p->count;
}

int pool_init(struct pool *p, size_t buf_bytes, uint32_t count)
{
	assert(buf_bytes > 0 && count > 0);
	memset(p, 0, sizeof(*p));
	if (buf_bytes > SIZE_MAX / 2 / count - 2 * POOL_ALIGN)
		return -ENOMEM;
	p->buf_bytes = (buf_bytes + POOL_ALIGN - 1) & ~(size_t)(POOL_ALIGN - 1);
	p->stride = p->buf_bytes + POOL_ALIGN;
	p->count = count;
	p->free = calloc(count, sizeof(*p->free) + sizeof(*p->out));
	if (!p->free)
		return -ENOMEM;
	p->out = (uint8_t *)(p->free + count);
	p->memory = mmap(NULL, pool_bytes(p), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	if (p->memory == MAP_FAILED) {
		free(p->free);
		memset(p, 0, sizeof(*p));
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++)	/* the lowest address on top */
		p->free[i] = (uint8_t *)p->memory + p->stride * (count - 1 - i);
	p->avail = count;
	ASAN_POISON_MEMORY_REGION(p->memory, pool_bytes(p));
	return 0;
}

void pool_free(struct pool *p)
{
	assert(p->avail == p->count);
	if (!p->memory)
		return;
	ASAN_UNPOISON_MEMORY_REGION(p->memory, pool_bytes(p));
	munmap(p->memory, pool_bytes(p));
	free(p->free);
	memset(p, 0, sizeof(*p));
}

static size_t index_of(const struct pool *p, const void *buf)
{
	size_t at = (size_t)((uintptr_t)buf - (uintptr_t)p->memory);
	size_t index = at / p->stride;

	assert(index < p->count && index * p->stride == at);
	return index;
}

void *pool_get(struct pool *p)
{
	void *buf;

	if (p->avail == 0)
		return NULL;
	buf = p->free[--p->avail];
	p->out[index_of(p, buf)] = 1;
	ASAN_UNPOISON_MEMORY_REGION(buf, p->buf_bytes);
	return buf;
}

void pool_put(struct pool *p, void *buf)
{
	size_t index = index_of(p, buf);

	assert(p->out[index] && p->avail < p->count);
	p->out[index] = 0;
	ASAN_POISON_MEMORY_REGION(buf, p->buf_bytes);
	p->free[p->avail++] = buf;
}
