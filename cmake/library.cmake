# libdlx, shared and static, from the objects of the rooms. The command and the tests link the rooms
# themselves, so neither is built unless asked for (make lib, make install).
set(DLX_ROOMS base dtype format text graph model kernel export backends runtime quant api)
set(objects)
foreach(room ${DLX_ROOMS})
    get_target_property(type room_${room} TYPE)
    if(NOT type STREQUAL "INTERFACE_LIBRARY")
        list(APPEND objects $<TARGET_OBJECTS:room_${room}>)
    endif()
endforeach()

add_library(dlx_shared SHARED EXCLUDE_FROM_ALL ${objects})
add_library(dlx_static STATIC EXCLUDE_FROM_ALL ${objects})
foreach(library dlx_shared dlx_static)
    # The objects are C; a library of objects alone has no language of its own.
    set_target_properties(${library} PROPERTIES OUTPUT_NAME dlx LINKER_LANGUAGE C
        VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
    target_include_directories(${library} INTERFACE
        $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
    target_link_libraries(${library} PRIVATE
        PkgConfig::JANSSON PkgConfig::PCRE2 PkgConfig::UTF8PROC Threads::Threads m)
endforeach()
if(MINGW OR MSVC)
    set_target_properties(dlx_static PROPERTIES OUTPUT_NAME dlx_static)
endif()
