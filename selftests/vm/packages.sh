# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: The sockiocp authors
# shellcheck shell=bash
#
# How the scripts of this directory get at Debian's packages, and put what they
# take out of them into the cache.  To be sourced after common.sh.

# Another apt may be at work: a fresh machine upgrades itself.
APT_GET=(env LC_ALL=C apt-get -q -o APT::Sandbox::User=root -o DPkg::Lock::Timeout=300)

# ask_apt ARGUMENTS...: keeps what apt-get says.
APT_SAID=
ask_apt()
{
	local status=0

	APT_SAID=$("${APT_GET[@]}" "$@" 2>&1) || status=$?
	return "$status"
}

# The first line of what apt said that is about the network, if there is one.
network_trouble()
{
	grep -i -m 1 -E 'failure resolving|could not resolve|could not connect|unable to connect|connection (timed out|failed)|network is unreachable' <<< "$1"
}

# apt_failed WHAT ADVICE...: the advice is for where apt does not tell why.
apt_failed()
{
	local said=$APT_SAID$'\n'$LISTS_SAID

	if network_trouble "$said" >&2; then
		die "$1" "There is no network, or none that leads to Debian's mirrors" \
			 "(those in /etc/apt; a proxy is Acquire::http::Proxy there)."
	fi
	grep -E '^(E|W|Err|dpkg)' <<< "$said" >&2 || :
	if grep -q -E 'No space left|enough free space' <<< "$said"; then
		die "$1" "A disk is full: packages go through /var/cache/apt/archives to /usr" \
			 "or $CACHE, and all that is needed takes 1.3 GB." \
			 "$(df -h /var/cache/apt/archives /usr "$CACHE" | awk '!seen[$0]++')"
	fi
	die "$@"
}

# Those of the packages named that are not installed.
missing_packages()
{
	local package status

	for package; do
		status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>&1) ||
			status=unknown
		[ "$status" = installed ] || echo "$package"
	done
}

# Runs a command quietly, and shows what it said if it fails.
quietly()
{
	local log status=0

	log=$(mktemp)
	"$@" > "$log" 2>&1 || status=$?
	[ "$status" -eq 0 ] || cat "$log" >&2
	rm -f "$log"
	return "$status"
}

# Once per run, when a package is not known or no longer where the lists say.  A mirror
# that does not answer is no failure to apt-get, and need not be Debian's.
LISTS_UPDATED='' LISTS_SAID=''
update_lists()
{
	[ -z "$LISTS_UPDATED" ] || return 1
	[ "$(id -u)" -eq 0 ] || return 1
	! network_trouble "$APT_SAID" > /dev/null || return 1
	note "apt's package lists are missing or old: apt-get update"
	ask_apt update || apt_failed "apt-get update failed" \
		"Is /etc/apt/sources.list, or what is in sources.list.d, right?"
	LISTS_UPDATED=yes LISTS_SAID=$APT_SAID
}

install_packages()
{
	local missing

	command -v dpkg-query > /dev/null ||
		die "this set-up knows Debian's packages only" \
		    "Run it on Debian 12 or 13, for instance in a container."

	missing=$(missing_packages "$@" | tr '\n' ' ')
	missing=${missing% }
	[ -n "$missing" ] || return 0

	if [ "$(id -u)" -ne 0 ]; then
		die "packages are missing: $missing" \
		    "As root, run:" \
		    "    apt-get update" \
		    "    apt-get install --no-install-recommends $missing"
	fi

	note "installing: $missing"
	export DEBIAN_FRONTEND=noninteractive
	# shellcheck disable=SC2086 # a list of words
	ask_apt install -y --no-install-recommends $missing ||
		{ update_lists && ask_apt install -y --no-install-recommends $missing; } ||
		apt_failed "apt-get could not install: $missing" \
			"Run it by hand to see why:" \
			"    apt-get install --no-install-recommends $missing"
}

# To apt, what no package is called is a pattern: 6.1 is in 6.12.
package_known()
{
	[ -n "$(apt-cache show --no-all-versions "$1" 2> /dev/null |
		awk -v name="$1" '$1 == "Package:" && $2 == name')" ]
}

require_package()
{
	package_known "$1" || { update_lists && package_known "$1"; } ||
		apt_failed "apt knows no package $1" \
			"Its lists may be old; as root, run: apt-get update"
}

# In whole megabytes, for people.
download_size()
{
	apt-cache show --no-all-versions "$@" |
		awk '/^Size:/ { sum += $2 } END { printf "%.0f MB", sum / 1e6 }'
}

# Fetches packages into the current directory.  apt verifies them.
download()
{
	ask_apt download "$@" || { update_lists && ask_apt download "$@"; } ||
		apt_failed "could not download: $*" \
			"apt's lists may be old; as root, run: apt-get update"
}

# A directory in the cache comes into being whole or not at all: it is filled
# under another name, in $WORK, and then renamed.  What an interrupted run left
# behind is removed.  $2: how many megabytes it takes until it is done.
begin()
{
	WORK=$CACHE/$1.part
	rm -rf "$WORK"
	room_for "$2" "$CACHE" "to make $1" \
		"Make room there, or set SOCKIOCP_CACHE to a directory of another disk."
	mkdir -p "$WORK/debs"
}

# Somebody may be in debs.
finish()
{
	cd "$CACHE"
	rm -rf "$WORK/debs"
	mkdir -p "$(dirname "$CACHE/$1")"
	rm -rf "${CACHE:?}/$1"
	mv "$WORK" "$CACHE/$1"
}

mirror_for()
{
	local of_security=0

	[[ $1 != *-security ]] || of_security=1
	# shellcheck disable=SC2016 # apt's variables
	env -u APT_CONFIG apt-get indextargets --format '$(RELEASE) $(REPO_URI)' \
		'Created-By: Packages' | awk -v of_security=$of_security '
		/debian/ && ($1 ~ /-security$/) == of_security && !found++ { print $2 }'
}

# use_suite SUITE: from now on, in this shell, apt looks into one of Debian's suites,
# at the mirrors that it knows.  If it is not the machine's own, apt has lists, a cache
# and a (void) list of what is installed to itself, so that the machine's are left alone.
use_suite()
{
	local dir=$CACHE/apt/$1 mirror

	[ "$1" != "$(debian_suite)" ] || return 0
	mirror=$(mirror_for "$1")
	[ -n "$mirror" ] || { update_lists && mirror=$(mirror_for "$1") && [ -n "$mirror" ]; } ||
		apt_failed "apt knows no mirror that could have Debian's $1" \
			"It goes by the lists of the machine's own: see /etc/apt/sources.list.d" \
			"If there are none, as root, run: apt-get update"

	mkdir -p "$dir"/{cache/archives,lists}/partial
	: > "$dir/status"
	# What is in development expires sooner than some clocks think.
	echo "deb [check-valid-until=no signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
		"$mirror $1 main" > "$dir/sources.list"
	cat > "$dir/apt.conf" <<- EOF
		Dir::State::lists "$dir/lists";
		Dir::State::status "$dir/status";
		Dir::Cache "$dir/cache";
		Dir::Etc::sourcelist "$dir/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		Acquire::Languages "none";
	EOF
	export APT_CONFIG=$dir/apt.conf
	note "fetching the package lists of Debian's $1"
	ask_apt -o APT::Update::Error-Mode=any update ||
		apt_failed "apt-get update failed for Debian's $1" "Does $mirror have it?"
	LISTS_UPDATED=yes
}
