# What `make install` puts where: the command, the libraries, the public headers, and how pkg-config
# and CMake projects find them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
include(cmake/library.cmake)

# OPTIONAL: what was not built is not installed.
install(PROGRAMS ${CMAKE_BINARY_DIR}/dlx${CMAKE_EXECUTABLE_SUFFIX} DESTINATION ${CMAKE_INSTALL_BINDIR}
    OPTIONAL)
foreach(library dlx_shared dlx_static)
    install(FILES $<TARGET_FILE:${library}> DESTINATION ${CMAKE_INSTALL_LIBDIR} OPTIONAL)
endforeach()
install(FILES $<TARGET_SONAME_FILE:dlx_shared> $<TARGET_LINKER_FILE:dlx_shared>
    DESTINATION ${CMAKE_INSTALL_LIBDIR} OPTIONAL)
install(DIRECTORY include/dlx DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${CMAKE_BINARY_DIR}/${CMAKE_SHARED_MODULE_PREFIX}dlx_executorch${CMAKE_SHARED_MODULE_SUFFIX}
    DESTINATION ${CMAKE_INSTALL_LIBDIR} OPTIONAL)
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

file(RELATIVE_PATH DLX_UP /${CMAKE_INSTALL_LIBDIR}/pkgconfig /) # from dlx.pc to the prefix
configure_file(cmake/dlx.pc.in dlx.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/dlx.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/dlx)
configure_package_config_file(cmake/dlx-config.cmake.in dlx-config.cmake
    INSTALL_DESTINATION ${package} PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(dlx-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/dlx-config.cmake ${CMAKE_BINARY_DIR}/dlx-config-version.cmake
    DESTINATION ${package})
