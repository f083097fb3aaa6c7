/*
 * Lets the packaged User Mode Linux run on processors whose register state is
 * larger than it expects (Intel AMX: 11 008 bytes; its own buffer has 2 696).
 *
 * It saves and restores a process's floating point state with PTRACE_GETREGSET
 * and PTRACE_SETREGSET (NT_X86_XSTATE) and a buffer of its own size. Reading into
 * a short buffer works, but since Linux 5.x the host refuses to write anything
 * but the whole state (EFAULT), so the first process to start is killed:
 * "userspace - ptrace set fp regs failed, errno = 14".
 *
 * Preloaded, this stands between it and ptrace: a short write is completed with
 * what lies beyond it. That part is always in its initial state, all zero: a
 * process gets AMX only after asking for it (arch_prctl), which nothing run
 * by User Mode Linux can do.
 *
 * It runs on User Mode Linux's own small stacks with signals blocked: no
 * allocation, no stdio. User Mode Linux calls ptrace from one thread only, so a
 * static buffer is enough.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static unsigned char state[65536] __attribute__((aligned(64)));
static size_t state_size; /* 0: not asked yet */

/* The raw call, without glibc's treatment of PTRACE_PEEK*. */
static long raw(long request, pid_t pid, void *addr, void *data)
{
	return syscall(SYS_ptrace, request, pid, addr, data);
}

static long set_xstate(pid_t pid, struct iovec *part)
{
	struct iovec whole = { state, sizeof(state) };

	if (state_size == 0) {
		if (raw(PTRACE_GETREGSET, pid, (void *)NT_X86_XSTATE, &whole) != 0)
			return -1;
		state_size = whole.iov_len;
	}
	if (part->iov_len >= state_size)
		return raw(PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, part);
	memcpy(state, part->iov_base, part->iov_len);
	memset(state + part->iov_len, 0, state_size - part->iov_len);
	whole.iov_base = state;
	whole.iov_len = state_size;
	return raw(PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, &whole);
}

long ptrace(enum __ptrace_request request, ...)
{
	va_list arguments;
	pid_t pid;
	void *addr, *data;
	long word = 0, result;

	va_start(arguments, request);
	pid = va_arg(arguments, pid_t);
	addr = va_arg(arguments, void *);
	data = va_arg(arguments, void *);
	va_end(arguments);

	switch ((long)request) {
	case PTRACE_SETREGSET:
		if (addr == (void *)NT_X86_XSTATE)
			return set_xstate(pid, data);
		return raw(request, pid, addr, data);
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA:
	case PTRACE_PEEKUSER:
		/* The library's call answers with the word; the kernel's stores it. */
		result = raw(request, pid, addr, &word);
		if (result < 0)
			return result;
		errno = 0;
		return word;
	default:
		return raw(request, pid, addr, data);
	}
}
