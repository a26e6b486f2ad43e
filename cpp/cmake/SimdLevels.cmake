# The core is compiled once per SIMD level, each time into libraries of its own, so that no template
# compiled at two levels ever meets in one binary. Instruction sets by their GCC names; the macros
# tell which of them -march=native turned on.
set(NOISYNC_FEATURES_x86-64-v2 sse3 ssse3 sse4.1 sse4.2 popcnt)
set(NOISYNC_FEATURES_x86-64-v3 ${NOISYNC_FEATURES_x86-64-v2} avx avx2 bmi bmi2 fma)
set(NOISYNC_FEATURES_x86-64-v4
    ${NOISYNC_FEATURES_x86-64-v3} avx512f avx512bw avx512cd avx512dq avx512vl)
set(NOISYNC_FEATURES_ALL
    ${NOISYNC_FEATURES_x86-64-v4}
    sse4a fma4 xop avx512ifma avx512vbmi avx512vbmi2 avx512vnni avx512bitalg avx512vpopcntdq
    gfni vpclmulqdq)

function(noisync_native_features result)
  execute_process(
    COMMAND ${CMAKE_CXX_COMPILER} -march=native -dM -E -x c++ /dev/null
    OUTPUT_VARIABLE macros ERROR_QUIET)
  set(found "")
  foreach(feature IN LISTS NOISYNC_FEATURES_ALL)
    string(TOUPPER "${feature}" macro)
    string(REPLACE "." "_" macro "${macro}")
    if(macros MATCHES "__${macro}__")
      list(APPEND found ${feature})
    endif()
  endforeach()
  set(${result} ${found} PARENT_SCOPE)
endfunction()
noisync_native_features(NOISYNC_FEATURES_native)

function(noisync_level_flags level result)
  set(flags -march=${level})
  if("avx512f" IN_LIST NOISYNC_FEATURES_${level})
    list(APPEND flags -mprefer-vector-width=512)
  endif()
  set(${result} ${flags} PARENT_SCOPE)
endfunction()

# noisync_core_<level>: the Python-free core as a static library.
function(noisync_add_core level)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cpp/src/*.cpp")
  noisync_level_flags(${level} flags)
  add_library(noisync_core_${level} STATIC ${sources})
  target_include_directories(noisync_core_${level} PUBLIC "${PROJECT_SOURCE_DIR}/cpp/src")
  target_compile_options(noisync_core_${level} PUBLIC ${flags})
  target_link_libraries(noisync_core_${level} PUBLIC noisync_options)
endfunction()
