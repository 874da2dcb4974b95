# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the scripts of this directory share: where things are, and how they talk
# to the person who runs them.  To be sourced, not run.

# The flags of a make that runs one of these scripts are not for the makes that
# the script runs.
unset MAKEFLAGS MFLAGS MAKELEVEL

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
VM=$TOP/selftests/vm
BUILD=$TOP/build

# What is downloaded lives outside the tree and serves every checkout.
CACHE=${SOCKIOCP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sockiocp}

# "[2/7] doing this": a script that runs another one hands the counters over.
export STEP=${STEP:-0} STEPS=${STEPS:-}
step()
{
	STEP=$((STEP + 1))
	echo "[$STEP${STEPS:+/$STEPS}] $*"
}

# What a step found out, indented below it.
note()
{
	echo "      $*"
}

# The last words of a script: what is wrong, then what to do about it.
die()
{
	printf '%s\n' "error: $1" "${@:2}" >&2
	exit 1
}

# Two runs in one tree would build over each other's heads.
alone()
{
	mkdir -p "$BUILD"
	exec 9> "$BUILD/lock"
	flock -n 9 || { note "waiting for another run in this tree"; flock 9; }
}

# try NAME COMMAND...: one line of TAP, after what the command said if it failed.
try()
{
	local name=$1 output

	shift
	if output=$("$@" 2>&1); then
		echo "ok - $name"
	else
		[ -z "$output" ] || sed 's/^/# /' <<< "$output"
		echo "not ok - $name"
		return 1
	fi
}

# The directory of the kernel to test.  KERNEL may be empty (the newest of
# Debian 12 at the time of set-up), a release that set-up can fetch, or a
# directory that holds a vmlinux and, as itself or as "build", a build tree.
kernel_dir()
{
	case ${KERNEL:-} in
	'')  echo "$CACHE/kernels/default" ;;
	*/*) echo "$KERNEL" ;;
	*)   echo "$CACHE/kernels/$KERNEL" ;;
	esac
}

# The tree that modules for the kernel in directory $1 are built against.
kernel_build_dir()
{
	if [ -d "$1/build" ]; then
		echo "$1/build"
	else
		echo "$1"
	fi
}

# What uname -r says there.  (include/config/kernel.release is not what Debian's
# headers go by.)
kernel_release()
{
	sed -n 's/^#define UTS_RELEASE "\(.*\)"/\1/p' \
		"$1/include/generated/utsrelease.h"
}

# put_program PROGRAM TREE: a program of this machine and the shared libraries that
# it needs, at the same places in the tree of a guest.
put_program()
{
	local file

	for file in "$1" $(ldd "$1" | grep -o '/[^ ]*'); do
		mkdir -p "$2$(dirname "$file")"
		cp -L "$file" "$2$file"
	done
}
