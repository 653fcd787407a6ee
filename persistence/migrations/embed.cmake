# Turns each migration into an array of C, so that the binary carries them:
# 0001_first_tables.sqlite.sql becomes sql_0001_first_tables_sqlite[].
file(GLOB MIGRATIONS CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.sql)
set(text "/* Written by persistence/migrations/embed.cmake. */\n")
foreach(path IN LISTS MIGRATIONS)
	set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
	get_filename_component(name ${path} NAME)
	string(REGEX REPLACE "\\.sql$" "" name ${name})
	string(MAKE_C_IDENTIFIER sql_${name} name)
	file(READ ${path} bytes HEX)
	string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
	string(APPEND text "static const char ${name}[] = {${bytes}0};\n")
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/migrations_sql.h
	CONTENT "${text}" @ONLY)
