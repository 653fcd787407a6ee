# Turns the description of the API into an array of C, so that the binary carries it.
set(OPENAPI ${CMAKE_CURRENT_LIST_DIR}/openapi.json)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${OPENAPI})
file(READ ${OPENAPI} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/openapi_json.h
	CONTENT "/* Written by server/control/embed.cmake. */\nstatic const char openapi_json[] = {${bytes}0};\n" @ONLY)
