# Kernel files are compiled for their instruction set each; the choice is made at run time.
# A file kernel_<isa>.c that this compiler's target does not know compiles to nothing.
# Where parsers are fuzzed they carry no sanitizers: no input of a parser comes here, and clang takes half an
# hour for one of them with all its bounds watched. `make asan ubsan` watch them, by the tests.
function(dlx_isa pattern)
    if(DLX_FUZZ)
        list(APPEND ARGN -fno-sanitize=all)
    endif()
    file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/kernel/${pattern})
    if(files)
        set_source_files_properties(${files} PROPERTIES COMPILE_OPTIONS "${ARGN}")
    endif()
endfunction()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
    dlx_isa(*_avx2.c -mavx2 -mfma -mf16c)
    dlx_isa(*_avxvnni.c -mavx2 -mfma -mf16c -mavxvnni)
    dlx_isa(*_avx512.c -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mfma -mf16c)
    foreach(isa avx512bf16 avx512wide)
        dlx_isa(*_${isa}.c -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mavx512bf16 -mfma -mf16c)
    endforeach()
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64|ARM64")
    dlx_isa(*_neondot.c -march=armv8.2-a+dotprod)
    dlx_isa(*_neoni8mm.c -march=armv8.2-a+dotprod+i8mm)
endif()
