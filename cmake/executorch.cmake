# The library that speaks to ExecuTorch, where one is installed: DLX_EXECUTORCH is the directory of its Python
# package (1.5 or newer), which holds headers and libraries. Nothing else links it; dlx loads it by name.
set(DLX_EXECUTORCH "" CACHE PATH "directory of an installed ExecuTorch (site-packages/executorch)")
if(DLX_EXECUTORCH)
    if(NOT EXISTS ${DLX_EXECUTORCH}/include/executorch/extension/module/module.h)
        message(FATAL_ERROR "DLX_EXECUTORCH=${DLX_EXECUTORCH}: expected include/executorch and lib of "
                            "ExecuTorch 1.5 or newer there; pip install executorch")
    endif()
    enable_language(CXX)
    add_library(dlx_executorch MODULE EXCLUDE_FROM_ALL src/backends/xnnpack/executorch.cpp)
    set_target_properties(dlx_executorch PROPERTIES
        CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON
        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}
        BUILD_RPATH ${DLX_EXECUTORCH}/lib)
    target_compile_definitions(dlx_executorch PRIVATE
        C10_USING_CUSTOM_GENERATED_MACROS ET_EVENT_TRACER_ENABLED ET_USE_THREADPOOL)
    target_compile_options(dlx_executorch PRIVATE -w) # the headers' own warnings
    target_include_directories(dlx_executorch SYSTEM PRIVATE ${DLX_EXECUTORCH}/include
        ${DLX_EXECUTORCH}/include/executorch/runtime/core/portable_type/c10)
    target_link_directories(dlx_executorch PRIVATE ${DLX_EXECUTORCH}/lib)
    # Kernels and delegates only register themselves: a linker that drops what nobody calls drops them.
    target_link_libraries(dlx_executorch PRIVATE -Wl,--no-as-needed executorch executorch_kernels_optimized
        executorch_backend_xnnpack executorch_threadpool)
endif()
