/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Atomic operations: full barriers, and the result is what Windows documents.
 *
 * Windows' long has 32 bits and is LONG; here it has 64 and is another type.
 * Programs have variables of either, so each function takes both: in C by a macro,
 * in C++ by an overload.
 */
#ifndef _SOCKIOCP_INTERLOCKEDAPI_H
#define _SOCKIOCP_INTERLOCKEDAPI_H

#include "winnt.h"

#define __SOCKIOCP_INTERLOCKED(type, suffix) \
	static __inline__ type InterlockedIncrement##suffix(type volatile *Addend) \
	{ \
		return __atomic_add_fetch(Addend, 1, __ATOMIC_SEQ_CST); \
	} \
	static __inline__ type InterlockedDecrement##suffix(type volatile *Addend) \
	{ \
		return __atomic_sub_fetch(Addend, 1, __ATOMIC_SEQ_CST); \
	} \
	static __inline__ type InterlockedExchange##suffix(type volatile *Target, type Value) \
	{ \
		return __atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST); \
	} \
	static __inline__ type InterlockedExchangeAdd##suffix(type volatile *Addend, type Value) \
	{ \
		return __atomic_fetch_add(Addend, Value, __ATOMIC_SEQ_CST); \
	} \
	static __inline__ type InterlockedAdd##suffix(type volatile *Addend, type Value) \
	{ \
		return __atomic_add_fetch(Addend, Value, __ATOMIC_SEQ_CST); \
	} \
	static __inline__ type InterlockedAnd##suffix(type volatile *Destination, type Value) \
	{ \
		return __atomic_fetch_and(Destination, Value, __ATOMIC_SEQ_CST); \
	} \
	static __inline__ type InterlockedOr##suffix(type volatile *Destination, type Value) \
	{ \
		return __atomic_fetch_or(Destination, Value, __ATOMIC_SEQ_CST); \
	} \
	static __inline__ type InterlockedXor##suffix(type volatile *Destination, type Value) \
	{ \
		return __atomic_fetch_xor(Destination, Value, __ATOMIC_SEQ_CST); \
	} \
	static __inline__ type InterlockedCompareExchange##suffix(type volatile *Destination, \
								  type Exchange, type Comperand) \
	{ \
		return __sync_val_compare_and_swap(Destination, Comperand, Exchange); \
	}

__SOCKIOCP_INTERLOCKED(LONG, )
__SOCKIOCP_INTERLOCKED(LONG64, 64)
__SOCKIOCP_INTERLOCKED(SHORT, 16)
__SOCKIOCP_INTERLOCKED(CHAR, 8)

#ifdef __cplusplus
extern "C++" {
__SOCKIOCP_INTERLOCKED(long, )
__SOCKIOCP_INTERLOCKED(unsigned int, )
__SOCKIOCP_INTERLOCKED(unsigned long, )
__SOCKIOCP_INTERLOCKED(long, 64)
__SOCKIOCP_INTERLOCKED(unsigned long, 64)
__SOCKIOCP_INTERLOCKED(unsigned long long, 64)
}
#else
/* A void * is taken for what the function is of. */
#define __SOCKIOCP_AS(type, pointer) \
	_Generic((pointer), void *: (type volatile *)(pointer), default: (pointer))
#define InterlockedIncrement(addend) \
	__atomic_add_fetch(__SOCKIOCP_AS(LONG, addend), 1, __ATOMIC_SEQ_CST)
#define InterlockedDecrement(addend) \
	__atomic_sub_fetch(__SOCKIOCP_AS(LONG, addend), 1, __ATOMIC_SEQ_CST)
#define InterlockedExchange(target, value) \
	__atomic_exchange_n(__SOCKIOCP_AS(LONG, target), (value), __ATOMIC_SEQ_CST)
#define InterlockedExchangeAdd(addend, value) \
	__atomic_fetch_add(__SOCKIOCP_AS(LONG, addend), (value), __ATOMIC_SEQ_CST)
#define InterlockedAdd(addend, value) \
	__atomic_add_fetch(__SOCKIOCP_AS(LONG, addend), (value), __ATOMIC_SEQ_CST)
#define InterlockedAnd(destination, value) \
	__atomic_fetch_and(__SOCKIOCP_AS(LONG, destination), (value), __ATOMIC_SEQ_CST)
#define InterlockedOr(destination, value) \
	__atomic_fetch_or(__SOCKIOCP_AS(LONG, destination), (value), __ATOMIC_SEQ_CST)
#define InterlockedXor(destination, value) \
	__atomic_fetch_xor(__SOCKIOCP_AS(LONG, destination), (value), __ATOMIC_SEQ_CST)
#define InterlockedCompareExchange(destination, exchange, comperand) \
	__sync_val_compare_and_swap(__SOCKIOCP_AS(LONG, destination), (comperand), (exchange))
#define InterlockedIncrement64(addend) \
	__atomic_add_fetch(__SOCKIOCP_AS(LONG64, addend), 1, __ATOMIC_SEQ_CST)
#define InterlockedDecrement64(addend) \
	__atomic_sub_fetch(__SOCKIOCP_AS(LONG64, addend), 1, __ATOMIC_SEQ_CST)
