# Compiler flags for every target of the project.
# -ffp-contract=off: the same bits whether or not the compiler sees a chance to fuse.
add_compile_options(
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
    -Wcast-qual -Wvla -Wundef -Wno-sign-conversion -ffp-contract=off -fvisibility=hidden)
if(DLX_WERROR)
    add_compile_options(-Werror)
endif()
set(CMAKE_C_FLAGS_RELEASE "-O3 -DNDEBUG")

if(DLX_SANITIZE)
    add_compile_options(-fsanitize=${DLX_SANITIZE} -fno-omit-frame-pointer -g)
    add_link_options(-fsanitize=${DLX_SANITIZE})
    if(DLX_SANITIZE MATCHES undefined)
        add_compile_options(-fno-sanitize-recover=undefined)
    endif()
endif()
if(DLX_COVERAGE)
    # atomic: threads that count the same line would otherwise lose and garble counts
    add_compile_options(--coverage -fprofile-update=atomic -O0 -g)
    add_link_options(--coverage)
endif()
