# cmake --install: the libraries with their headers, odb_server, and the package that
# find_package(odb) finds. Other projects link odb::client, or odb::server to embed one.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set_target_properties(odb_schemas PROPERTIES EXPORT_NAME schemas)
install(TARGETS odb_schemas odb_core odb_wire odb_net odb_server odb_client
        EXPORT odbTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
install(TARGETS odb_server_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT server)
# Whoever operates a server works from another machine, too.
if(TARGET odb_program)
  install(TARGETS odb_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tools)
endif()
foreach(layer core server client)
  install(DIRECTORY ${layer}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev
          FILES_MATCHING PATTERN "*.h")
endforeach()

set(odb_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/odb)
install(EXPORT odbTargets NAMESPACE odb:: DESTINATION ${odb_package_dir} COMPONENT dev)
configure_package_config_file(cmake/odbConfig.cmake.in ${CMAKE_BINARY_DIR}/odbConfig.cmake
                              INSTALL_DESTINATION ${odb_package_dir})
# Before 1.0 a minor version may break what was.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/odbConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/odbConfig.cmake ${CMAKE_BINARY_DIR}/odbConfigVersion.cmake
        DESTINATION ${odb_package_dir} COMPONENT dev)
