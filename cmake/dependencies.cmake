# What we stand on, all of it from Debian (the package names are in ./quickstart).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
foreach(module IN ITEMS libwebsockets libpq sqlite3 jansson libisal yaml-0.1
		libxxhash libsodium sndfile libbsd libcurl openssl spandsp speexdsp opus)
	string(MAKE_C_IDENTIFIER ${module} name)
	pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${module})
endforeach()
# libev ships no pkg-config file.
find_library(LIBEV ev REQUIRED)
