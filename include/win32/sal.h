/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * The source annotations that Win32 programs put into their declarations.  They
 * say something to Microsoft's analyser and nothing to this compiler.
 *
 * Old-style ones such as __in and __out are left out: libstdc++ uses those
 * words as names.
 */
#ifndef _SOCKIOCP_SAL_H
#define _SOCKIOCP_SAL_H

#define _In_
#define _In_opt_
#define _In_z_
#define _In_opt_z_
#define _In_reads_(count)
#define _In_reads_opt_(count)
#define _In_reads_bytes_(size)
#define _In_reads_bytes_opt_(size)
#define _In_range_(low, high)
#define _Inout_
#define _Inout_opt_
#define _Inout_z_
#define _Inout_updates_(count)
#define _Inout_updates_opt_(count)
#define _Inout_updates_bytes_(size)
#define _Out_
#define _Out_opt_
#define _Out_writes_(count)
#define _Out_writes_opt_(count)
#define _Out_writes_z_(count)
#define _Out_writes_bytes_(size)
#define _Out_writes_bytes_opt_(size)
#define _Out_writes_bytes_to_(size, count)
#define _Out_writes_to_(size, count)
#define _Out_writes_to_opt_(size, count)
#define _Outptr_
#define _Outptr_opt_
#define _Outptr_result_maybenull_
#define _Frees_ptr_
#define _Frees_ptr_opt_
#define _Post_invalid_
#define _Post_ptr_invalid_
#define _Pre_maybenull_
#define _Reserved_
#define _Ret_maybenull_
#define _Ret_notnull_
#define _Success_(expression)
#define _When_(expression, annotations)
#define _Field_size_(count)
#define _Printf_format_string_
#define _Check_return_
#define _Must_inspect_result_
#define _Use_decl_annotations_
#define _Analysis_assume_(expression)
#define _Guarded_by_(lock)
#define _Interlocked_
#define _Acquires_lock_(lock)
#define _Releases_lock_(lock)
#define _Requires_lock_held_(lock)

#endif /* _SOCKIOCP_SAL_H */