#define InterlockedExchange64(target, value) \
	__atomic_exchange_n(__SOCKIOCP_AS(LONG64, target), (value), __ATOMIC_SEQ_CST)
#define InterlockedExchangeAdd64(addend, value) \
	__atomic_fetch_add(__SOCKIOCP_AS(LONG64, addend), (value), __ATOMIC_SEQ_CST)
#define InterlockedAdd64(addend, value) \
	__atomic_add_fetch(__SOCKIOCP_AS(LONG64, addend), (value), __ATOMIC_SEQ_CST)
#define InterlockedAnd64(destination, value) \
	__atomic_fetch_and(__SOCKIOCP_AS(LONG64, destination), (value), __ATOMIC_SEQ_CST)
#define InterlockedOr64(destination, value) \
	__atomic_fetch_or(__SOCKIOCP_AS(LONG64, destination), (value), __ATOMIC_SEQ_CST)
#define InterlockedXor64(destination, value) \
	__atomic_fetch_xor(__SOCKIOCP_AS(LONG64, destination), (value), __ATOMIC_SEQ_CST)
#define InterlockedCompareExchange64(destination, exchange, comperand) \
	__sync_val_compare_and_swap(__SOCKIOCP_AS(LONG64, destination), (comperand), (exchange))
#endif

static __inline__ PVOID InterlockedExchangePointer(PVOID volatile *Target, PVOID Value)
{
	return __atomic_exchange_n(Target, Value, __ATOMIC_SEQ_CST);
}

static __inline__ PVOID InterlockedCompareExchangePointer(PVOID volatile *Destination,
							  PVOID Exchange, PVOID Comperand)
{
	return __sync_val_compare_and_swap(Destination, Comperand, Exchange);
}

static __inline__ BOOLEAN InterlockedBitTestAndSet(LONG volatile *Base, LONG Bit)
{
	return (__atomic_fetch_or(&Base[Bit >> 5], 1u << (Bit & 31), __ATOMIC_SEQ_CST) >>
		(Bit & 31)) & 1;
}

static __inline__ BOOLEAN InterlockedBitTestAndReset(LONG volatile *Base, LONG Bit)
{
	return (__atomic_fetch_and(&Base[Bit >> 5], ~(1u << (Bit & 31)), __ATOMIC_SEQ_CST) >>
		(Bit & 31)) & 1;
}

static __inline__ BOOLEAN InterlockedBitTestAndComplement(LONG volatile *Base, LONG Bit)
{
	return (__atomic_fetch_xor(&Base[Bit >> 5], 1u << (Bit & 31), __ATOMIC_SEQ_CST) >>
		(Bit & 31)) & 1;
}

static __inline__ unsigned char InterlockedBitTestAndSet64(LONG64 volatile *Base, LONG64 Bit)
{
	return (__atomic_fetch_or(&Base[Bit >> 6], (1ull << (Bit & 63)), __ATOMIC_SEQ_CST) >>
		(Bit & 63)) & 1;
}

static __inline__ unsigned char InterlockedBitTestAndReset64(LONG64 volatile *Base, LONG64 Bit)
{
	return (__atomic_fetch_and(&Base[Bit >> 6], ~(1ull << (Bit & 63)), __ATOMIC_SEQ_CST) >>
		(Bit & 63)) & 1;
}

static __inline__ unsigned char InterlockedBitTestAndComplement64(LONG64 volatile *Base, LONG64 Bit)
{
	return (__atomic_fetch_xor(&Base[Bit >> 6], (1ull << (Bit & 63)), __ATOMIC_SEQ_CST) >>
		(Bit & 63)) & 1;
}

