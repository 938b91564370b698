# Runs inside cpack, when the components lie in their folders and are not packed yet.
unset(ENV{DESTDIR})  # cpack's own way to its folders, which are named in full here
set(root ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
set(source ${CPACK_ODB_SOURCE_DIR})
set(file_mode OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
set(folder_mode OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

# put(<component> <folder> <file>... [RENAME name])
function(put component folder)
  file(INSTALL DESTINATION ${root}/${component}/${folder} TYPE FILE
       FILE_PERMISSIONS ${file_mode} DIRECTORY_PERMISSIONS ${folder_mode} FILES ${ARGN})
endfunction()

put(server lib/systemd/system ${source}/packaging/odb-server.service)
put(server etc/odb ${source}/packaging/server.conf)
file(GLOB documents ${source}/docs/*.md)
put(server usr/share/doc/odb-server ${documents} ${source}/docs/grafana-dashboard.json)

foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  string(TOUPPER ${component} upper)
  set(documents_folder usr/share/doc/${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
  put(${component} ${documents_folder} ${source}/packaging/copyright)
  execute_process(COMMAND gzip -9 -n -c ${source}/packaging/changelog
                  OUTPUT_FILE ${root}/${component}/${documents_folder}/changelog.Debian.gz
                  COMMAND_ERROR_IS_FATAL ANY)
endforeach()

# cpack strips programs and modules, not static libraries.
file(GLOB archives ${root}/dev/usr/lib/*.a)
if(archives)
  execute_process(COMMAND strip --strip-debug --enable-deterministic-archives ${archives}
                  COMMAND_ERROR_IS_FATAL ANY)
endif()
