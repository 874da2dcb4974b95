// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Random numbers.
 */
#include <errno.h>
#include <ntstatus.h>
#include <sys/random.h>

#include "internal.h"

/**
 * BCryptGenRandom - numbers that nobody can guess
 * @hAlgorithm: NULL: there is no other source than the system's
 * @pbBuffer: receives them
 * @cbBuffer: how many bytes
 * @dwFlags: BCRYPT_USE_SYSTEM_PREFERRED_RNG; BCRYPT_RNG_USE_ENTROPY_IN_BUFFER is ignored
 *
 * Return: STATUS_SUCCESS, or
 *   STATUS_INVALID_HANDLE	@hAlgorithm is not NULL, or the flag is missing
 *   STATUS_INVALID_PARAMETER	@pbBuffer is NULL
 *
 * Windows: "BCryptGenRandom function (bcrypt.h)".
 */
NTSTATUS WINAPI BCryptGenRandom(BCRYPT_ALG_HANDLE hAlgorithm, PUCHAR pbBuffer,
				ULONG cbBuffer, ULONG dwFlags)
{
	ULONG have = 0;
	ssize_t got;

	if (hAlgorithm || !(dwFlags & BCRYPT_USE_SYSTEM_PREFERRED_RNG))
		return (NTSTATUS)STATUS_INVALID_HANDLE;
	if (!pbBuffer)
		return (NTSTATUS)STATUS_INVALID_PARAMETER;
	while (have < cbBuffer) {
		got = getrandom(pbBuffer + have, cbBuffer - have, 0);
		if (got < 0 && errno != EINTR)
			return STATUS_UNSUCCESSFUL;
		if (got > 0)
			have += (ULONG)got;
	}
	return STATUS_SUCCESS;
}
