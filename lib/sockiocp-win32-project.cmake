# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# SPDX-FileCopyrightText: The sockiocp authors
#
# What sockiocp-win32.cmake has CMake do behind project(): sources see _WIN32, and
# CMakeLists.txt sees WIN32.

include_guard()

find_program(SOCKIOCP_PKG_CONFIG NAMES pkg-config pkgconf)

# What this file was installed with is asked, not another one.
function(_sockiocp_ask result option)
	execute_process(
		COMMAND ${CMAKE_COMMAND} -E env "PKG_CONFIG_PATH=@pkgconfigdir@"
			${SOCKIOCP_PKG_CONFIG} ${option} sockiocp-win32
		OUTPUT_VARIABLE said OUTPUT_STRIP_TRAILING_WHITESPACE
		RESULT_VARIABLE status)
	if(status)
		message(FATAL_ERROR "pkg-config, which says how to compile, is not there, "
			"or does not find sockiocp-win32 in @pkgconfigdir@")
	endif()
	set(${result} "${said}" PARENT_SCOPE)
endfunction()

set(WIN32 TRUE)
set(UNIX FALSE)

_sockiocp_ask(_sockiocp_flags --cflags)
separate_arguments(_sockiocp_flags)
add_compile_options(${_sockiocp_flags} -pthread -Wno-unknown-pragmas)
add_link_options(-pthread)

# At the end of the line, behind the project's own libraries.
_sockiocp_ask(_sockiocp_libraries --libs)
foreach(_language C CXX)
	string(APPEND CMAKE_${_language}_STANDARD_LIBRARIES " ${_sockiocp_libraries}")
endforeach()

# Windows' own are names with nothing behind them: of what libsockiocp does not have the
# compiler has told.
foreach(_library
		advapi32 bcrypt iphlpapi kernel32 mswsock ntdll psapi user32 winmm ws2_32 wsock32)
	foreach(_name ${_library} ${_library}.lib)
		if(NOT TARGET ${_name})
			add_library(${_name} INTERFACE IMPORTED GLOBAL)
		endif()
	endforeach()
endforeach()
