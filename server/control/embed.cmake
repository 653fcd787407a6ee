# Turns files into arrays of C, so that the binary carries them: the descriptions of the API and of
# events, and the dashboard's files as a table of name and bytes.
function(embed file array out)
	set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
	file(READ ${file} bytes HEX)
	string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
	set(${out} "static const unsigned char ${array}[] = {${bytes}0};\n" PARENT_SCOPE)
endfunction()

set(WRITTEN "/* Written by server/control/embed.cmake. */\n")
embed(${CMAKE_CURRENT_LIST_DIR}/api/openapi.json openapi_json text)
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/openapi_json.h CONTENT "${WRITTEN}${text}" @ONLY)
embed(${CMAKE_SOURCE_DIR}/docs/event.schema.json event_schema_json text)
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/event_schema_json.h CONTENT "${WRITTEN}${text}" @ONLY)

file(GLOB DASHBOARD CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/dashboard/*)
set(arrays "")
set(table "")
foreach(file IN LISTS DASHBOARD)
	get_filename_component(name ${file} NAME)
	string(MAKE_C_IDENTIFIER "dashboard_${name}" array)
	embed(${file} ${array} text)
	string(APPEND arrays "${text}")
	string(APPEND table "\t{ \"${name}\", ${array}, sizeof(${array}) - 1 },\n")
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/dashboard_files.h
	CONTENT "${WRITTEN}${arrays}static const struct dashboard_file dashboard_files[] = {\n${table}};\n" @ONLY)
