// SPDX-License-Identifier: Apache-2.0
//
// What standard.h is for the libraries, for the launcher and the commands that look into a process: they use more of
// the standard library than the runtime may.
#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>
