# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# How the scripts of this directory get at Debian's packages, and put what they
# take out of them into the cache.  To be sourced after common.sh.

# Another apt may be at work: a fresh machine upgrades itself.
APT_GET=(apt-get -q -o APT::Sandbox::User=root -o DPkg::Lock::Timeout=300)

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

# Once per run, when a package is not known or no longer where the lists say.
LISTS_UPDATED=
update_lists()
{
	[ -z "$LISTS_UPDATED" ] || return 1
	[ "$(id -u)" -eq 0 ] || return 1
	note "apt's package lists are missing or old: apt-get update"
	quietly "${APT_GET[@]}" update || die "apt-get update failed" \
		"Is there a network, and is /etc/apt/sources.list right?"
	LISTS_UPDATED=yes
}

install_packages()
{
	local missing

	command -v dpkg-query > /dev/null ||
		die "this set-up knows Debian's packages only" \
		    "Run it on Debian 12, for instance in a container."

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
	quietly "${APT_GET[@]}" install -y --no-install-recommends $missing 2> /dev/null ||
		{ update_lists &&
		  quietly "${APT_GET[@]}" install -y --no-install-recommends $missing; } ||
		die "apt-get could not install: $missing" \
		    "Run it by hand to see why:" \
		    "    apt-get install --no-install-recommends $missing"
}

package_known()
{
	[ -n "$(apt-cache show --no-all-versions "$1" 2> /dev/null)" ]
}

require_package()
{
	package_known "$1" || { update_lists && package_known "$1"; } ||
		die "apt knows no package $1" \
		    "Its lists may be old or lack Debian 12; as root, run: apt-get update"
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
	"${APT_GET[@]}" download "$@" > apt.log 2>&1 && return
	update_lists && "${APT_GET[@]}" download "$@" > apt.log 2>&1 && return
	cat apt.log >&2
	die "could not download: $*" \
	    "If there is a network, apt's lists are old; as root, run: apt-get update"
}

# A directory in the cache comes into being whole or not at all: it is filled
# under another name, in $WORK, and then renamed.  What an interrupted run left
# behind is removed.
begin()
{
	WORK=$CACHE/$1.part
	rm -rf "$WORK"
	mkdir -p "$WORK/debs"
}

finish()
{
	rm -rf "$WORK/debs"
	mkdir -p "$(dirname "$CACHE/$1")"
	rm -rf "${CACHE:?}/$1"
	mv "$WORK" "$CACHE/$1"
}

# use_suite SUITE: from now on, in this shell, apt looks into another of Debian's
# suites, at the mirrors that it knows.  It has lists, a cache and a (void) list of
# what is installed to itself, so that the machine's own are left alone.
use_suite()
{
	local dir=$CACHE/apt/$1 of_security=0 mirror

	[[ $1 != *-security ]] || of_security=1
	# shellcheck disable=SC2016 # apt's variables
	mirror=$(env -u APT_CONFIG apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
		awk -v of_security=$of_security '
			/debian/ && ($1 ~ /-security$/) == of_security { print $2; exit }')
	[ -n "$mirror" ] || die "apt knows no mirror that could have Debian's $1" \
		"It goes by the machine's own: see /etc/apt/sources.list.d"

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
	quietly "${APT_GET[@]}" update || die "apt-get update failed for Debian's $1" \
		"Is there a network, and does $mirror have it?"
	LISTS_UPDATED=yes
}
