# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# SPDX-FileCopyrightText: The sockiocp authors
#
# A toolchain file of CMake's, for a project of Windows' on this machine's compiler:
#
#	cmake --toolchain /usr/local/share/sockiocp/sockiocp-win32.cmake ...
#
# All it does is done behind project(), so that flags of the user's are left as they are.

set(CMAKE_PROJECT_INCLUDE "${CMAKE_CURRENT_LIST_DIR}/sockiocp-win32-project.cmake")
