# One list of warnings for all of our code, each of them an error.
add_compile_options(
	-Wall -Wextra -Wpedantic -Werror
	-Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef
	-Wvla -Wimplicit-fallthrough -Wnull-dereference -Wdouble-promotion
	-fstack-protector-strong -fno-common)
if(CMAKE_C_COMPILER_ID STREQUAL GNU)
	add_compile_options(-Wlogical-op -Wduplicated-cond -Wduplicated-branches)
	if(HOLDLINE_SANITIZE)
		# gcc's flow warnings misfire on instrumented code.
		add_compile_options(-Wno-null-dereference -Wno-maybe-uninitialized
			-Wno-stringop-truncation -Wno-format-truncation)
	endif()
endif()
if(CMAKE_BUILD_TYPE MATCHES Rel AND NOT HOLDLINE_SANITIZE)
	add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
	# A failed assertion is a bug; it must stop a release build as well.
	string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
	string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELWITHDEBINFO "${CMAKE_C_FLAGS_RELWITHDEBINFO}")
endif()
