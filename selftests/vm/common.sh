# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: The sockiocp authors
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

# This machine's release of Debian, and the kernel that is tested by default: its own.
debian_suite()
{
	# shellcheck disable=SC1091 # the machine's
	(. /etc/os-release && echo "${VERSION_CODENAME-}") 2> /dev/null || :
}

default_kernel()
{
	case $(debian_suite) in
	trixie) echo 6.12 ;;
	*)      echo 6.1 ;;
	esac
}

# The version of all that is built here.
source_version()
{
	sed -n 's/^#define SOCKIOCP_VERSION\t"\(.*\)"/\1/p' "$TOP/include/uapi/linux/sockiocp.h"
}

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

# The same, of what is not there because the world has changed.
gone()
{
	printf '%s\n' "error: $1" "${@:2}" >&2
	exit 3
}

# room_for MEGABYTES DIRECTORY WHAT ADVICE: what runs on a full disk fails in ways that
# do not tell.
room_for()
{
	local free

	free=$(df -BM --output=avail "$2" | tail -n 1 | tr -dc 0-9)
	[ "$free" -ge "$1" ] ||
		die "$3 takes up to $1 MB, and the disk of $2 has $free MB left" "$4"
}

# make and kbuild take other names apart.
for dir in "$TOP" "$CACHE"; do
	[ -z "$(echo -n "$dir" | tr -d 'A-Za-z0-9._/+@~\200-\377-')" ] ||
		die "cannot build in \"$dir\"" \
		    "It has to be a path of letters, digits and . _ - + @ ~ only, without spaces." \
		    "What is fetched can be elsewhere: SOCKIOCP_CACHE=directory"
done

# Two runs in one tree would build over each other's heads.  Runs of check-kernels do
# not, if each has an AT of its own, which the names of its files end with.
export AT=${AT:-}
alone()
{
	mkdir -p "$BUILD"
	room_for 200 "$BUILD" "building and testing" "Make room there."
	exec 9> "$BUILD/lock$AT"
	flock -n 9 || { note "waiting for another run in this tree"; flock 9; }
}

# wait_for_turn FILE: what even those must not do at the same time; until this shell ends.
wait_for_turn()
{
	mkdir -p "$(dirname "$1")"
	exec 8> "$1"
	flock 8
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

# Of TAP, results go to the terminal.
results()
{
	grep --line-buffered -E '^(ok|not ok|1\.\.0)|^# selftests: [^:]*$' | sed -u 's/^/      /' || :
}

# host COMMAND...: all that it says goes into HOST_LOG.
host()
{
	{ "$@" || :; } | tee -a "$HOST_LOG" | results
}

# The directory of the kernel to test.  KERNEL is one of
#
#   a name	of those that fetch-kernel lists, for Debian's newest of that line
#		(at the time of set-up); default: the machine's own, which is 6.1 on
#		Debian 12 and 6.12 on Debian 13
#   a release	of Debian's
#   kasan, kcsan	built by debug-kernel
#   a directory	that holds a vmlinux and, as itself or as "build", a build tree
kernel_dir()
{
	case ${KERNEL:-} in
	*/*)           echo "$KERNEL" ;;
	kasan | kcsan) debug_kernel_dir "$KERNEL" ;;
	*)             echo "$CACHE/kernels/${KERNEL:-$(default_kernel)}" ;;
	esac
}

# What the limits of time in tests are multiplied with there (PATIENCE, which a guest
# has from its kernel's command line).  All are slow, without hardware acceleration.
patience()
{
	case ${KERNEL:-} in
	kasan | kcsan) echo 10 ;;
	*)             echo 4 ;;
	esac
}

debug_kernel_patches()
{
	ls "$VM/debug/pvh.patch" "$VM/debug/$1.patch" 2> /dev/null || :
}

# Debug kernels are named after what they were configured from.
debug_kernel_hash()
{
	cat "$VM/debug"/{base.config,"$1.config"} $(debug_kernel_patches "$1") |
		sha256sum | cut -c 1-12
}

# The newest of that configuration; there may be none.
debug_kernel_dir()
{
	find "$CACHE/kernels" -maxdepth 1 -name "*-$1-$(debug_kernel_hash "$1")" |
		sort -V | tail -n 1
}

# Gets the kernel to test, if it is not there.  Status 3: Debian has no such kernel
# any more.
make_kernel_ready()
{
	case ${KERNEL:-} in
	*/*)           [ -e "$KERNEL/vmlinux" ] || die "there is no vmlinux in $KERNEL" ;;
	kasan | kcsan) "$VM/debug-kernel" "$KERNEL" ;;
	*)             "$VM/fetch-kernel" "${KERNEL:-$(default_kernel)}" ;;
	esac || return
	note "$(kernel_release "$(kernel_build_dir "$(kernel_dir)")")"
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

# in_toolchain BUILD-TREE COMMAND...: a kernel that this machine's compiler cannot build
# modules for brings its own, which is made to be in the place of /usr for as long as
# the command runs.
in_toolchain()
{
	local toolchain=$1/toolchain map_user=''

	shift
	[ -d "$toolchain" ] || { "$@"; return; }
	[ "$(id -u)" -eq 0 ] || map_user=-r
	# shellcheck disable=SC2016 # for the other shell
	unshare $map_user -m sh -c 'mount --bind "$1/usr" /usr && shift && "$@"' \
		sh "$toolchain" "$@"
}

# The names of the test programs, without those of win32/.
all_tests()
{
	make -s -C "$TOP/selftests" list
}

win32_tests()
{
	make -s -C "$TOP/selftests" list_win32
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
