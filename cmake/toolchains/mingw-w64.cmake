# 64-bit Windows from Debian's or Ubuntu's MinGW-w64 cross compiler.
# A whole build needs Windows builds of jansson, PCRE2 and utf8proc where pkg-config finds them
# (PKG_CONFIG_LIBDIR); scripts/cross-mingw compiles what needs no third-party library.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR AMD64)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
set(CMAKE_FIND_ROOT_PATH /usr/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
