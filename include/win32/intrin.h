/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What Microsoft's compiler has built in, as far as it is not in this compiler's
 * own headers of the processor, which come along.
 */
#ifndef _SOCKIOCP_INTRIN_H
#define _SOCKIOCP_INTRIN_H

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "interlockedapi.h"

#define _InterlockedIncrement		InterlockedIncrement
#define _InterlockedIncrement16		InterlockedIncrement16
#define _InterlockedIncrement64		InterlockedIncrement64
#define _InterlockedDecrement		InterlockedDecrement
#define _InterlockedDecrement16		InterlockedDecrement16
#define _InterlockedDecrement64		InterlockedDecrement64
#define _InterlockedExchange		InterlockedExchange
#define _InterlockedExchange8		InterlockedExchange8
#define _InterlockedExchange16		InterlockedExchange16
#define _InterlockedExchange64		InterlockedExchange64
#define _InterlockedExchangeAdd		InterlockedExchangeAdd
#define _InterlockedExchangeAdd8	InterlockedExchangeAdd8
#define _InterlockedExchangeAdd16	InterlockedExchangeAdd16
#define _InterlockedExchangeAdd64	InterlockedExchangeAdd64
#define _InterlockedAnd			InterlockedAnd
#define _InterlockedAnd8		InterlockedAnd8
#define _InterlockedAnd16		InterlockedAnd16
#define _InterlockedAnd64		InterlockedAnd64
#define _InterlockedOr			InterlockedOr
#define _InterlockedOr8			InterlockedOr8
#define _InterlockedOr16		InterlockedOr16
#define _InterlockedOr64		InterlockedOr64
#define _InterlockedXor			InterlockedXor
#define _InterlockedXor8		InterlockedXor8
#define _InterlockedXor16		InterlockedXor16
#define _InterlockedXor64		InterlockedXor64
#define _InterlockedAdd			InterlockedAdd
#define _InterlockedAdd64		InterlockedAdd64
#define _InterlockedCompareExchange	InterlockedCompareExchange
#define _InterlockedCompareExchange8	InterlockedCompareExchange8
#define _InterlockedCompareExchange16	InterlockedCompareExchange16
#define _InterlockedCompareExchange64	InterlockedCompareExchange64
#define _InterlockedExchangePointer	InterlockedExchangePointer
#define _InterlockedCompareExchangePointer	InterlockedCompareExchangePointer
#define _interlockedbittestandset	InterlockedBitTestAndSet
#define _interlockedbittestandreset	InterlockedBitTestAndReset
#define _interlockedbittestandcomplement	InterlockedBitTestAndComplement
#define _interlockedbittestandset64	InterlockedBitTestAndSet64
#define _interlockedbittestandreset64	InterlockedBitTestAndReset64
#define _interlockedbittestandcomplement64	InterlockedBitTestAndComplement64
#define _InterlockedIncrement_nf	InterlockedIncrement
#define _InterlockedDecrement_nf	InterlockedDecrement
#define _InterlockedExchange_nf		InterlockedExchange
#define _InterlockedExchangeAdd_nf	InterlockedExchangeAdd
#define _InterlockedCompareExchange_nf	InterlockedCompareExchange

#define _ReadWriteBarrier()	__atomic_signal_fence(__ATOMIC_SEQ_CST)
#define _ReadBarrier()		__atomic_signal_fence(__ATOMIC_ACQUIRE)
#define _WriteBarrier()		__atomic_signal_fence(__ATOMIC_RELEASE)
#define __debugbreak()		__builtin_trap()
#define __fastfail(code)	__builtin_trap()
#define _ReturnAddress()	__builtin_return_address(0)
#define _byteswap_ushort(value)	__builtin_bswap16(value)
#define _byteswap_ulong(value)	__builtin_bswap32(value)
#define _byteswap_uint64(value)	__builtin_bswap64(value)

/* Bits that nobody else looks at meanwhile. */
#define __SOCKIOCP_BIT_TEST(name, type, bits, change) \
	static __inline__ unsigned char name(type *Base, type Bit) \
	{ \
		unsigned type *word = (unsigned type *)&Base[Bit / bits]; \
		unsigned type mask = (unsigned type)1 << (Bit & (bits - 1)); \
		unsigned char was = (*word & mask) != 0; \
		change; \
		return was; \
	}
