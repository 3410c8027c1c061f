# The recipes of CONTRIBUTING.md, followed as written in a copy of the tree (scripts/follow-contributing).
# Not for sanitizer, coverage and cross builds: it makes a build of its own.
if(NOT WIN32 AND NOT CMAKE_CROSSCOMPILING AND NOT DLX_SANITIZE AND NOT DLX_COVERAGE)
    add_test(NAME contributing
        COMMAND ${CMAKE_SOURCE_DIR}/scripts/follow-contributing ${CMAKE_BINARY_DIR}/contributing)
    set_tests_properties(contributing PROPERTIES LABELS "integration;slow" TIMEOUT 1500)
endif()

# An emulated processor takes its time.
if(CMAKE_CROSSCOMPILING)
    get_property(tests DIRECTORY PROPERTY TESTS)
    set_tests_properties(${tests} PROPERTIES TIMEOUT 3600)
endif()