/* No weaker barriers here than Windows promises; a few are stronger. */
#define InterlockedIncrementAcquire	InterlockedIncrement
#define InterlockedIncrementRelease	InterlockedIncrement
#define InterlockedIncrementNoFence	InterlockedIncrement
#define InterlockedIncrementAcquire64	InterlockedIncrement64
#define InterlockedIncrementRelease64	InterlockedIncrement64
#define InterlockedIncrementNoFence64	InterlockedIncrement64
#define InterlockedDecrementAcquire	InterlockedDecrement
#define InterlockedDecrementRelease	InterlockedDecrement
#define InterlockedDecrementNoFence	InterlockedDecrement
#define InterlockedDecrementAcquire64	InterlockedDecrement64
#define InterlockedDecrementRelease64	InterlockedDecrement64
#define InterlockedDecrementNoFence64	InterlockedDecrement64
#define InterlockedExchangeAddAcquire	InterlockedExchangeAdd
#define InterlockedExchangeAddRelease	InterlockedExchangeAdd
#define InterlockedExchangeAddNoFence	InterlockedExchangeAdd
#define InterlockedExchangeAddAcquire64	InterlockedExchangeAdd64
#define InterlockedExchangeAddRelease64	InterlockedExchangeAdd64
#define InterlockedExchangeAddNoFence64	InterlockedExchangeAdd64
#define InterlockedCompareExchangeAcquire	InterlockedCompareExchange
#define InterlockedCompareExchangeRelease	InterlockedCompareExchange
#define InterlockedCompareExchangeNoFence	InterlockedCompareExchange
#define InterlockedCompareExchangeAcquire64	InterlockedCompareExchange64
#define InterlockedCompareExchangeRelease64	InterlockedCompareExchange64
#define InterlockedCompareExchangeNoFence64	InterlockedCompareExchange64
#define InterlockedAndAcquire	InterlockedAnd
#define InterlockedAndRelease	InterlockedAnd
#define InterlockedAndNoFence	InterlockedAnd
#define InterlockedAndAcquire64	InterlockedAnd64
#define InterlockedAndRelease64	InterlockedAnd64
#define InterlockedAndNoFence64	InterlockedAnd64
#define InterlockedOrAcquire	InterlockedOr
#define InterlockedOrRelease	InterlockedOr
#define InterlockedOrNoFence	InterlockedOr
#define InterlockedOrAcquire64	InterlockedOr64
#define InterlockedOrRelease64	InterlockedOr64
#define InterlockedOrNoFence64	InterlockedOr64
#define InterlockedXorAcquire	InterlockedXor
#define InterlockedXorRelease	InterlockedXor
#define InterlockedXorNoFence	InterlockedXor
#define InterlockedXorAcquire64	InterlockedXor64
#define InterlockedXorRelease64	InterlockedXor64
#define InterlockedXorNoFence64	InterlockedXor64
#define InterlockedAddAcquire	InterlockedAdd
#define InterlockedAddRelease	InterlockedAdd
#define InterlockedAddNoFence	InterlockedAdd
#define InterlockedAddAcquire64	InterlockedAdd64
#define InterlockedAddRelease64	InterlockedAdd64
#define InterlockedAddNoFence64	InterlockedAdd64
#define InterlockedExchangeAcquire	InterlockedExchange
#define InterlockedExchangeNoFence	InterlockedExchange
#define InterlockedExchangeAcquire64	InterlockedExchange64
#define InterlockedExchangeNoFence64	InterlockedExchange64
#define InterlockedExchangePointerAcquire	InterlockedExchangePointer
#define InterlockedExchangePointerNoFence	InterlockedExchangePointer
#define InterlockedCompareExchangePointerAcquire	InterlockedCompareExchangePointer
#define InterlockedCompareExchangePointerRelease	InterlockedCompareExchangePointer
#define InterlockedCompareExchangePointerNoFence	InterlockedCompareExchangePointer
#define InterlockedIncrementAcquire16	InterlockedIncrement16
#define InterlockedIncrementRelease16	InterlockedIncrement16
#define InterlockedIncrementNoFence16	InterlockedIncrement16
#define InterlockedDecrementAcquire16	InterlockedDecrement16
#define InterlockedDecrementRelease16	InterlockedDecrement16
#define InterlockedDecrementNoFence16	InterlockedDecrement16
#define InterlockedCompareExchangeAcquire16	InterlockedCompareExchange16
#define InterlockedCompareExchangeRelease16	InterlockedCompareExchange16
#define InterlockedCompareExchangeNoFence16	InterlockedCompareExchange16
#define InterlockedBitTestAndSetAcquire	InterlockedBitTestAndSet
#define InterlockedBitTestAndSetRelease	InterlockedBitTestAndSet
#define InterlockedBitTestAndSetNoFence	InterlockedBitTestAndSet
#define InterlockedBitTestAndResetAcquire	InterlockedBitTestAndReset
#define InterlockedBitTestAndResetRelease	InterlockedBitTestAndReset
#define InterlockedBitTestAndResetNoFence	InterlockedBitTestAndReset
#define InterlockedIncrementSizeT(addend)	InterlockedIncrement64((LONG64 *)(addend))
#define InterlockedDecrementSizeT(addend)	InterlockedDecrement64((LONG64 *)(addend))
#define InterlockedExchangeAddSizeT(addend, value) \
	InterlockedExchangeAdd64((LONG64 *)(addend), (LONG64)(value))

/* Loads and stores */
#define __SOCKIOCP_READ_WRITE(type, suffix) \
	static __inline__ type ReadAcquire##suffix(type const volatile *Source) \
	{ \
		return __atomic_load_n(Source, __ATOMIC_ACQUIRE); \
	} \
	static __inline__ type ReadNoFence##suffix(type const volatile *Source) \
	{ \
		return __atomic_load_n(Source, __ATOMIC_RELAXED); \
	} \
	static __inline__ void WriteRelease##suffix(type volatile *Destination, type Value) \
	{ \
		__atomic_store_n(Destination, Value, __ATOMIC_RELEASE); \
	} \
	static __inline__ void WriteNoFence##suffix(type volatile *Destination, type Value) \
	{ \
		__atomic_store_n(Destination, Value, __ATOMIC_RELAXED); \
	}
__SOCKIOCP_READ_WRITE(LONG, )
__SOCKIOCP_READ_WRITE(LONG64, 64)
__SOCKIOCP_READ_WRITE(PVOID, Pointer)
#undef __SOCKIOCP_READ_WRITE

#endif /* _SOCKIOCP_INTERLOCKEDAPI_H */