__SOCKIOCP_BIT_TEST(_bittestandset, int, 32, *word |= mask)
__SOCKIOCP_BIT_TEST(_bittestandreset, int, 32, *word &= ~mask)
__SOCKIOCP_BIT_TEST(_bittestandcomplement, int, 32, *word ^= mask)
__SOCKIOCP_BIT_TEST(_bittestandset64, long long, 64, *word |= mask)
__SOCKIOCP_BIT_TEST(_bittestandreset64, long long, 64, *word &= ~mask)
__SOCKIOCP_BIT_TEST(_bittestandcomplement64, long long, 64, *word ^= mask)
#undef __SOCKIOCP_BIT_TEST

static __inline__ unsigned char _bittest(int const *Base, int Bit)
{
	return (unsigned char)(((unsigned int)Base[Bit / 32] >> (Bit & 31)) & 1);
}

static __inline__ unsigned char _bittest64(long long const *Base, long long Bit)
{
	return (unsigned char)(((unsigned long long)Base[Bit / 64] >> (Bit & 63)) & 1);
}

#define BitTest				_bittest
#define BitTestAndSet			_bittestandset
#define BitTestAndReset			_bittestandreset
#define BitTestAndComplement		_bittestandcomplement
#define BitTest64			_bittest64
#define BitTestAndSet64			_bittestandset64
#define BitTestAndReset64		_bittestandreset64
#define BitTestAndComplement64		_bittestandcomplement64

/* Index is written only if there is a bit. */
#define __SOCKIOCP_BIT_SCAN(name, type, value) \
	static __inline__ unsigned char name(DWORD *Index, type Mask) \
	{ \
		if (Mask) \
			*Index = (DWORD)(value); \
		return Mask != 0; \
	}
__SOCKIOCP_BIT_SCAN(_BitScanForward, DWORD, __builtin_ctz(Mask))
__SOCKIOCP_BIT_SCAN(_BitScanReverse, DWORD, 31 - __builtin_clz(Mask))
__SOCKIOCP_BIT_SCAN(_BitScanForward64, ULONGLONG, __builtin_ctzll(Mask))
__SOCKIOCP_BIT_SCAN(_BitScanReverse64, ULONGLONG, 63 - __builtin_clzll(Mask))
#undef __SOCKIOCP_BIT_SCAN

#ifdef __cplusplus
/* For an index that is an unsigned long. */
#define __SOCKIOCP_BIT_SCAN(name, type) \
	static __inline__ unsigned char name(unsigned long *Index, type Mask) \
	{ \
		DWORD index = 0; \
		unsigned char found = name(&index, Mask); \
		if (found) \
			*Index = index; \
		return found; \
	}
extern "C++" {
__SOCKIOCP_BIT_SCAN(_BitScanForward, DWORD)
__SOCKIOCP_BIT_SCAN(_BitScanReverse, DWORD)
__SOCKIOCP_BIT_SCAN(_BitScanForward64, ULONGLONG)
__SOCKIOCP_BIT_SCAN(_BitScanReverse64, ULONGLONG)
}
#undef __SOCKIOCP_BIT_SCAN
#else
#define __SOCKIOCP_BIT_SCAN(index, mask, value) \
	((mask) ? (*(index) = (value), (unsigned char)1) : (unsigned char)0)
#define _BitScanForward(index, mask) \
	__SOCKIOCP_BIT_SCAN(index, mask, __builtin_ctz(mask))
#define _BitScanReverse(index, mask) \
	__SOCKIOCP_BIT_SCAN(index, mask, 31 - __builtin_clz(mask))
#define _BitScanForward64(index, mask) \
	__SOCKIOCP_BIT_SCAN(index, mask, __builtin_ctzll(mask))
#define _BitScanReverse64(index, mask) \
	__SOCKIOCP_BIT_SCAN(index, mask, 63 - __builtin_clzll(mask))
#endif

#endif /* _SOCKIOCP_INTRIN_H */
