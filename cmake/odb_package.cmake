# cpack: Debian packages of what cmake --install installs, one for each component. scripts/package.sh
# calls it; packaging/ has what a package holds beside that.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME odb)
set(CPACK_PACKAGE_VENDOR "The odb authors")
set(CPACK_PACKAGE_CONTACT "The odb authors <odb@localhost.localdomain>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "distributed transactional object store with typed schemas")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)

set(CPACK_COMPONENTS_ALL server dev)
if(TARGET odb_program)
  list(APPEND CPACK_COMPONENTS_ALL tools)
endif()
if(ODB_BUILD_PYTHON)
  list(APPEND CPACK_COMPONENTS_ALL python)
endif()
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(packaging ${CMAKE_SOURCE_DIR}/packaging)

set(CPACK_DEBIAN_SERVER_PACKAGE_NAME odb-server)
set(CPACK_DEBIAN_SERVER_PACKAGE_SECTION database)
set(CPACK_DEBIAN_SERVER_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_SERVER_PACKAGE_DEPENDS "adduser")
set(CPACK_DEBIAN_SERVER_PACKAGE_SUGGESTS "redis-server, prometheus")
set(CPACK_DEBIAN_SERVER_PACKAGE_CONTROL_EXTRA
    "${packaging}/conffiles;${packaging}/postinst;${packaging}/prerm;${packaging}/postrm")
set(CPACK_COMPONENT_SERVER_DESCRIPTION
"odb_server holds versioned objects with typed schemas, in memory, in Redis or
in a directory, and streams every commit to everyone who subscribed to it.")

# Its names are also those of another odb, an object-relational mapper.
set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME odb-tools)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION database)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_TOOLS_PACKAGE_CONFLICTS odb)
set(CPACK_COMPONENT_TOOLS_DESCRIPTION
"The program odb looks at a running odb_server, and backs up and restores what
it keeps.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME odb-store-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_CONFLICTS libodb-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS
    "libboost1.81-dev, libssl-dev, libcapnp-dev, libspdlog-dev, libhiredis-dev, librocksdb-dev, pkg-config | pkgconf")
set(CPACK_COMPONENT_DEV_DESCRIPTION
"Static libraries and headers of the client, and of the server to be run inside
a program, with the package that find_package(odb) finds.")

set(CPACK_DEBIAN_PYTHON_PACKAGE_NAME python3-object-database)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SECTION python)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS "python3 (>= 3.11), python3 (<< 3.12)")
set(CPACK_DEBIAN_PYTHON_PACKAGE_RECOMMENDS python3-numpy)
set(CPACK_COMPONENT_PYTHON_DESCRIPTION
"The package object_database: programs define schemas, subscribe, read at memory
speed and commit transactions.")

# What a package holds that cmake --install does not: it has its place outside of the prefix.
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/cmake/odb_package_stage.cmake)
set(CPACK_ODB_SOURCE_DIR ${CMAKE_SOURCE_DIR})
include(CPack)
