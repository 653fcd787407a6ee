# packages.sh - Debian's packages that Holdline stands on, and how to get them
#
# Sourced by ./quickstart and ./check. The lists are the one place where package
# names stand. What is installed already costs nothing: a second run asks dpkg
# and goes on.

PACKAGES_RUN="build-essential cmake ninja-build pkg-config
	libwebsockets-dev libwebsockets-evlib-ev libev-dev libpq-dev libsqlite3-dev
	libjansson-dev libyaml-dev libxxhash-dev libisal-dev libsodium-dev
	libsndfile1-dev libspandsp-dev libspeexdsp-dev libopus-dev libbsd-dev
	libcurl4-openssl-dev libssl-dev
	asterisk-core-sounds-en-wav"
PACKAGES_TEST="libcmocka-dev ccache clang clang-tidy clang-format cppcheck
	libclang-rt-14-dev postgresql pgbouncer openssl python3
	python3-websockets python3-jsonschema python3-jwt python3-cryptography node-ws nodejs npm
	man-db prometheus curl git jq strace ffmpeg multimon-ng iproute2
	nftables e2fsprogs procps valgrind chromium"
# What tests/bench/run compares with.
PACKAGES_BENCH="golang-go golang-github-gorilla-websocket-dev golang-github-lib-pq-dev
	python3-fastapi python3-uvicorn python3-uvloop python3-psycopg2"

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# npm may have come with a nodejs that is not Debian's (NodeSource's has it
# inside, and conflicts with Debian's package): any npm will do.
packages_missing() {
	local name
	for name in "$@"; do
		[ "$name" = npm ] && command -v npm >/dev/null 2>&1 && continue
		dpkg-query -W -f '${Status}\n' "$name" 2>/dev/null |
			grep -q '^install ok installed$' || printf '%s ' "$name"
	done
}

# packages_need NAME...: installs what is missing, or says what to do.
packages_need() {
	local missing as_root=""
	command -v dpkg-query >/dev/null 2>&1 ||
		die "this script installs Debian packages; on another system install the libraries listed in tools/setup/packages.sh, then run: cmake --preset release && cmake --build --preset release"
	missing=$(packages_missing "$@")
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null 2>&1 ||
			die "these packages are missing and there is no sudo; as root run: apt-get install $missing"
		as_root=sudo
	fi
	say "installing: $missing"
	$as_root apt-get update -qq ||
		die "apt-get could not reach the package registry; check the network (or the proxy in /etc/apt) and run this again"
	# A PostgreSQL for the tests is started by the tests; Debian's own
	# cluster would only take port 5432.
	if ! [ -e /etc/postgresql-common/createcluster.conf ]; then
		$as_root mkdir -p /etc/postgresql-common
		echo 'create_main_cluster = false' |
			$as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
	fi
	# shellcheck disable=SC2086  # a list of words
	$as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends $missing >&2 ||
		die "apt-get could not install these packages; check that the network and the package registry can be reached, then run this again: $missing"
}

# build_preset NAME [cmake options]: configures once, then builds what changed.
build_preset() {
	local preset=$1
	shift
	cmake --preset "$preset" "$@" >"build/$preset.configure.log" 2>&1 || {
		cat "build/$preset.configure.log" >&2
		die "cmake could not configure the preset $preset"
	}
	cmake --build --preset "$preset" --parallel "$(nproc)" >&2 ||
		die "the preset $preset does not build"
}
