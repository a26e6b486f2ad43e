# Eigen 3.4 or newer: the system's copy, else the headers of the build requirement cmeel-eigen,
# which lie under cmeel.prefix in the site-packages of the Python that runs the build.
find_package(Eigen3 QUIET CONFIG)
if(NOT Eigen3_FOUND)
  find_package(Python COMPONENTS Interpreter QUIET)
  set(roots ${CMAKE_PREFIX_PATH})
  if(Python_FOUND)
    list(APPEND roots "${Python_SITELIB}" "${Python_PLATLIB}")
  endif()
  list(TRANSFORM roots APPEND "/cmeel.prefix")
  find_package(Eigen3 QUIET CONFIG PATHS ${roots} NO_DEFAULT_PATH)
endif()
if(NOT Eigen3_FOUND)
  message(FATAL_ERROR
    "Eigen 3.4 or newer was not found. Install it (Debian: libeigen3-dev) or its headers from PyPI "
    "(pip install cmeel-eigen) and point CMake there: -DCMAKE_PREFIX_PATH=<site-packages>.")
endif()
if(Eigen3_VERSION VERSION_LESS 3.4)
  message(FATAL_ERROR "Eigen ${Eigen3_VERSION} in ${Eigen3_DIR} is too old: 3.4 or newer needed.")
endif()
message(STATUS "Eigen ${Eigen3_VERSION}: ${Eigen3_DIR}")
